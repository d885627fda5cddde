"""What is done to an index's files besides writing: log, space, words, vectors of another one.

One connection, the writer's. Every function may raise apsw.Error. Database process only.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import apsw

from wherein.db_worker.schema import BUSY_MS, pragma, query

#: 4 KiB pages in the log before it is copied into the database: 16 MB.
CHECKPOINT_PAGES: Final = 4_000
_MERGE_STEPS: Final = 16
_MERGE_PAGES: Final = 128
#: Free pages that are kept for the next writes, as a share of all pages.
_FREE_SHARE: Final = 0.2
_FREE_PAGES: Final = 32


class Log:
    """The write-ahead log of one connection, and when it is copied into the database.

    SQLite would do that within the commit that makes the log too long, and an error of the copying
    would look like one of the commit, which has happened all the same.
    """

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn
        self._pages = 0
        conn.set_wal_hook(self._grew)

    def keep_short(self) -> None:
        """Copy the log into the database when it has grown long; readers are not waited for."""
        if self._pages >= CHECKPOINT_PAGES:
            self._pages = 0
            pragma(self._conn, "wal_checkpoint(PASSIVE)")

    def empty(self) -> None:
        """Copy the whole log and cut it to nothing, if no reader is in the way."""
        self._conn.set_busy_timeout(50)
        try:
            with contextlib.suppress(apsw.BusyError):
                pragma(self._conn, "wal_checkpoint(TRUNCATE)")
        finally:
            self._conn.set_busy_timeout(BUSY_MS)

    def _grew(self, _conn: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK


def merge_words(conn: apsw.Connection) -> None:
    """Let the word index put its many small pieces together, which makes questions faster."""
    for _ in range(_MERGE_STEPS):
        before = conn.total_changes()
        conn.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (_MERGE_PAGES,))
        if conn.total_changes() - before < 2:  # SQLite's own sign for "nothing left"
            return


def optimize_words(conn: apsw.Connection) -> None:
    """Write the word index as one piece, without the words of what was deleted."""
    conn.execute("INSERT INTO words (words) VALUES ('optimize')")


def give_back_space(conn: apsw.Connection) -> None:
    """Cut free pages off the file when they are more than the next writes will want."""
    ((pages,),) = query(conn, "PRAGMA page_count")
    ((free,),) = query(conn, "PRAGMA freelist_count")
    if free > max(_FREE_PAGES, pages * _FREE_SHARE):
        query(conn, "PRAGMA incremental_vacuum(2000)")


def purge(conn: apsw.Connection) -> None:
    """Rewrite the whole database, so that nothing deleted is left in its file."""
    optimize_words(conn)
    pragma(conn, "temp_store", "FILE")  # a copy of the index is too much for memory
    try:
        conn.execute("VACUUM")
    finally:
        pragma(conn, "temp_store", "MEMORY")


def copy_vectors(conn: apsw.Connection, database: Path) -> None:
    """Copy all vectors of another generation's database; none when that one is damaged."""
    conn.execute("ATTACH ? AS old", (str(database),))
    try:
        conn.execute("BEGIN IMMEDIATE")
        try:
            conn.execute("INSERT INTO models SELECT * FROM old.models")
            conn.execute("INSERT INTO vectors SELECT * FROM old.vectors")
            conn.execute(
                """UPDATE meta SET value = (SELECT value FROM old.meta WHERE key = 'fingerprint')
                WHERE key = 'fingerprint'"""
            )
            conn.execute("COMMIT")
        except (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError):
            if conn.in_transaction:
                conn.execute("ROLLBACK")
    finally:
        conn.execute("DETACH old")


def rebuilding(conn: apsw.Connection) -> str:
    """Return why this generation is not complete yet, "" when it is."""
    rows = query(conn, "SELECT value FROM meta WHERE key = 'rebuilding'")
    return str(rows[0][0]) if rows else ""


def set_rebuilding(conn: apsw.Connection, note: str) -> None:
    """Write down why this generation is not complete, or "" that it is."""
    conn.execute("INSERT OR REPLACE INTO meta VALUES ('rebuilding', ?)", (note,))
