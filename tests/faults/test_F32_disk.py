"""F32 to F34: a disk that is full, read-only, or gives errors. Told, survived, healed by itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from faults import sources
from faults.local import LocalIndex
from faults.oracle import assert_equal, assert_true, embed_foreseeably, settle
from support.namespaces import needs_mounts, needs_strace, run_traced, run_with_a_disk
from support.rpc import SERVE, Failed, serving
from support.waiting import until
from wherein.errors import StorageError

BRING = (sys.executable, "-m", "faults.index_folder")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder whose index takes about two megabytes."""
    return sources.make_tree(tmp_path / "root", 150)


@needs_mounts
@pytest.mark.parametrize("how", ["fill_up", "no_room_at_all"])
def test_F32_a_full_disk_is_told_and_healed(tmp_path: Path, root: Path, how: str) -> None:
    """Full in the tables, in the writes, in the copying of the log."""
    place = tmp_path / "disk"
    place.mkdir()
    run_with_a_disk("faults.small_disk", how, place, root)


@needs_mounts
def test_F32_a_server_that_starts_on_a_full_disk_heals(wherein_home: Path, root: Path) -> None:
    """Real processes: who cannot write the token does not stay the owner in name."""
    run_with_a_disk("faults.small_disk", "server_starts_full", wherein_home, root)


@needs_mounts
def test_F32_a_worker_that_starts_on_a_full_disk_is_not_ended(
    wherein_home: Path, root: Path
) -> None:
    """Real processes: that owner.json cannot be written is no fault of the worker's."""
    run_with_a_disk("faults.small_disk", "worker_starts_full", wherein_home, root)


@needs_mounts
def test_F32_F34_the_command_line_answers_and_says_what_is_wrong(
    wherein_home: Path, root: Path
) -> None:
    """Real processes: no traceback on a person's terminal, and no answer withheld."""
    run_with_a_disk("faults.small_disk", "command_line", wherein_home, root)


@needs_mounts
def test_F34_a_read_only_disk_answers_and_heals(tmp_path: Path, root: Path) -> None:
    """Nothing can be locked or logged there, and questions are answered."""
    place = tmp_path / "disk"
    place.mkdir()
    run_with_a_disk("faults.small_disk", "read_only", place, root)


@needs_mounts
def test_F34_a_server_answers_from_a_read_only_home(wherein_home: Path, root: Path) -> None:
    """Real processes on a read-only disk: the lock, the token and the sockets find their place."""
    with serving() as client:
        client.initialize(root)
        settle(client, 120.0)
        client.close()
    (root / "new.py").write_text("def kestrel(): pass\n", encoding="ascii")
    frozen = (
        "unshare", "-Urm", "sh", "-c",
        'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
        str(wherein_home), *SERVE,
    )  # fmt: skip
    with serving(frozen) as client:
        client.initialize(root)

        def answers() -> bool:
            try:
                return bool(client.ask("wherein/search", {"query": "upload retry"})["results"])
            except Failed:
                return False

        until(answers, 60.0, "an answer")

        def told() -> bool:
            (row,) = client.ask("wherein/status")["folders"]
            return row["state"] == "read_only" and "stale" in row["sentence"]

        until(told, 60.0, "told")
    with serving() as client:
        client.initialize(root)
        settle(client, 120.0)
    assert_true(root)


def test_F33_an_index_that_could_not_be_opened_again_is_when_it_can(
    tmp_path: Path, root: Path
) -> None:
    """The same process, and the same files: a disk that was away for a while is back."""
    index, away = tmp_path / "index", tmp_path / "away"
    made = LocalIndex(index, root)
    made.settle(embed_foreseeably)
    index.rename(away)
    index.write_bytes(b"no directory")
    (root / "new.py").write_text("def kestrel(): pass\n", encoding="ascii")
    with pytest.raises(StorageError):
        made.reconcile()
    assert made.state("read_only")
    index.unlink()
    away.rename(index)
    made.reconcile(tries=1)
    assert made.state("read_only") == made.state("rebuilding") == ""
    made.settle(embed_foreseeably)
    made.close()
    assert_equal(index, root, embed_foreseeably)


def files_of(index: Path) -> list[Path]:
    """The files whose system calls fail."""
    database = index / "gen-1" / "index.db"
    return [database, Path(f"{database}-wal"), Path(f"{database}-shm"), index / "CURRENT.new"]


def once(tmp_path: Path, root: Path, inject: str, name: str) -> int:
    """Index with a fault, then without one; the index is right. Returns how often it fired."""
    index = tmp_path / name / "index"
    index.mkdir(parents=True)
    done, fired = run_traced(inject, files_of(index), *BRING, index, root)
    if done.returncode > 0:
        assert "StorageError" in done.stderr or "wherein.errors.Index" in done.stderr, done.stderr
    made = LocalIndex(index, root)
    made.settle(embed_foreseeably)
    made.close()
    assert_equal(index, root, embed_foreseeably)
    return fired


CALLS = ["pwrite64:error=EIO", "pwrite64:error=ENOSPC", "pread64:error=EIO", "fdatasync:error=EIO",
         "ftruncate:error=EIO", "pwrite64:signal=KILL", "fdatasync:signal=KILL"]  # fmt: skip


@needs_strace
@pytest.mark.parametrize("call", CALLS)
def test_F33_an_error_of_the_disk_loses_nothing(tmp_path: Path, call: str) -> None:
    """One call fails (or is the last): at one place here, at every place in the slow test."""
    root = sources.make_tree(tmp_path / "root", 24)
    assert once(tmp_path, root, f"{call}:when=3", "3"), "nothing failed"


@needs_strace
@pytest.mark.slow
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("call", CALLS)
def test_F33_an_error_at_every_place_loses_nothing(tmp_path: Path, call: str) -> None:
    """N = 1, 2, 3 ... until a run in which nothing fired; steps grow after the first hundred."""
    root = sources.make_tree(tmp_path / "root", 24)
    at, total = 1, 0
    while fired := once(tmp_path, root, f"{call}:when={at}", str(at)):
        total += fired
        at += 1 if at < 100 else at // 20
    assert total > 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write where modes forbid it"
)
def test_F34_a_directory_without_permission_answers(tmp_path: Path, root: Path) -> None:
    """The modes of the index's directories were changed."""
    index = tmp_path / "index"
    made = LocalIndex(index, root)
    made.settle(embed_foreseeably)
    made.close()
    places = [index / "gen-1" / "index.db", index / "gen-1", index]
    for place in places:
        place.chmod(0o500 if place.is_dir() else 0o400)
    try:
        made = LocalIndex(index, root)
        assert "cannot be written" in made.state("read_only")
        answer = made.search("upload retry part")
        assert answer is not None
        assert answer.hits
        made.close()
    finally:
        for place in reversed(places):
            place.chmod(0o700 if place.is_dir() else 0o600)
    made = LocalIndex(index, root)
    made.settle(embed_foreseeably)
    assert made.state("read_only") == ""
    made.close()
