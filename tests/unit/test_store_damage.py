"""A damaged or outdated index is put aside, and a fresh one takes its place with nothing asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from engine_samples import TWO, ask, found_paths, update
from wherein.db_worker.engine import Engine


def _damage_nothing_left(db: Path) -> None:
    db.write_bytes(b"")


def _damage_garbage(db: Path) -> None:
    db.write_bytes(b"not a database at all " * 500)


def _damage_cut(db: Path) -> None:
    db.write_bytes(db.read_bytes()[: db.stat().st_size // 2])


def _damage_foreign(db: Path) -> None:
    db.unlink()
    sqlite3.connect(db).execute("CREATE TABLE t (x)").connection.close()


def _damage_absent(db: Path) -> None:
    db.unlink()


def _damage_marked(db: Path) -> None:
    (db.parent / "damaged").touch()


@pytest.mark.parametrize(
    "damage",
    [
        _damage_nothing_left, _damage_garbage, _damage_cut, _damage_foreign, _damage_absent,
        _damage_marked,
    ],
)  # fmt: skip
def test_a_damaged_index_is_put_aside(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    index = tmp_path / "index"
    for turn in (1, 2):
        engine = Engine.open(index, str(tmp_path))
        generation = engine.stats().generation
        for i in range(30):
            engine.replace_file(update(f"{i}.py", TWO + f"\n\ndef number{i}(): pass"))
        engine._conn.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
        engine.close()
        conn = apsw.Connection(str(index / f"gen-{generation}" / "index.db"))
        conn.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")  # as a kill leaves it
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        conn.close()
        damage(index / f"gen-{generation}" / "index.db")
        engine = Engine.open(index, str(tmp_path))
        stats = engine.stats()
        assert "put aside" in stats.recovered
        assert str(tmp_path) not in stats.recovered
        assert (stats.files, stats.chunks, stats.generation) == (0, 0, generation + 1)
        assert len(list(index.glob("bad-*"))) == 1, turn
        engine.replace_file(update("a.py", TWO))
        assert found_paths(ask(engine, "alpha")) == ["a.py"]
        engine.close()
    engine = Engine.open(index, str(tmp_path))
    assert engine.stats().recovered == ""
    engine.close()


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    engine._conn.execute("PRAGMA user_version = 999")
    engine.close()
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    assert "another version" in engine.stats().recovered
    assert engine.stats().files == 0
    assert not list((tmp_path / "index").glob("bad-*"))
    engine.close()
