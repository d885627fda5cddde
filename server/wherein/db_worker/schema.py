"""The tables of one index, its pragmas, and the checks when it is opened. Database process only.

Nothing here knows what the rows mean; `store.py` writes them and `search.py` reads them. A chunk's
and a symbol's id are numbers that only grow, and the ids of one file are consecutive, so a file's
rows are two ranges kept in `files` and need no index of their own. Chunk text is not stored.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import apsw

from wherein.errors import StorageError

APPLICATION_ID: Final = 0x57684931  # "WhI1"
#: Raise when a table, a column, or what the tokeniser puts into `words` changes: old indexes are
#: then rebuilt, with nothing asked.
SCHEMA_VERSION: Final = 3
#: Writers wait this long for another process that still holds the database.
BUSY_MS: Final = 5_000
#: 4 KiB pages in the log before it is copied into the database by itself: 16 MB.
CHECKPOINT_PAGES: Final = 4_000

_TABLES: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # `inode` has no type: some file systems number beyond 63 bits, and those are kept as text.
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode,
        hash BLOB NOT NULL, language TEXT NOT NULL, skip TEXT, text_bytes INTEGER NOT NULL,
        first_chunk INTEGER NOT NULL, end_chunk INTEGER NOT NULL,
        first_symbol INTEGER NOT NULL, end_symbol INTEGER NOT NULL)""",
    """CREATE TABLE chunks (
        id INTEGER PRIMARY KEY, file INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        start_byte INTEGER NOT NULL, end_byte INTEGER NOT NULL,
        start_line INTEGER NOT NULL, end_line INTEGER NOT NULL,
        symbol TEXT NOT NULL, kind TEXT NOT NULL, definitions TEXT NOT NULL, key BLOB NOT NULL)""",
    """CREATE TABLE symbols (
        id INTEGER PRIMARY KEY, file INTEGER NOT NULL, folded TEXT NOT NULL,
        name TEXT NOT NULL, qualified TEXT NOT NULL, kind TEXT NOT NULL,
        start_line INTEGER NOT NULL, end_line INTEGER NOT NULL,
        start_byte INTEGER NOT NULL, end_byte INTEGER NOT NULL, signature TEXT NOT NULL,
        chunk INTEGER NOT NULL, key BLOB NOT NULL, weight REAL NOT NULL)""",  # chunk -1: none
    "CREATE INDEX symbols_folded ON symbols (folded)",
    # The text arrives as tokens already, so the tokeniser only has to cut at blanks. Without
    # detail=full a table with no content gives bm25() = 0 for every row.
    """CREATE VIRTUAL TABLE words USING fts5 (
        path, symbol, definitions, text,
        content='', contentless_delete=1, detail=full, tokenize='ascii')""",
    "CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, 'row')",
    "CREATE TABLE models (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dim INTEGER)",
    # `data` is a float32 scale and dim int8 values; NULL says that the model could not embed it.
    """CREATE TABLE vectors (
        id INTEGER PRIMARY KEY, model INTEGER NOT NULL, key BLOB NOT NULL,
        data BLOB, crc INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX vectors_key ON vectors (model, key)",
    """CREATE TABLE applied (
        id INTEGER PRIMARY KEY, request BLOB NOT NULL UNIQUE,
        number INTEGER NOT NULL, changed INTEGER NOT NULL)""",
)

#: Numbers kept in `meta`, changed in the same transaction as what they count.
COUNTERS: Final = (
    "commit", "files", "chunks", "text_bytes", "next_file", "next_chunk", "next_symbol",
)  # fmt: skip


class Damaged(StorageError):
    """The database file is not one of ours any more: empty, cut, overwritten, or inconsistent."""


class OtherVersion(StorageError):
    """The database was made by a wherein with other tables."""


def query(conn: apsw.Connection, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
    """Run one statement and return all its rows, as tuples."""
    return conn.execute(sql, bindings).fetchall()


def id_list(ids: Iterable[int]) -> apsw.CArrayBinding:
    """Return row ids as one bound parameter, for `IN (SELECT value FROM carray(?))`.

    An array of nothing cannot be bound, so it becomes the one id that no row has.
    """
    return apsw.carray(array("q", sorted(ids) or [-1]))


def pragma(conn: apsw.Connection, name: str, value: str | int | None = None) -> object:
    """Set (or read) one pragma and return what the database says, one statement a call.

    Several in one string would stop at the first that returns a row.
    """
    statement = f"PRAGMA {name}" if value is None else f"PRAGMA {name} = {value}"
    row = conn.execute(statement).fetchone()
    return None if row is None else row[0]


def create(path: Path, generation: int) -> None:
    """Make an empty index database, readable by its owner only.

    Raises StorageError when the directory cannot be written.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageError(f"Cannot create the index {path}: {error.strerror}.") from error
    conn = apsw.Connection(str(path))
    try:
        if pragma(conn, "journal_mode", "WAL") != "wal":
            raise StorageError(f"{path.parent} is on a disk without write-ahead logging.")
        conn.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            conn.execute(statement)
        rows: list[tuple[str, int | str]] = [(name, 0) for name in COUNTERS]
        rows += [("generation", generation), ("clean", 1), ("fingerprint", "")]
        conn.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        pragma(conn, "application_id", APPLICATION_ID)
        pragma(conn, "user_version", SCHEMA_VERSION)
        conn.execute("COMMIT")
    finally:
        conn.close()


