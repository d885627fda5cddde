"""The tables of one index, its pragmas, and the checks when it is opened. Database process only.

Nothing here knows what the rows mean; `store.py` writes them and `search.py` reads them. A chunk's
and a symbol's id are numbers that only grow, and the ids of one file are consecutive, so a file's
rows are two ranges kept in `files` and need no index of their own. Chunk text is not stored.
"""

from __future__ import annotations

import logging
import os
from array import array
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import apsw
import apsw.sqlite_extra

from wherein.db_worker import disk
from wherein.errors import IndexDamaged, StorageError
from wherein.ipc.handshake import SCHEMA

logger = logging.getLogger(__name__)

APPLICATION_ID: Final = 0x57684931  # "WhI1"
SCHEMA_VERSION: Final = SCHEMA
#: Writers wait this long for another process that still holds the database.
BUSY_MS: Final = 5_000
#: 8 bytes at the end of each page hold its checksum (SQLite's own checksum VFS): a flipped bit is
#: an error when the page is read, never a wrong answer.
_CHECKSUM_BYTES: Final = 8
#: A page of the word index must fit into a page of the file beside its checksum.
_WORD_PAGE: Final = 4_040

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
    # detail=full a table with no content gives bm25() = 0 for every row. The text is the first
    # column: in any other each of its words would take two bytes more a chunk.
    """CREATE VIRTUAL TABLE words USING fts5 (
        text, path, symbol, definitions,
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

_SUMS: Final = """SELECT count(*) FILTER (WHERE skip IS NULL),
    coalesce(sum(end_chunk - first_chunk), 0), coalesce(sum(end_symbol - first_symbol), 0)
    FROM files"""
_ROWS: Final = """SELECT (SELECT count(*) FROM chunks), (SELECT count(*) FROM symbols),
    (SELECT count(*) FROM words)"""


class OtherVersion(StorageError):
    """The database was made by a wherein with other tables; `newer` than this one or older."""

    def __init__(self, message: str, *, newer: bool) -> None:
        super().__init__(message)
        self.newer = newer


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


@cache
def checksums() -> bool:
    """Have every page that is read checked from now on; False where apsw comes without the part.

    A database remembers that its pages have checksums, and can be used without them.
    """
    conn = apsw.Connection(":memory:")
    try:
        apsw.sqlite_extra.load(conn, "cksumvfs")
    except (apsw.Error, apsw.sqlite_extra.NotAvailable, LookupError, OSError) as error:
        logger.info("pages are not checked: %s", error)
        return False
    finally:
        conn.close()
    return True


def code_of(error: apsw.Error) -> int:
    """Return SQLite's extended code of an error, 0 for none."""
    found = getattr(error, "extendedresult", 0)
    return found if isinstance(found, int) else 0


def create(path: Path, generation: int, note: str = "") -> None:
    """Make an empty index database, readable by its owner only.

    `note` says that it takes the place of another one and is not complete yet. Raises OSError or
    an apsw.Error when the directory cannot be written.
    """
    checked = checksums()
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    conn = apsw.Connection(str(path))
    try:
        if checked:
            conn.reserve_bytes(reserve=_CHECKSUM_BYTES)
        pragma(conn, "auto_vacuum", "INCREMENTAL")
        pragma(conn, "journal_mode", journal_mode(path))
        conn.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            conn.execute(statement)
        conn.execute("INSERT INTO words (words, rank) VALUES ('pgsz', ?)", (_WORD_PAGE,))
        rows: list[tuple[str, int | str]] = [(name, 0) for name in COUNTERS]
        rows += [("generation", generation), ("clean", 1), ("fingerprint", "")]
        rows += [("rebuilding", note)]
        conn.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        pragma(conn, "application_id", APPLICATION_ID)
        pragma(conn, "user_version", SCHEMA_VERSION)
        conn.execute("COMMIT")
    finally:
        conn.close()


def journal_mode(path: Path) -> str:
    """Return how changes are logged there: not by a write-ahead log on another machine's disk."""
    return "truncate" if disk.on_network(path) else "wal"


def open_writer(path: Path, generation: int) -> apsw.Connection:
    """Open the one writing connection of an index, and check that the file is sound.

    Raises IndexDamaged or OtherVersion; the caller puts such an index aside and makes a new one.
    """
    checksums()
    disk.refuse_odd(path)
    if path.stat().st_size == 0:
        raise IndexDamaged(f"{path} is empty.")  # SQLite takes it for one with no tables
    conn = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        conn.set_busy_timeout(BUSY_MS)
        mode = journal_mode(path)
        _check(conn, path, generation, pragma(conn, "journal_mode", mode) == mode)
        pragma(conn, "synchronous", "NORMAL")
        pragma(conn, "wal_autocheckpoint", 0)  # its error would be taken for one of the commit
        pragma(conn, "journal_size_limit", 64 << 20)
        pragma(conn, "cache_size", -32_000)
        pragma(conn, "secure_delete", "ON")  # what is deleted is gone from the file as well
        _harden(conn)
        conn.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.FormatError) as error:
        conn.close()
        raise IndexDamaged(f"{path}: {error}.") from error
    except apsw.IOError as error:
        conn.close()
        if code_of(error) in DAMAGE:
            raise IndexDamaged(f"{path}: a page is not what was written.") from error
        raise
    except BaseException:
        conn.close()
        raise
    return conn


