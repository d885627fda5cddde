"""SQLite's failures as sentences for people. Database process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from wherein.db_worker import generations
from wherein.errors import RequestCancelled, StorageError, WhereinError


def explained(error: apsw.Error, database: Path) -> WhereinError:
    """Return the error to raise for one of SQLite's; marks a damaged database for the next open.

    An I/O error is not taken for damage: a full or absent disk gives it too.
    """
    if isinstance(error, apsw.InterruptError):
        return RequestCancelled("The search was cancelled.")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        generations.mark_damaged(database)
        return StorageError(
            f"The index {database} is damaged; it is put aside and rebuilt at the next start."
        )
    if isinstance(error, apsw.FullError):
        return StorageError(f"The disk that holds {database} is full; make room on it.")
    if isinstance(error, apsw.ReadOnlyError):
        return StorageError(f"The index {database} cannot be written; check its permissions.")
    return StorageError(f"The index {database} cannot be used: {error}.")


@contextmanager
def reading(conn: apsw.Connection, failed: Callable[[apsw.Error], WhereinError]) -> Iterator[None]:
    """One read transaction: every statement in it sees the same commit."""
    try:
        conn.execute("BEGIN")
        try:
            yield
        finally:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
    except apsw.Error as error:
        raise failed(error) from error
