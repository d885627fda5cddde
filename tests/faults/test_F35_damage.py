"""F35 to F38, F43: whatever became of the files, the index is there again, with nothing asked.

Each case takes a copy of an index that was closed well, or of one whose worker was killed and whose
write-ahead log still holds commits; then the index equals a fresh rebuild.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from faults import sources
from faults.local import LocalIndex
from faults.oracle import Contents, embed_foreseeably, live_database, rebuilt
from faults.test_F01_kills import start
from wherein.db_worker import schema

QUESTIONS = ("upload retry part", "mix the paint", "socket token", "vector of a branch commit")


class Samples(NamedTuple):
    """A folder, two indexes of it to copy, and what a fresh rebuild says."""

    root: Path
    clean: Path
    killed: Path
    truth: Contents


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samples]:
    place = tmp_path_factory.mktemp("samples")
    root = sources.make_tree(place / "root", 60)
    clean, killed = place / "clean", place / "killed"
    made = LocalIndex(clean, root)
    made.settle(embed_foreseeably)
    made.close()
    child = start(killed, root)
    assert child.stdout
    with child, child.stdout:
        for line in child.stdout:
            if line.startswith("embedded"):  # nothing is copied out of the log by then
                child.kill()
    assert Path(f"{live_database(killed)}-wal").stat().st_size > 100_000
    yield Samples(root, clean, killed, rebuilt(root, embed_foreseeably))
    shutil.rmtree(place, ignore_errors=True)


def bring(index: Path, samples: Samples) -> LocalIndex:
    """Start on an index, ask, bring it up to date; fails unless it is right then."""
    made = LocalIndex(index, samples.root)
    try:
        for question in QUESTIONS:
            answer = made.search(question, model=True)
            for hit in answer.hits if answer else ():
                right = snippet(samples.root, hit.path, hit.start_byte, hit.end_byte)
                assert hit.snippet in ("", right)
        made.settle(embed_foreseeably)
        for question in QUESTIONS:
            assert made.search(question), "damage was left"
        assert made.state("rebuilding") == ""
        assert made.state("failed") == ""
    finally:
        made.close()
    different = Contents(pointed(index)).differences(samples.truth)
    assert not different, "\n".join(different[:10])
    return made


def pointed(index: Path) -> Path:
    """The database that this version opens."""
    own = index / f"CURRENT.v{schema.SCHEMA_VERSION}"
    name = (own if own.exists() else index / "CURRENT").read_text("ascii").strip()
    return index / name / "index.db"


def snippet(root: Path, path: bytes, start: int, end: int) -> str:
    """What a hit must show: the first lines of its own text, or nothing."""
    text = (root / os.fsdecode(path)).read_bytes()[start:end].decode()
    return "\n".join(text.splitlines()[:3])


def wal(db: Path) -> Path:
    """The write-ahead log of a database."""
    return Path(f"{db}-wal")


def emptied(db: Path) -> None:
    db.write_bytes(b"")


def fifty_bytes(db: Path) -> None:
    db.write_bytes(db.read_bytes()[:50])


def text(db: Path) -> None:
    db.write_text("not a database at all " * 500, encoding="ascii")


def noise(db: Path) -> None:
    db.write_bytes(random.Random(1).randbytes(db.stat().st_size))


def cut_in_half(db: Path) -> None:
    os.truncate(db, db.stat().st_size // 2 // 4096 * 4096)


def cut_in_a_page(db: Path) -> None:
    os.truncate(db, db.stat().st_size - 1_000)


def other_application(db: Path) -> None:
    with db.open("r+b") as file:
        file.seek(68)
        file.write(b"\0\0\0\1")


def page_of_noise(db: Path) -> None:
    with db.open("r+b") as file:
        file.seek(4 * 4096)
        file.write(random.Random(5).randbytes(4096))


def absent(db: Path) -> None:
    db.unlink()


def generation_absent(db: Path) -> None:
    shutil.rmtree(db.parent)


def a_directory(db: Path) -> None:
    db.unlink()
    db.mkdir()


def a_pipe(db: Path) -> None:
    db.unlink()
    os.mkfifo(db)


def a_link(db: Path) -> None:
    elsewhere = db.with_name("elsewhere.db")
    db.rename(elsewhere)
    db.symlink_to(elsewhere)


def generation_is_a_link(db: Path) -> None:
    elsewhere = db.parents[1] / "elsewhere"
    db.parent.rename(elsewhere)
    db.parent.symlink_to(elsewhere)


def pointer_of_noise(db: Path) -> None:
    (db.parents[1] / "CURRENT").write_bytes(b"\xff\x00gen-")


def pointer_is_a_directory(db: Path) -> None:
    (db.parents[1] / "CURRENT").unlink()
    (db.parents[1] / "CURRENT").mkdir()


def pointer_to_nothing(db: Path) -> None:
    (db.parents[1] / "CURRENT").write_text("gen-77\n", encoding="ascii")


def log_cut(db: Path) -> None:
    os.truncate(wal(db), wal(db).stat().st_size // 2)


def log_byte_changed(db: Path) -> None:
    data = bytearray(wal(db).read_bytes())
    data[len(data) // 2] ^= 0x40
    wal(db).write_bytes(data)


def log_absent(db: Path) -> None:
    wal(db).unlink()


def log_is_a_directory(db: Path) -> None:
    wal(db).unlink(missing_ok=True)
    wal(db).mkdir()


def log_of_noise(db: Path) -> None:
    wal(db).write_bytes(random.Random(3).randbytes(200_000))


def shared_memory_of_noise(db: Path) -> None:
    Path(f"{db}-shm").write_bytes(random.Random(4).randbytes(32_768))


def half_copied_log(db: Path) -> None:
    """Half of the log was copied into the database when the power went, and the log is gone."""
    whole = db.with_name("whole.db")
    shutil.copy(db, whole)
    shutil.copy(wal(db), wal(whole))
    schema.checksums()
    conn = apsw.Connection(str(whole))
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    conn.close()
    new, old = whole.read_bytes(), db.read_bytes()
    middle = len(new) // 2 // 4096 * 4096
    db.write_bytes(new[:middle] + old[middle:].ljust(len(new) - middle, b"\0"))
    wal(db).unlink()
    whole.unlink()


def rows_of_another_commit(db: Path) -> None:
    """Every page is sound, and they are not all of one commit."""
    schema.checksums()
    conn = apsw.Connection(str(db))
    conn.execute("DELETE FROM chunks WHERE id % 7 = 0")
    conn.close()


CLOSED = [
    emptied, fifty_bytes, text, noise, cut_in_half, cut_in_a_page, other_application,
    page_of_noise, absent, generation_absent, a_directory, a_pipe, a_link, generation_is_a_link,
    pointer_of_noise, pointer_is_a_directory, pointer_to_nothing, log_is_a_directory,
    log_of_noise, shared_memory_of_noise,
]  # fmt: skip
KILLED = [
    log_cut, log_byte_changed, log_absent, shared_memory_of_noise, half_copied_log, page_of_noise,
    rows_of_another_commit,
    emptied,
]  # fmt: skip


@pytest.mark.parametrize("damage", CLOSED, ids=lambda case: case.__name__)
def test_F35_a_damaged_index_is_rebuilt(
    tmp_path: Path, samples: Samples, damage: Callable[[Path], None]
) -> None:
    """Closed well, damaged, opened: right again, the damaged one put aside, at most one kept."""
    index = tmp_path / "index"
    shutil.copytree(samples.clean, index, symlinks=True)
    damage(live_database(index))
    bring(index, samples)
    assert len(list(index.glob("bad-*"))) <= 1
    assert len(list(index.glob("gen-*"))) == 1


@pytest.mark.parametrize("damage", KILLED, ids=lambda case: case.__name__)
def test_F35_a_damaged_log_loses_nothing_for_long(
    tmp_path: Path, samples: Samples, damage: Callable[[Path], None]
) -> None:
    """Killed, then damaged: what the log held is brought again from the disk."""
    index = tmp_path / "index"
    shutil.copytree(samples.killed, index)
    damage(live_database(index))
    bring(index, samples)


def test_F35_the_log_of_another_index_is_not_believed(tmp_path: Path, samples: Samples) -> None:
    """A log that was left behind by another database brings nothing of it back."""
    other_root = sources.make_tree(tmp_path / "other", 40, seed=9)
    child = start(tmp_path / "foreign", other_root)
    assert child.stdout
    with child, child.stdout:
        for line in child.stdout:
            if line.startswith("embedded"):
                child.kill()
    index = tmp_path / "index"
    shutil.copytree(samples.clean, index)
    shutil.copy(wal(live_database(tmp_path / "foreign")), wal(live_database(index)))
    bring(index, samples)


def test_F43_a_copy_without_its_log_is_brought_up_to_date(tmp_path: Path, samples: Samples) -> None:
    """A backup took the database and not the log; somebody put it back."""
    index = tmp_path / "index"
    shutil.copytree(samples.killed, index)
    for suffix in ("-wal", "-shm"):
        Path(f"{live_database(index)}{suffix}").unlink()
    bring(index, samples)


@pytest.mark.parametrize(
    "seeds", [range(20), pytest.param(range(20, 220), marks=[pytest.mark.slow])], ids=["20", "200"]
)
@pytest.mark.timeout(1_800)
def test_F36_flipped_bits_are_found(tmp_path: Path, samples: Samples, seeds: range) -> None:
    """1 to 100 random bits: no search fails, no wrong text is shown, the index is right again."""
    rebuilds = 0
    for seed in seeds:
        index = tmp_path / str(seed)
        shutil.copytree(samples.clean, index)
        dice = random.Random(seed)
        database = live_database(index)
        data = bytearray(database.read_bytes())
        for _ in range(dice.randint(1, 100)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        database.write_bytes(data)
        bring(index, samples)
        rebuilds += (index / "gen-1").exists() is False
        shutil.rmtree(index)
    assert rebuilds > len(seeds) * 0.8  # else nothing was tested


def test_F37_the_index_of_a_newer_wherein_is_left_alone(tmp_path: Path, samples: Samples) -> None:
    """Both go on working side by side: not a byte of the newer one's is touched."""
    index = tmp_path / "index"
    shutil.copytree(samples.clean, index)
    newer = live_database(index)
    conn = apsw.Connection(str(newer))
    conn.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    conn.close()
    before = newer.read_bytes()
    for _ in range(2):
        bring(index, samples)
        assert newer.read_bytes() == before
        assert (index / "CURRENT").read_text("ascii") == "gen-1\n"
        assert pointed(index).parent.name == "gen-2"


def test_F38_an_old_index_is_rebuilt_also_when_that_is_killed(
    tmp_path: Path, samples: Samples
) -> None:
    """Nothing is migrated: the next generation is made anew, and a kill leaves no half of one."""
    index = tmp_path / "index"
    shutil.copytree(samples.clean, index)
    conn = apsw.Connection(str(live_database(index)))
    conn.execute("PRAGMA user_version = 1")
    conn.close()
    for _ in range(4):
        child = start(index, samples.root)
        assert child.stdout
        with child, child.stdout:
            child.stdout.readline()
            child.kill()
    bring(index, samples)
    assert len(list(index.glob("gen-*"))) == 1
