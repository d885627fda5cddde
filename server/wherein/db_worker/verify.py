"""A full check of an index: its pages, its tables against each other, its vectors' checksums.

For `wherein doctor`; the pages alone once after every start. Database process only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from wherein.db_worker import codec, schema
from wherein.db_worker.failures import explained
from wherein.db_worker.schema import miscounted, query
from wherein.domain import Verdict

_STRAY: Final = """SELECT count(*) FROM chunks c LEFT JOIN files f ON f.id = c.file
    WHERE f.id IS NULL OR c.id < f.first_chunk OR c.id >= f.end_chunk"""


def check(database: Path, *, frozen: bool = False) -> None:
    """Read every page once, 0.1 s for 30 MB. Raises IndexDamaged when one is not as written."""
    try:
        conn = schema.open_reader(database, frozen=frozen)
        try:
            if query(conn, "PRAGMA quick_check(1)") != [("ok",)]:
                raise explained(apsw.CorruptError("quick_check"), database)
        finally:
            conn.close()
    except apsw.Error as error:
        raise explained(error, database) from error


def verdict(conn: apsw.Connection) -> Verdict:
    """Check one index within the transaction that the caller began."""
    problems = [
        f"pages: {line}" for (line,) in query(conn, "PRAGMA integrity_check(20)")
        if line != "ok"
    ]  # fmt: skip
    meta = dict(query(conn, "SELECT key, value FROM meta"))
    if wrong := miscounted(conn, meta):
        problems.append(wrong)
    ((stray,),) = query(conn, _STRAY)
    if stray:
        problems.append(f"chunks: {stray:,} belong to no file")
    bad = vectors = 0
    for data, checksum in conn.execute("SELECT data, crc FROM vectors WHERE data IS NOT NULL"):
        vectors += 1
        bad += codec.crc(data) != checksum
    if bad:
        problems.append(f"vectors: {bad:,} of {vectors:,} are not what was written")
    pages = schema.pragma(conn, "page_count")
    checked = f"{pages:,} pages, {meta['files']:,} files, {meta['chunks']:,} chunks, "
    return Verdict(problems, f"{checked}{vectors:,} vectors checked")
