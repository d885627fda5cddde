"""The files that an index knows, as rows. Database process only."""

from __future__ import annotations

from typing import Any, Final

import apsw

from wherein.db_worker.schema import query
from wherein.domain import FileList, KnownFile, Signature, Skip

_FILES: Final = "SELECT path, size, mtime_ns, ctime_ns, inode, hash, skip FROM files ORDER BY path"
_FILE: Final = "SELECT path, size, mtime_ns, ctime_ns, inode, hash, skip FROM files WHERE path = ?"


def files(conn: apsw.Connection) -> FileList:
    """Return every file, skipped ones too, by path."""
    ((commit,),) = query(conn, "SELECT value FROM meta WHERE key = 'commit'")
    return FileList([_known(row) for row in query(conn, _FILES)], commit)


def file(conn: apsw.Connection, path: bytes) -> KnownFile | None:
    """Return one file, None when the index does not know it."""
    rows = query(conn, _FILE, (path,))
    return _known(rows[0]) if rows else None


def _known(row: tuple[Any, ...]) -> KnownFile:
    path, size, mtime, ctime, inode, content, skip = row
    signature = Signature(size, mtime, ctime, int(inode))
    return KnownFile(path, signature, content, Skip(skip) if skip else None)
