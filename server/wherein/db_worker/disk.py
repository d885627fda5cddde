"""What kind of disk an index is on, and whether its files are plain files. Database process only.

SQLite's write-ahead log needs memory that processes share, which a network file system has not.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from wherein.errors import IndexDamaged

#: Types of Linux's mount table that are served by another machine, or by the host of this one.
_NETWORK: Final = frozenset({
    "9p", "afs", "ceph", "cifs", "drvfs", "fuse.sshfs", "fuse.glusterfs", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs",
})  # fmt: skip
_MOUNTS: Final = Path("/proc/self/mountinfo")


def file_system(path: Path) -> str:
    """Return the type of the file system that holds a path, "" where the system does not say."""
    try:
        lines = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    here = os.path.realpath(path)
    best, found = -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        mount = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = here == mount or here.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= best:  # the last one mounted there is on top
            best, found = len(mount), right.split(" ")[0]
    return found


def on_network(path: Path) -> bool:
    """Say whether a path is on a network file system."""
    return file_system(path) in _NETWORK


def identity(path: Path) -> tuple[int, int] | None:
    """Tell one file from another of the same name; None when there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def size(files: Iterable[Path]) -> int:
    """Return how many bytes these files have, those that are there."""
    total = 0
    for path in files:
        with contextlib.suppress(OSError):  # no log right now
            total += path.stat().st_size
    return total


def refuse_odd(database: Path) -> None:
    """Raise IndexDamaged when the database or one of its companions is no plain file.

    A link could lead anywhere, a pipe would block for ever. Raises FileNotFoundError when the
    database is not there.
    """
    if not stat.S_ISDIR(database.parent.lstat().st_mode):
        raise IndexDamaged(f"{database.parent} is not a directory.")
    if not stat.S_ISREG(database.lstat().st_mode):
        raise IndexDamaged(f"{database} is not a plain file.")
    for suffix in ("-wal", "-shm", "-journal"):
        companion = Path(f"{database}{suffix}")
        try:
            mode = companion.lstat().st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            raise IndexDamaged(f"{companion} is not a plain file.")
