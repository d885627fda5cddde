"""The source trees that the benchmarks run on: pinned packages from PyPI, unpacked once.

Kept under bench/.cache. Each archive is checked against its sha256 before it is unpacked.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

CACHE = Path(__file__).parent / ".cache"

# name of the top folder -> (requirement, sha256 of the wheel)
_WHEELS = {
    "django": (
        "django==5.2.8",
        "37e687f7bd73ddf043e2b6b97cfe02fcbb11f2dbb3adccc6a2b18c6daa054d7f",
    ),
    "scipy": (
        "scipy==1.16.3",
        "0151a0749efeaaab78711c78422d413c583b8cdd2011a3c1d6c794938ee9fdb2",
    ),
}


def tree(name: str) -> Path:
    """Return the folder of a package's sources, fetched if need be."""
    folder = CACHE / name
    if folder.is_dir():
        return folder
    requirement, sha256 = _WHEELS[name]
    downloads = CACHE / "wheels"
    downloads.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"),
            *("--platform", "manylinux2014_x86_64", "--python-version", "3.11"),
            *("--dest", str(downloads), requirement),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    (wheel,) = downloads.glob(f"{name}-*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:
        raise SystemExit(f"{wheel.name} is not the file that was pinned")
    fresh = CACHE / f"{name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(fresh, [n for n in archive.namelist() if n.startswith(f"{name}/")])
    (fresh / name).rename(folder)
    shutil.rmtree(fresh)
    return folder


def copy(name: str, target: Path, pattern: str = "*") -> Path:
    """Copy a package's files that fit the pattern to `target/name`; returns `target`."""
    folder = tree(name)
    for path in sorted(folder.rglob(pattern)):
        place = target / name / path.relative_to(folder)
        if path.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return target