#: I/O errors that mean other bytes than were written: a wrong checksum, a bad file system.
DAMAGE: Final = frozenset({apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_CORRUPTFS})


def open_frozen(path: Path, generation: int) -> apsw.Connection:
    """Open an index that cannot be written, to be read as it is.

    Raises IndexDamaged, OtherVersion or an apsw.Error when that cannot be done either.
    """
    checksums()
    disk.refuse_odd(path)
    conn = open_reader(path, frozen=True)
    try:
        _check(conn, path, generation, logged=True)
    except BaseException:
        conn.close()
        raise
    return conn


def open_reader(path: Path, *, frozen: bool = False) -> apsw.Connection:
    """Open a connection that can only read; `frozen`: a file that nobody can write."""
    if frozen:
        # Nothing can be locked or logged beside a file in a read-only directory.
        uri = f"file:{quote(str(path))}?immutable=1"
        conn = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    else:
        conn = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    conn.set_busy_timeout(BUSY_MS)
    pragma(conn, "query_only", 1)
    pragma(conn, "cache_size", -16_000)
    _harden(conn)
    conn.authorizer = _reads_only
    return conn


#: What a statement that only reads is made of. Asked when one is prepared, not each time it runs.
_READING: Final = frozenset(
    {
        apsw.SQLITE_SELECT,
        apsw.SQLITE_READ,
        apsw.SQLITE_FUNCTION,
        apsw.SQLITE_RECURSIVE,
        apsw.SQLITE_TRANSACTION,
    }
)
_CHECKS: Final = frozenset({"quick_check", "integrity_check"})


def _reads_only(
    operation: int, first: str | None, second: str | None, _base: str | None, _inner: str | None
) -> int:
    """Let nothing that writes, attaches or sets anything become a statement."""
    reading = operation in _READING
    if operation == apsw.SQLITE_PRAGMA:
        reading = second is None or first in _CHECKS
    return apsw.SQLITE_OK if reading else apsw.SQLITE_DENY


def _harden(conn: apsw.Connection) -> None:
    pragma(conn, "trusted_schema", 0)
    pragma(conn, "cell_size_check", 1)
    pragma(conn, "mmap_size", 0)
    pragma(conn, "temp_store", "MEMORY")


def _check(conn: apsw.Connection, path: Path, generation: int, logged: bool) -> None:
    """Raise unless this is a whole database of ours: `quick_check` alone takes an empty one."""
    if not logged:
        raise IndexDamaged(f"{path} lost its log.")
    if pragma(conn, "application_id") != APPLICATION_ID:
        raise IndexDamaged(f"{path} is not an index of wherein.")
    version = pragma(conn, "user_version")
    if version != SCHEMA_VERSION:
        newer = isinstance(version, int) and version > SCHEMA_VERSION
        raise OtherVersion(f"{path} was made by another version of wherein.", newer=newer)
    meta = dict(query(conn, "SELECT key, value FROM meta"))
    if meta.get("generation") != generation or any(
        not isinstance(meta.get(name), int) for name in COUNTERS
    ):
        raise IndexDamaged(f"{path} belongs to another generation of the index.")
    if meta.get("clean"):
        return
    if pragma(conn, "quick_check(1)") != "ok" or miscounted(conn, meta):
        raise IndexDamaged(f"{path} did not pass its check.")


def miscounted(conn: apsw.Connection, meta: dict[str, Any]) -> str:
    """Say which table does not have as many rows as the counters say, "" when all do.

    That is how half of a lost log shows: every page is sound, but they are not of one commit.
    """
    ((files, chunks, symbols),) = query(conn, _SUMS)
    ((chunk_rows, symbol_rows, documents),) = query(conn, _ROWS)
    for name, one, other in (
        ("files", files, meta["files"]),
        ("chunks", chunks, meta["chunks"]),
        ("chunks", chunk_rows, meta["chunks"]),
        ("symbols", symbol_rows, symbols),
        ("words", documents, meta["chunks"]),
    ):
        if one != other:
            return f"{name}: {one:,} where {other:,} should be"
    return ""