def open_writer(path: Path, generation: int) -> apsw.Connection:
    """Open the one writing connection of an index, and check that the file is sound.

    Raises Damaged or OtherVersion; the caller puts such an index aside and makes a new one.
    """
    if path.stat().st_size == 0:
        raise Damaged(f"{path} is empty.")  # SQLite takes it for a valid database with no tables
    conn = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        _check(conn, path, generation)
        conn.set_busy_timeout(BUSY_MS)
        pragma(conn, "synchronous", "NORMAL")
        pragma(conn, "wal_autocheckpoint", CHECKPOINT_PAGES)
        pragma(conn, "journal_size_limit", 64 << 20)
        pragma(conn, "cache_size", -32_000)
        pragma(conn, "secure_delete", "FAST")
        _harden(conn)
        conn.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.FormatError) as error:
        conn.close()
        raise Damaged(f"{path}: {error}.") from error
    except BaseException:
        conn.close()
        raise
    return conn


def open_reader(path: Path) -> apsw.Connection:
    """Open a connection that can only read."""
    conn = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    conn.set_busy_timeout(BUSY_MS)
    pragma(conn, "query_only", 1)
    pragma(conn, "cache_size", -16_000)
    _harden(conn)
    return conn


def _harden(conn: apsw.Connection) -> None:
    pragma(conn, "trusted_schema", 0)
    pragma(conn, "cell_size_check", 1)
    pragma(conn, "mmap_size", 0)
    pragma(conn, "temp_store", "MEMORY")


def _check(conn: apsw.Connection, path: Path, generation: int) -> None:
    """Raise unless this is a whole database of ours: `quick_check` alone takes an empty one."""
    if pragma(conn, "application_id") != APPLICATION_ID:
        raise Damaged(f"{path} is not an index of wherein.")
    if pragma(conn, "user_version") != SCHEMA_VERSION:
        raise OtherVersion(f"{path} was made by another version of wherein.")
    meta = dict(query(conn, "SELECT key, value FROM meta"))
    if meta.get("generation") != generation or any(name not in meta for name in COUNTERS):
        raise Damaged(f"{path} belongs to another generation of the index.")
    if not meta.get("clean") and pragma(conn, "quick_check(1)") != "ok":
        raise Damaged(f"{path} did not pass its check.")
    if pragma(conn, "journal_mode") != "wal":
        raise Damaged(f"{path} lost its write-ahead logging.")
