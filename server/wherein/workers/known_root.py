"""Telling a folder from the empty directory that `umount` leaves under its name.

Runs in the file-watcher worker. Which directory the folder was is kept beside its index: the disk
may be away when a server starts.
"""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from typing import NamedTuple

import msgspec

from wherein.errors import StorageError
from wherein.indexing.walker import Walk
from wherein.paths import IndexPaths, write_private


class Identity(NamedTuple):
    """What two directories of the same name differ in."""

    device: int
    inode: int


def identity(root: str) -> Identity | None:
    """Tell one directory from another of the same name; None when there is none."""
    try:
        found = Path(root).stat()
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


class KnownRoot:
    """The directory that the index is of."""

    def __init__(self, paths: IndexPaths) -> None:
        self._root = paths.root
        self._file = Path(paths.directory) / "root"
        self._kept = self._ours = self._read()

    def is_there(self) -> bool:
        """Say whether the folder is the one that was last looked through."""
        return self._ours is not None and identity(self._root) == self._ours

    def looked(self, found: Walk, before: Identity | None, *, holds: bool) -> bool:
        """Take what a walk found; False when it says nothing about the files of the index.

        `before` is the folder's identity as the walk began, `holds` whether the index has files.
        A person may delete every file of a folder; in another directory than before, none at all
        is rather a disk that is not mounted.
        """
        now = identity(self._root)
        if now is None or now != before:
            return False  # it went while we walked
        empty = not found.files and not found.skipped
        if empty and now != self._ours and (holds or self._ours is not None):
            return False
        self._ours = now
        if not empty and now != self._kept:
            self._kept = now
            with contextlib.suppress(StorageError):  # a full disk: this process knows it
                write_private(self._file, msgspec.json.encode(now))
        return True

    def _read(self) -> Identity | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Identity)
        except (OSError, msgspec.MsgspecError):
            return None
