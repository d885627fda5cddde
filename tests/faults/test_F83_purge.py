"""S12, F83: what was deleted leaves the files, and the files do not grow with what happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine_samples import FINGERPRINT, update
from faults import sources
from faults.local import LocalIndex
from faults.oracle import assert_equal, assert_true, embed_foreseeably
from wherein.db_worker import process
from wherein.db_worker.engine import Engine
from wherein.domain import RemoveFiles
from wherein.paths import index_paths

#: A word that no other text has, as the index keeps it.
SECRET = b"xylophagous"
NAME = b"quokkanest"
CODE = f"def {NAME.decode()}():\n    return '{SECRET.decode()} beetle'\n"


def bytes_of(index: Path) -> bytes:
    """Every byte in an index's files."""
    return b"".join(path.read_bytes() for path in sorted(index.rglob("*")) if path.is_file())


@pytest.fixture
def index(tmp_path: Path) -> LocalIndex:
    """An index of a few files, with one that will be deleted."""
    root = sources.make_tree(tmp_path / "root", 30)
    (root / "private.py").write_text(CODE, encoding="ascii")
    made = LocalIndex(tmp_path / "index", root)
    made.settle(embed_foreseeably)
    held = bytes_of(tmp_path / "index")
    assert SECRET in held
    assert NAME in held
    (root / "private.py").unlink()
    return made


def test_S12_deleted_rows_leave_the_files_at_the_checkpoint(
    index: LocalIndex, tmp_path: Path
) -> None:
    """Names and paths of a deleted file are gone from the raw bytes once it is idle."""
    index.settle()
    held = bytes_of(tmp_path / "index")
    assert b"private.py" not in held
    assert b"def " + NAME not in held  # a symbol's signature
    index.close()


def test_S12_words_of_deleted_text_leave_at_the_idle_optimize(
    index: LocalIndex, tmp_path: Path
) -> None:
    """At most ten minutes after a change the word index is written anew."""
    index.settle()
    index.index.optimize_words()
    held = bytes_of(tmp_path / "index")
    assert SECRET not in held
    assert NAME not in held
    assert process.OPTIMIZE_S + process.LOOK_S <= 600
    index.close()


def test_S12_a_purge_removes_vectors_too(index: LocalIndex, tmp_path: Path) -> None:
    """Vectors are kept for a branch that comes back; a purge keeps none."""
    engine = index.index.writer
    vectors = {bytes(row[0]) for row in engine._conn.execute("SELECT data FROM vectors")}
    index.settle()
    used = {
        bytes(row[0])
        for row in engine._conn.execute(
            """SELECT data FROM vectors WHERE key IN
            (SELECT key FROM chunks UNION SELECT key FROM symbols)"""
        )
    }
    gone = vectors - used
    assert gone
    held = bytes_of(tmp_path / "index")
    assert all(vector in held for vector in gone)
    index.index.purge()
    held = bytes_of(tmp_path / "index")
    assert not any(vector in held for vector in gone)
    assert SECRET not in held
    assert NAME not in held
    index.close()
    assert_equal(tmp_path / "index", tmp_path / "root", embed_foreseeably)


def test_S12_the_command_purges(wherein_home: Path, tmp_path: Path) -> None:
    """`wherein index --purge DIR`, by real workers; the index is right afterwards."""
    root = sources.make_tree(tmp_path / "root", 20)
    (root / "private.py").write_text(CODE, encoding="ascii")

    def run(*more: str) -> str:
        command = [sys.executable, "-I", "-m", "wherein", "index", str(root), *more]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run()
    place = Path(index_paths(str(root)).directory)
    assert SECRET in bytes_of(place)
    (root / "private.py").unlink()
    assert "Nothing of what was deleted" in run("--purge")
    held = bytes_of(place)
    assert SECRET not in held
    assert NAME not in held
    assert b"private.py" not in held
    assert_true(root)
    doctor = subprocess.run(
        [sys.executable, "-I", "-m", "wherein", "doctor", "--dir", str(root)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "vectors checked" in doctor.stdout


def test_F83_ten_times_all_files_changed_takes_no_more_than_twice_the_space(
    tmp_path: Path,
) -> None:
    """Every file gets other text ten times; old vectors are collected, free pages given back."""
    root = sources.make_tree(tmp_path / "root", 150)
    made = LocalIndex(tmp_path / "index", root)
    made.settle(embed_foreseeably)
    for seed in range(2, 12):
        sources.make_tree(root, 150, seed=seed)
        made.settle(embed_foreseeably)
    churned = made.index.writer.stats().index_bytes
    fresh = LocalIndex(tmp_path / "fresh", root)
    fresh.settle(embed_foreseeably)
    wanted = fresh.index.writer.stats().index_bytes
    made.close()
    fresh.close()
    assert churned <= 2 * wanted, f"{churned:,} bytes where a fresh index takes {wanted:,}"
    assert_equal(tmp_path / "index", root, embed_foreseeably)


def test_F40_a_reader_that_stays_does_not_let_the_log_grow_for_ever(tmp_path: Path) -> None:
    """The log is cut as soon as the reader has gone, and by the pieces that nobody reads before."""
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    reader = engine.reader()
    reader._conn.execute("BEGIN")
    reader._conn.execute("SELECT count(*) FROM files").fetchall()
    for number in range(300):
        engine.replace_file(update(f"{number}.py", CODE.replace("beetle", f"beetle{number}")))
    log = Path(f"{engine.database}-wal")
    engine.maintain()
    assert log.stat().st_size > 0
    reader._conn.execute("COMMIT")
    reader.close()
    engine.remove_files(RemoveFiles([b"0.py"], b"r" * 16))
    engine.maintain()
    assert log.stat().st_size == 0
    assert engine.stats().fingerprint in ("", FINGERPRINT)
    engine.close()
