"""The size that the question before an installation names, compared with what is installed here.

What the locked packages weigh on disk is counted in the environment of these tests, which has all.
What they weigh on the way is known to a registry only; but wheels are deflated, so a part of the
files is deflated here: that is a few per cent off.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from support.workbench import ROOT

_MB = 10**6
_BLOCK = 1 << 17
_EACH = 12  # one block in so many is deflated: a second or two instead of half a minute
_OWN = ROOT / "server" / "wherein"  # comes with the extension


def claims(text: str) -> list[tuple[int, int]]:
    """List what a text says: megabytes to fetch, and megabytes on disk."""
    found = re.findall(r"(\d+) MB to fetch, (\d+) MB (?:on disk|of files)", text)
    return [(int(fetch), int(disk)) for fetch, disk in found]


def files_of(*packages: str) -> list[Path]:
    """List the installed files of packages."""
    found = []
    for package in packages:
        installed = metadata.distribution(package)
        found += [Path(str(installed.locate_file(file))) for file in installed.files or ()]
    return [file for file in found if file.is_file()]


def size(files: list[Path]) -> int:
    """Count the bytes of files."""
    return sum(file.stat().st_size for file in files)


def blocks(files: list[Path]) -> Iterator[bytes]:
    """Give one block in so many, of all files one after the other."""
    number = 0
    for file in files:
        with file.open("rb") as stream:
            for place in range(0, file.stat().st_size, _BLOCK):
                if number % _EACH == 0:
                    stream.seek(place)
                    yield stream.read(_BLOCK)
                number += 1


def deflated(files: list[Path]) -> float:
    """Estimate the bytes of files in a wheel."""
    before = after = 0
    for block in blocks(files):
        before += len(block)
        after += len(zlib.compress(block))
    return size(files) * after / before


@pytest.fixture(scope="module")
def weight() -> tuple[float, float]:
    """What the private environment weighs, in megabytes: to fetch, and on disk."""
    lock = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    packages = re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)
    assert len(packages) > 20
    files = files_of(*packages)
    fetched = [file for file in files if file.suffix != ".pyc"]  # made when it is installed
    own = [file for file in _OWN.rglob("*") if file.is_file()]
    # pip is in every environment; it comes with Python.
    return deflated(fetched) / _MB, size([*files, *files_of("pip"), *own]) / _MB


@pytest.mark.parametrize("where", ["client-ts/src/server/setup.ts", "docs/editors/vscode.md"])
def test_the_size_that_is_named_is_the_real_one(where: str, weight: tuple[float, float]) -> None:
    (claim,) = claims((ROOT / where).read_text(encoding="utf-8"))
    for named, real in zip(claim, weight, strict=True):
        assert 0.9 * real <= named <= 1.25 * real, f"{where} says {claim}, it is {weight}"


def test_a_claim_is_read() -> None:
    assert claims('SIZE = "About 90 MB to fetch, 500 MB on disk"') == [(90, 500)]
    assert claims("88 MB to fetch, 460 MB of files, 5 MB") == [(88, 460)]
    assert claims("90 MB") == []
