"""SQLite's failures as errors that say what to do with the index. Database process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from wherein.db_worker import generations
from wherein.db_worker.schema import DAMAGE, code_of
from wherein.errors import IndexDamaged, IndexLost, RequestCancelled, StorageError, WhereinError


def explained(error: apsw.Error, database: Path) -> WhereinError:
    """Return the error to raise for one of SQLite's; marks a damaged database for the next open.

    An I/O error is not taken for damage at first: an absent disk gives it too.
    """
    if isinstance(error, apsw.InterruptError):
        return RequestCancelled("The search was cancelled.")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError) or (
        isinstance(error, apsw.IOError) and code_of(error) in DAMAGE
    ):
        generations.mark_damaged(database)
        return IndexDamaged(f"The index {database} is damaged; it is put aside and rebuilt.")
    place = database.parent.parent
    if why := generations.why_unwritable(error):
        return generations.unwritable(place, why)
    if isinstance(error, apsw.IOError | apsw.CantOpenError):
        return IndexLost(f"The index in {place} cannot be used: {error}.")
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
