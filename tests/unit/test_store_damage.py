"""A damaged or outdated index is put aside, and a fresh one takes its place with nothing asked."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import pytest

from engine_samples import TWO, ask, found_paths, update
from wherein.db_worker.engine import Engine
from wherein.errors import StorageError


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


def test_a_full_disk_loses_nothing_that_was_there(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    before = engine.stats()
    conn = engine._conn
    ((pages,),) = conn.execute("PRAGMA page_count")
    conn.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    big = "".join(f"def name{i}(): return word{i}\n\n" for i in range(400))
    with pytest.raises(StorageError, match="full"):
        engine.replace_file(update("b.py", big))
    assert engine.stats() == msgspec.structs.replace(before, index_bytes=engine.stats().index_bytes)
    assert found_paths(ask(engine, "alpha")) == ["a.py"]
    conn.execute("PRAGMA max_page_count = 1000000").fetchall()
    engine.replace_file(update("b.py", big))
    assert engine.stats().chunks == 402
    assert found_paths(ask(engine, "name399")) == ["b.py"]
    engine.close()
    assert Engine.open(tmp_path / "index", str(tmp_path)).stats().recovered == ""


def test_a_kill_between_writes_keeps_every_answered_write(tmp_path: Path) -> None:
    """The child is killed while it writes; what it had reported is there, whole files only."""
    code = (
        "import sys; from pathlib import Path; from engine_samples import update\n"
        "from wherein.db_worker.engine import Engine\n"
        "engine = Engine.open(Path(sys.argv[1]) / 'index', sys.argv[1])\n"
        "for i in range(100000):\n"
        "    engine.replace_file(update(f'{i}.py', f'def a{i}(): x\\n\\ndef b{i}(): y\\n'))\n"
        "    print(i, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    )
    assert child.stdout
    reported = [int(child.stdout.readline()) for _ in range(60)]
    child.kill()
    rest = child.stdout.read().split(b"\n")[:-1]
    child.stdout.close()
    child.wait(10)
    last = int(rest[-1]) if rest else reported[-1]
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    stats = engine.stats()
    assert stats.recovered == ""
    assert last + 1 <= stats.files <= last + 2  # the one under way may be in
    assert stats.chunks == 2 * stats.files
    assert found_paths(ask(engine, f"a{last}"))[0] == f"{last}.py"
    engine.close()
