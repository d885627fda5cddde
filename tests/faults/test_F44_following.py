"""F44 to F46, F05, F39, F58: events are lost, limits are reached, all files change; real processes.

The disk is the truth: whatever was missed, the index equals a fresh rebuild in the end.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import sources
from faults.oracle import assert_true, settle
from support.namespaces import needs_limits
from support.rpc import SERVE, Client, Failed, serving
from support.waiting import until
from wherein.paths import index_paths

LONG = 240.0


@pytest.fixture
def root(wherein_home: Path, tmp_path: Path) -> Path:
    """A folder, and a home for its index."""
    return sources.make_tree(tmp_path / "root", 60)


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    """A server that has indexed the folder."""
    with serving() as served:
        served.initialize(root)
        settle(served, LONG)
        yield served


def worker(client: Client, kind: str) -> int:
    """Return the pid of a worker, once it has one."""

    def pid() -> Any:
        rows = client.ask("wherein/workers")["workers"]
        return next((w["pid"] for w in rows if w["type"] == kind and w["pid"]), None)

    found = until(pid, LONG, kind)
    assert isinstance(found, int)
    return found


def row(client: Client) -> dict[str, Any]:
    """Return the folder's status."""
    (found,) = client.ask("wherein/status")["folders"]
    assert isinstance(found, dict)
    return found


def finds(client: Client, word: str, path: str) -> Callable[[], bool]:
    """Make a probe: a question for a word is answered with this file, without any sync."""

    def probe() -> bool:
        try:
            asked = {"query": word, "mode": "lexical"}
            results = client.ask("wherein/search", asked)["results"]
        except Failed:
            return False
        return bool(results) and results[0]["path"].endswith(path)

    return probe


