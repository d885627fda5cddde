"""F02, F28, F31, F41: a write has one effect, whatever is repeated, refused or locked meanwhile."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import apsw
import pytest

from engine_samples import (
    DIM,
    FINGERPRINT,
    TWO,
    ask,
    embed_all,
    found_paths,
    update,
    vector_of,
)
from faults import sources
from faults.local import LocalIndex
from faults.oracle import assert_equal, embed_foreseeably
from faults.test_F44_following import LONG, worker
from support.faults import SERVE, Faults, faults
from support.rpc import serving
from wherein.db_worker import disk, schema
from wherein.db_worker.engine import Engine
from wherein.domain import BatchRequest, RemoveFiles, VectorBatch
from wherein.errors import StorageError

__all__ = ["faults"]


@pytest.mark.one_transport  # the engine alone
def test_F02_a_write_sent_again_after_a_restart_is_answered_as_before(tmp_path: Path) -> None:
    """Killed after the commit and before the answer: the same request comes again."""
    first = update("a.py", TWO)
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    answer = engine.replace_file(first)
    engine._conn.close()  # as a kill leaves it: nothing was said, nothing closed
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    assert engine.replace_file(first) == answer
    engine.replace_file(update("a.py", "def later(): pass\n"))
    assert engine.replace_file(first) == answer  # late, and again: no effect at all
    assert found_paths(ask(engine, "later")) == ["a.py"]
    assert found_paths(ask(engine, "alpha")) == []
    assert engine.stats().commit == answer.commit + 1
    engine.close()


def test_F02_a_write_that_was_committed_and_not_remembered_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory runs out after the commit: sent again it is answered, searched and embedded."""
    made = LocalIndex(tmp_path / "index", tmp_path)
    engine, first = made.index.live, update("a.py", TWO)

    def no_memory(_change: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_remember", no_memory)
        with pytest.raises(MemoryError):
            made.index.write("replace_file", first)
    assert made.index.write("replace_file", first).commit == 1
    assert found_paths(ask(made.index.live, "alpha")) == ["a.py"]
    assert made.index.live.stats().pending
    made.close()


def test_F02_a_kill_after_the_commit_doubles_nothing(
    wherein_home: Path, tmp_path: Path, faults: Faults
) -> None:
    """Real processes: the database worker dies after the commit of its third group of files."""
    from faults.oracle import assert_true, settle

    root = sources.make_tree(tmp_path / "root", 60)
    faults.set(
        {
            "at": "wherein.db_worker.engine:Engine.replace_files", "do": "kill", "on": 3,
            "once": True, "after": True,
        }
    )  # fmt: skip
    with serving(SERVE) as client:
        client.initialize(root)
        worker(client, "database")
        settle(client, LONG)
        assert faults.count() == 1
    assert_true(root)


def test_F31_requests_in_any_order_and_number_have_one_effect(tmp_path: Path) -> None:
    """A connection that repeats, delays and reorders: each request counts when it first comes."""
    dice = random.Random(31)
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    requests = [update(f"{n % 5}.py", f"def name{n}(): pass\n") for n in range(30)]
    removal = RemoveFiles([b"4.py"], b"removal of file4")
    state: dict[bytes, bytes] = {}
    seen: set[bytes] = set()
    for _ in range(200):
        if dice.random() < 0.05:
            engine.remove_files(removal)
            if removal.request_id not in seen:
                state.pop(b"4.py", None)
            seen.add(removal.request_id)
            continue
        request = dice.choice(requests)
        engine.replace_file(request)
        if request.request_id not in seen:
            state[request.path] = request.content_hash
        seen.add(request.request_id)
    reader = engine.reader()
    assert {f.path: f.content_hash for f in reader.list_files().files} == state
    reader.close()
    engine.close()


def test_F41_a_locked_database_is_waited_for_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody looks into the file with a tool and holds its lock."""
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    other = apsw.Connection(str(engine.database))
    other.execute("BEGIN EXCLUSIVE")
    freed = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    freed.start()
    assert engine.replace_file(update("b.py", TWO)).changed  # waited
    freed.join(10)
    other.execute("BEGIN EXCLUSIVE")
    engine._conn.set_busy_timeout(50)
    with pytest.raises(StorageError):
        engine.replace_file(update("c.py", TWO))
    assert found_paths(ask(engine, "alpha"))  # questions are answered all the time
    other.execute("COMMIT")
    other.close()
    assert engine.replace_file(update("c.py", TWO)).changed
    assert engine.stats().files == 3
    engine.close()


def test_F28_there_is_no_write_ahead_log_on_a_network_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs memory that two machines do not share; the index works without, and moves back."""
    monkeypatch.setattr(disk, "on_network", lambda _path: True)
    root = sources.make_tree(tmp_path / "root", 20)
    for logged in (False, True, False):
        monkeypatch.setattr(disk, "on_network", lambda _path, far=not logged: far)
        made = LocalIndex(tmp_path / "index", root)
        sources.change(root, random.Random(28), 5)
        made.settle(embed_foreseeably)
        database = made.index.live.database
        assert schema.pragma(made.index.live._conn, "journal_mode") == (
            "wal" if logged else "truncate"
        )
        assert Path(f"{database}-wal").exists() is logged
        answer = made.search("upload retry part", model=True)
        assert answer is not None
        assert answer.hits
        made.close()
        assert_equal(tmp_path / "index", root, embed_foreseeably)


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        ("1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / {} rw - nfs4 host:/x rw\n", True),
        ("1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / {}x rw - nfs4 host:/x rw\n", False),
        ("1 0 8:1 / / rw - nfs /dev/sda rw\n2 1 0:5 / {} rw,a:1 master:2 - tmpfs t rw\n", False),
        ("1 0 8:1 / / rw - 9p host rw\n", True),
        ("garbage\n\n", False),
    ],
)
def test_F28_a_network_disk_is_known_by_the_mount_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, found: bool
) -> None:
    """The longest mount point above the index counts."""
    table = tmp_path / "mountinfo"
    table.write_text(mounts.format(tmp_path), encoding="ascii")
    monkeypatch.setattr(disk, "_MOUNTS", table)
    assert disk.on_network(tmp_path / "index" / "gen-1") is found


@pytest.mark.one_transport  # the engine alone
def test_F02_vectors_put_twice_are_there_once(tmp_path: Path) -> None:
    """The embedder sends its batch again after a break."""
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    leased = engine.lease("embedder", BatchRequest(FINGERPRINT, DIM, 50, 0.0)).items
    data = b"".join(vector_of(item.text).tobytes() for item in leased)
    batch = VectorBatch(FINGERPRINT, DIM, [item.key for item in leased], data, [])
    for _ in range(3):
        engine.put_vectors(batch)
        assert engine.stats().vectors == len(leased) == 2
    embed_all(engine)
    held = "SELECT count(*) FROM vectors"
    assert engine._conn.execute(held).fetchall() == [(4,)]  # two chunks, two symbols
    assert engine.stats().pending == 0
    engine.close()
