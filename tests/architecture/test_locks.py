"""The locks meet pyproject.toml, each file by its hash, and no path of a machine."""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

import apsw
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_LOCKS = Path(__file__).parents[2] / "requirements"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def pins(text: str) -> dict[str, str]:
    """Read the pinned version of each package."""
    return {canonicalize_name(name): version for name, version, _ in _PIN.findall(text)}


def unsatisfied(requirements: list[str], locked: dict[str, str]) -> list[str]:
    """List the requirements that hold on this Python and the locked versions do not meet."""
    wanted = [Requirement(text) for text in requirements]
    return [
        str(want)
        for want in wanted
        if (want.marker is None or want.marker.evaluate())
        and (
            canonicalize_name(want.name) not in locked
            or not want.specifier.contains(locked[canonicalize_name(want.name)], prereleases=True)
        )
    ]


def problems(text: str) -> list[str]:
    """List what a lock must not have: an unpinned or unhashed package, an index, a local path."""
    found = [f"{name} has no hash" for name, _, rest in _PIN.findall(text) if "sha256:" not in rest]
    for line in text.splitlines():
        if line.startswith("-") or "file:" in line or "://" in line:
            found.append(f"an option or address: {line}")
        elif line and not line.startswith(("#", " ")) and not _PIN.match(line + "\n"):
            found.append(f"not pinned: {line}")
    return found


def _lock(name: str) -> str:
    return (_LOCKS / f"{name}.lock").read_text(encoding="utf-8")


def test_the_runtime_lock_satisfies_the_package() -> None:
    wanted = requires("wherein")
    assert wanted
    assert unsatisfied(wanted, pins(_lock("runtime"))) == []


@pytest.mark.parametrize("name", ["build", "windows", "dev"])
def test_what_the_inputs_name_is_locked(name: str) -> None:
    lines = (_LOCKS / f"{name}.in").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert unsatisfied(wanted, pins(_lock("dev" if name == "dev" else "runtime"))) == []


def test_tests_run_with_the_versions_that_people_get() -> None:
    runtime, dev = pins(_lock("runtime")), pins(_lock("dev"))
    assert {name: dev.get(name) for name in runtime} == runtime


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_S16_every_package_is_pinned_and_hashed(name: str) -> None:
    assert problems(_lock(name)) == []


def test_a_bad_lock_is_found() -> None:
    good = "a==1 \\\n    --hash=sha256:00\n    # via b\n"
    assert problems(good) == []
    assert problems("a==1\n" + good) == ["a has no hash"]
    assert problems("--find-links /x\n" + good) == ["an option or address: --find-links /x"]
    assert problems("a>=1\n") == ["not pinned: a>=1"]


def test_an_unmet_requirement_is_found() -> None:
    assert unsatisfied(["A_b>=2", "c"], {"a-b": "2.0", "c": "1"}) == []
    assert unsatisfied(["a>=2", "b"], {"a": "1"}) == ["a>=2", "b"]


def test_S16_make_installs_by_hash() -> None:
    """What people get is exactly what was locked; tools of the maintainers are named by version."""
    makefile = (_LOCKS.parent / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in makefile.splitlines() if "pip install" in line]
    assert len(installs) >= 4
    for line in installs:
        by_hash = "--require-hashes" in line
        ours = "--no-deps --no-build-isolation --editable ." in line
        tools = re.search(r"build/(audit|lock)/bin/python -m pip install", line)
        assert by_hash or ours or tools, line
    assert "npm ci --ignore-scripts" in makefile


def test_S16_sqlite_is_one_without_the_known_races() -> None:
    """3.51.2 and older may lose a commit when a log is reset beside a reader."""
    found = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    assert found >= (3, 51, 3)