def test_F44_an_overflow_of_events_is_made_good(client: Client, root: Path) -> None:
    """The watcher stands still while more happens than the kernel keeps; nobody calls sync."""
    pid = worker(client, "file_watcher")
    os.kill(pid, signal.SIGSTOP)
    try:
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text("ascii"))
        ends = (root / "one.py", root / "other.py")
        ends[0].write_text("x = 1\n", encoding="ascii")
        for _ in range(limit // 4 + 500):  # each way is two events
            ends[0].rename(ends[1])
            ends[1].rename(ends[0])
        late = root / "late.py"
        late.write_text("def marmoset():\n    return 'late'\n", encoding="ascii")
        (root / "pkg1" / "file12.py").unlink()
    finally:
        os.kill(pid, signal.SIGCONT)
    until(finds(client, "marmoset", "late.py"), LONG, "what the lost events were about")
    settle(client, LONG)
    assert_true(root)


@needs_limits
def test_F45_without_watches_the_disk_is_polled_and_it_is_told(root: Path) -> None:
    """The system gives fewer watches than there are directories."""
    limited = (
        "unshare", "-Ur", "sh", "-c",
        'echo 3 > /proc/sys/user/max_inotify_watches; exec "$@"', "sh", *SERVE,
    )  # fmt: skip
    with serving(limited) as client:
        client.initialize(root)
        until(lambda: "watch limit" in str(row(client)["reasons"]), LONG, "told")
        (sentence,) = [r for r in row(client)["reasons"] if "watch limit" in r]
        assert "max_user_watches" in sentence
        settle(client, LONG)
        (root / "pkg4" / "unseen.py").write_text("def axolotl(): pass\n", encoding="ascii")
        until(finds(client, "axolotl", "unseen.py"), 90.0, "found by polling")
        settle(client, LONG)
    assert_true(root)


def test_F46_a_checkout_and_back_embeds_nothing_twice(client: Client, root: Path) -> None:
    """Every file changes, and changes back: the vectors of before are still there."""
    away = root.with_name("branch-a")
    shutil.copytree(root, away)
    before = settle(client, LONG)
    sources.make_tree(root, 60, seed=2)
    settle(client, LONG)
    written = vectors_written(root)
    for path in away.rglob("*.py"):
        shutil.copyfile(path, root / path.relative_to(away))
    after = settle(client, LONG)
    assert vectors_written(root) == written
    assert (after["files"], after["chunks"]) == (before["files"], before["chunks"])
    assert_true(root)


def vectors_written(root: Path) -> int:
    """How many vectors were ever stored: their ids only grow."""
    import apsw

    directory = Path(index_paths(str(root)).directory)
    (database,) = directory.glob("gen-*/index.db")
    conn = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        ((largest,),) = conn.execute("SELECT max(id) FROM vectors")
    finally:
        conn.close()
    assert isinstance(largest, int)
    return largest


def test_F05_kills_of_workers_while_files_change(wherein_home: Path, tmp_path: Path) -> None:
    """Watcher, database and embedder are killed in turn under a storm of changes."""
    root = sources.make_tree(tmp_path / "root", 80)
    dice = random.Random(5)
    for _ in range(2):  # a worker that is killed too often in three minutes is given up
        with serving() as client:
            client.initialize(root)
            for kind in ("database", "file_watcher", "vectorization", "database", "file_watcher"):
                pid = worker(client, kind)
                sources.change(root, dice, 25)
                time.sleep(dice.uniform(0, 0.4))  # the moment of the kill
                os.kill(pid, signal.SIGKILL)
            sources.change(root, dice, 10)
            settle(client, LONG)
    assert_true(root)


def test_F39_an_index_that_is_removed_in_use_is_made_again(client: Client, root: Path) -> None:
    """Somebody cleared the cache: noticed, told, rebuilt, with nothing asked."""
    index = Path(index_paths(str(root)).directory)
    for generation in index.glob("gen-*"):
        shutil.rmtree(generation)
    (index / "CURRENT").unlink()
    until((index / "CURRENT").exists, 60.0, "noticed")
    settle(client, LONG)
    until(finds(client, "upload", ".py"), LONG, "answers again")
    until(lambda: row(client)["state"] == "ok", LONG, "the state of before")
    assert_true(root)


def test_F05_a_reindex_answers_all_the_time(client: Client, root: Path) -> None:
    """The old index answers until the new one is complete; asking twice is one job."""
    sources.make_tree(root, 300)
    (root / "read_last.py").write_text("def tapir(): pass\n", encoding="ascii")
    settle(client, LONG)
    probe = finds(client, "tapir", "read_last.py")
    assert probe()
    first = client.ask("wherein/reindex")
    assert first["started"]
    again = client.ask("wherein/reindex")
    assert (again["already"], again["job"]) == (True, first["job"])
    index = Path(index_paths(str(root)).directory)

    def switched() -> bool:
        over = (index / "CURRENT").read_text("ascii") == "gen-2\n"  # before the last question
        assert probe(), "a question had no answer"
        return over

    until(switched, LONG, "the new generation")
    settle(client, LONG)
    until(lambda: not (index / "gen-1").exists(), 60.0, "the old one is removed")
    assert_true(root)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_F46_twenty_thousand_files_converge(
    wherein_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkout of another branch: how long until the files, the words, the meaning are right."""
    root = sources.make_tree(tmp_path / "root", 20_000)
    other = sources.make_tree(tmp_path / "other", 20_000, seed=2)
    shutil.rmtree(other / "pkg7")
    with serving() as client:
        client.initialize(root)
        until(lambda: row(client)["state"] == "ok", 800.0, "the first index")
        subprocess.run(["cp", "-a", f"{other}/.", str(root)], check=True)
        shutil.rmtree(root / "pkg7")
        slowest, began = 0.0, time.monotonic()
        gone = 0.0
        while True:
            asked = time.monotonic()
            now = row(client)
            slowest = max(slowest, time.monotonic() - asked)
            if not gone and now["files"] + sum(now["skipped"].values()) == 20_000 - 12:
                gone = time.monotonic() - began
            if now["state"] == "ok" and gone:
                break
            assert time.monotonic() - began < 800
            time.sleep(0.1)
        words = time.monotonic() - began
        with capsys.disabled():
            sys.stdout.write(f"\nfile set {gone:.1f} s, words and meaning {words:.1f} s, ")
            sys.stdout.write(f"slowest status {slowest:.3f} s\n")
        settle(client, 600.0)
    assert_true(root)
