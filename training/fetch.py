"""Downloads the archives of the lock file by each registry's own client, and checks their hashes.

What is there already with the right hash is not asked for again, so a run that was cut off goes on.
Debian's packages are found through a package list of their own under the work folder: the lists of
the machine are not touched, and no root is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from wherein.embedding.fingerprint import hash_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.lock import Archive, Package

_BATCH = 25
_TIMEOUT_S = 1800
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SOURCES = """\
deb [signed-by={key}] http://deb.debian.org/debian bookworm main
deb-src [signed-by={key}] http://deb.debian.org/debian bookworm main
deb-src [signed-by={key}] http://deb.debian.org/debian trixie main
"""
_CONFIG = """\
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "{root}/state";
Dir::State::lists "{root}/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{root}/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""


def fetch(packages: list[Package], folder: Path, say: Callable[[str], None]) -> list[Package]:
    """Bring all archives into `folder/REGISTRY`; returns the packages that could not be had."""
    waiting = [one for one in packages if not is_there(one, folder)]
    say(f"{len(packages) - len(waiting):,} of {len(packages):,} packages are there")
    if any(one.registry in ("deb", "src") for one in waiting):
        _prepare_apt(folder)
    for registry, suite in sorted({(one.registry, one.suite) for one in waiting}):
        group = [one for one in waiting if (one.registry, one.suite) == (registry, suite)]
        place = folder / registry
        place.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(group), _BATCH):
            batch = group[start : start + _BATCH]
            _run(registry, suite, batch, place)
            for one in batch:  # one that is gone must not keep the others of its batch away
                if not is_there(one, folder):
                    _run(registry, suite, [one], place)
            say(f"{registry}: {min(start + _BATCH, len(group)):,} of {len(group):,} packages")
    return [one for one in packages if not is_there(one, folder)]


def is_there(package: Package, folder: Path) -> bool:
    """Tell whether all archives of a package are in the folder, with the right hashes."""
    return all(_is_right(folder / package.registry / one.name, one) for one in package.files)


def _is_right(path: Path, archive: Archive) -> bool:
    if not path.is_file() or path.stat().st_size != archive.size:
        return False
    stamp = path.with_name(path.name + ".ok")  # hashing gigabytes at every run would be slow
    if stamp.is_file() and stamp.read_text() == archive.sha256:
        return True
    if hash_files(path.parent, [path.name])[path.name] != archive.sha256:
        return False
    stamp.write_text(archive.sha256)
    return True


def _run(registry: str, suite: str, batch: list[Package], place: Path) -> None:
    pins = [f"{one.name}{_JOINED[registry]}{one.version}" for one in batch]
    environment = {**os.environ, "APT_CONFIG": str(place.parent / "apt/apt.conf")}
    command = [*_COMMANDS[registry], *(["-t", suite] if registry == "src" else []), *pins]
    # A client that fails is not the end: what is missing is asked for singly, then reported.
    subprocess.run(
        command, cwd=place, env=environment, check=False, timeout=_TIMEOUT_S,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


_JOINED = {"pypi": "==", "npm": "@", "deb": "=", "src": "="}
_PIP = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
_PLATFORMS = ("any", "manylinux2014_x86_64", "manylinux_2_28_x86_64")
_COMMANDS = {
    "pypi": [*_PIP, *(word for one in _PLATFORMS for word in ("--platform", one)),
             "--python-version", "3.11", "--dest", "."],
    "npm": ["npm", "pack", "--silent", "--ignore-scripts"],
    "deb": ["apt-get", "download", "-q"],
    "src": ["apt-get", "source", "-q", "--download-only", "--only-source"],
}  # fmt: skip


def _prepare_apt(folder: Path) -> None:
    root = (folder / "apt").resolve()
    for name in ("state", "lists/partial", "cache/archives/partial"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "sources.list").write_text(_SOURCES.format(key=_KEYRING))
    (root / "apt.conf").write_text(_CONFIG.format(root=root))
    environment = {**os.environ, "APT_CONFIG": str(root / "apt.conf")}
    subprocess.run(["apt-get", "update", "-q"], env=environment, check=True, stdout=sys.stderr)
