"""The indexes on this disk: which there are, which are of no use any more, and taking one away.

Used by the command line. An index that some process owns is never touched: its lock says so.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from wherein.errors import IndexBusy, StorageError
from wherein.ownership.lock import hold, kill_leftovers, read_owner
from wherein.paths import IndexPaths, index_home, log_home

UNUSED_S: Final = 60 * 86_400.0
_NAME: Final = re.compile(r"[0-9a-f]{16}")
_ASIDE: Final = ".removed-"


class Stored(msgspec.Struct, frozen=True):
    """One index: the folder it is of, its size in bytes, and the unix time of its last use."""

    paths: IndexPaths
    size: int
    used_at: float
    folder_gone: bool

    def useless(self, now: float) -> str:
        """Say why nobody needs it, "" when somebody may."""
        if self.folder_gone:
            return "its folder is gone"
        days = (now - self.used_at) / 86_400
        return f"not used for {days:.0f} days" if now - self.used_at > UNUSED_S else ""


def stored_indexes() -> Iterator[Stored | Path]:
    """List the indexes, by name; a directory that is none of ours is given as a path.

    Raises StorageError when the directory of all indexes cannot be read.
    """
    home = index_home()
    try:
        found = sorted(entry for entry in home.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{home} cannot be read: {error.strerror}") from error
    for directory in found:
        if directory.name.startswith(_ASIDE):
            continue
        yield _stored(directory) or directory


def remove(paths: IndexPaths) -> int:
    """Take an index away; returns the bytes that are free now.

    Raises IndexBusy when a process owns it, StorageError when it cannot be removed.
    """
    directory = Path(paths.directory)
    if not directory.is_dir():
        return 0
    fd = hold(paths)
    if fd is None:
        owner = read_owner(paths)
        who = f"process {owner.pid}" if owner else "another process"
        raise IndexBusy(f"The index of this folder is in use by {who}. Close it there first")
    try:
        kill_leftovers(read_owner(paths))
        size = bytes_on_disk(directory)
        aside = directory.with_name(f"{_ASIDE}{directory.name}-{os.getpid()}")
        if sys.platform == "win32":
            os.close(fd)  # an open file keeps its directory in place there
            fd = -1
        # Renamed first: who opens the index meanwhile begins a new one, never half of this.
        directory.rename(aside)
        shutil.rmtree(aside)
        for log in log_home().glob(f"{paths.id}.*"):
            log.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{directory} cannot be removed: {error.strerror}") from error
    finally:
        if fd >= 0:
            os.close(fd)
    return size


def prune(*, dry: bool = False) -> Iterator[tuple[Stored, str]]:
    """Remove the indexes that nobody needs, and yield each with the reason; `dry` only tells.

    One in use stays, whatever its age.
    """
    now = time.time()
    for stored in stored_indexes():
        reason = stored.useless(now) if isinstance(stored, Stored) else ""
        if not isinstance(stored, Stored) or not reason:
            continue
        if dry:
            yield stored, reason
            continue
        try:
            remove(stored.paths)
        except IndexBusy:
            continue
        except StorageError:
            if Path(stored.paths.directory).is_dir():
                raise
            continue  # another one prunes too
        yield stored, reason
    if not dry:
        for left in index_home().glob(f"{_ASIDE}*"):  # by a removal that was ended halfway
            shutil.rmtree(left, ignore_errors=True)


def _stored(directory: Path) -> Stored | None:
    """Read what an index is; None for a directory that is not one."""
    if not _NAME.fullmatch(directory.name):
        return None
    try:
        root = os.fsdecode((directory / "folder").read_bytes())
    except OSError:
        return None
    paths = IndexPaths(root=root, id=directory.name, directory=str(directory))
    try:
        used_at = paths.lock.stat().st_mtime
    except OSError:
        used_at = directory.stat().st_mtime
    return Stored(paths, bytes_on_disk(directory), used_at, _is_gone(root))


def _is_gone(root: str) -> bool:
    """Say whether a folder is surely not there; one that cannot be looked at may be."""
    try:
        return not Path(root).is_dir() and not Path(root).exists()
    except OSError:
        return False


def bytes_on_disk(directory: Path) -> int:
    """Return the size of all files of an index; one that goes meanwhile does not count."""
    size = 0
    for file in directory.rglob("*"):
        with contextlib.suppress(OSError):
            size += file.lstat().st_size if file.is_file() else 0
    return size
