"""F75: the connection that answers questions changes nothing, whatever statement reached it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import apsw
import pytest

from engine_samples import TWO, embed_all, update
from wherein.db_worker import schema
from wherein.db_worker.engine import Engine

STATEMENTS = (
    "DELETE FROM files", "UPDATE chunks SET file = 0", "INSERT INTO meta VALUES ('x', 'y')",
    "DROP TABLE chunks", "CREATE TABLE mine (x)", "CREATE INDEX mine ON files (path)",
    "ALTER TABLE files ADD COLUMN mine", "INSERT INTO words(words) VALUES ('delete-all')",
    "PRAGMA user_version = 7", "PRAGMA application_id = 7", "REINDEX", "ANALYZE", "VACUUM",
    "PRAGMA query_only = 0; DELETE FROM files", "PRAGMA writable_schema = 1; "
    "DELETE FROM sqlite_master", "BEGIN IMMEDIATE; DELETE FROM files; COMMIT",
    "ATTACH '{beside}' AS beside; CREATE TABLE beside.mine (x)", "VACUUM INTO '{beside}'",
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A small index at rest."""
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    embed_all(engine)
    engine.close()
    return engine.database


@pytest.mark.parametrize("frozen", [False, True])
def test_F75_a_searching_connection_refuses_to_write(database: Path, frozen: bool) -> None:
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    beside = database.parent / "beside.db"
    for statement in STATEMENTS:
        conn = schema.open_reader(database, frozen=frozen)
        try:
            with pytest.raises((apsw.AuthError, apsw.ReadOnlyError)):
                conn.execute(statement.format(beside=beside)).fetchall()
            assert conn.changes() == 0
        finally:
            conn.close()
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
    # Refused when it is prepared: VACUUM INTO would make its file before it is refused.
    assert not beside.exists()
