"""Workers that cannot live: they are given up with a reason, and tried again when somebody asks."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.faults import Faults
from support.waiting import until
from support.workspace import make_project
from wherein.errors import StorageError, WorkerUnavailable
from wherein.host import IndexHost
from wherein.paths import runtime_dir
from wherein.settings import Settings
from wherein.workers import handle, supervision
from wherein.workers.handle import WorkerState, WorkerStatus
from wherein.workers.manager import WorkerManager
from wherein.workers.start import WorkerType

ENTRY = {
    "file_watcher": "wherein.workers.file_watcher:main",
    "vectorization": "wherein.workers.vectorization:main",
    "database": "wherein.db_worker.process:main",
}


@pytest.fixture
def host(wherein_home: Path, tmp_path: Path) -> Iterator[IndexHost]:
    """A host that has opened nothing yet."""
    made = IndexHost(Settings())
    yield made
    made.close(5)


def status_of(host: IndexHost, kind: str) -> WorkerStatus | None:
    """The status of the one worker of a type; None while there is none."""
    found = [status for status in host.worker_status() if status.type == kind]
    return found[0] if found else None


def failed(host: IndexHost, kind: str) -> WorkerStatus | None:
    """The status of a worker that was given up."""
    status = status_of(host, kind)
    return status if status and status.state == WorkerState.FAILED.value else None


@pytest.mark.parametrize("kind", list(ENTRY))
def test_F14_a_worker_that_always_dies_is_given_up_after_the_budget(
    host: IndexHost, tmp_path: Path, faults: Faults, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five starts after the first, each later than the last; then a reason, and the host lives."""
    monkeypatch.setattr(supervision, "BUDGET", 3)
    faults.set({"at": ENTRY[kind], "do": "exit"})
    host.open([str(make_project(tmp_path / "project"))])
    until(lambda: failed(host, kind), timeout=60, what="given up")
    starts = faults.times()
    assert len(starts) == supervision.BUDGET + 1
    reason = host.facts(host.folders[0]).failed_workers[kind]
    assert "stopped too often" in reason
    assert "exit code 7" in reason
    # What asks all the time (the other workers, for a database) does not start it again.
    if kind == "database":
        with pytest.raises(WorkerUnavailable, match="stopped too often"):
            host.folders[0].database.stats().result(20)
    assert faults.count() == len(starts)


def test_F14_nobody_who_asks_gets_ahead_of_the_verdict(
    host: IndexHost, tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a death and the decision what follows, who asks waits: no start goes uncounted."""
    judge = supervision.RestartPolicy.died

    def ask() -> None:
        with contextlib.suppress(WorkerUnavailable):
            host.folders[0].database.stats().result(20)

    def slowly(policy: supervision.RestartPolicy, now: float) -> float | None:
        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(0.5)  # as on a machine with no time for this thread
        return judge(policy, now)

    monkeypatch.setattr(supervision.RestartPolicy, "died", slowly)
    monkeypatch.setattr(supervision, "BUDGET", 2)
    faults.set({"at": ENTRY["database"], "do": "exit"})
    host.open([str(make_project(tmp_path / "project"))])
    until(lambda: failed(host, "database"), timeout=60, what="given up")
    assert faults.count() == supervision.BUDGET + 1


def test_F14_a_worker_that_was_given_up_gets_a_chance_when_somebody_asks(
    host: IndexHost, tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each request; once it had some rest, and then it may be well again."""
    monkeypatch.setattr(supervision, "BUDGET", 1)
    monkeypatch.setattr(supervision, "ASKED_AGAIN_S", 600.0)
    faults.set({"at": ENTRY["file_watcher"], "do": "exit"})
    host.open([str(make_project(tmp_path / "project"))])
    until(lambda: failed(host, "file_watcher"), timeout=60, what="given up")
    faults.set()
    waiting = host.sync(host.folders[0])
    assert failed(host, "file_watcher")
    monkeypatch.setattr(supervision, "ASKED_AGAIN_S", 0.0)
    again = host.sync(host.folders[0])
    assert again.result(60) > 0
    assert waiting.result(60) > 0
    assert host.facts(host.folders[0]).failed_workers == {}


def test_F14_a_database_is_tried_again_for_a_person_and_not_for_other_workers(
    host: IndexHost, tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They ask all the time: each of their requests would be a start, for ever."""
    monkeypatch.setattr(supervision, "BUDGET", 1)
    monkeypatch.setattr(supervision, "ASKED_AGAIN_S", 0.5)
    faults.set({"at": ENTRY["database"], "do": "exit"})
    host.open([str(make_project(tmp_path / "project"))])
    until(lambda: failed(host, "database"), timeout=60, what="given up")
    starts = faults.count()
    given_up = time.monotonic()
    while time.monotonic() < given_up + 3:
        with pytest.raises(WorkerUnavailable, match="stopped too often"):
            host.folders[0].database.stats().result(20)
    assert faults.count() == starts
    faults.set()
    assert host.require(host.folders[0]).stats().result(30).commit >= 0


def test_F14_a_worker_that_was_given_up_is_tried_again_by_itself(
    host: IndexHost, tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, with nobody asking."""
    monkeypatch.setattr(supervision, "BUDGET", 1)
    monkeypatch.setattr(supervision, "GIVEN_UP_S", 1.0)
    faults.set({"at": ENTRY["file_watcher"], "do": "exit"})
    host.open([str(make_project(tmp_path / "project"))])
    until(lambda: failed(host, "file_watcher"), timeout=60, what="given up")
    faults.set()

    def ready() -> bool:
        status = status_of(host, "file_watcher")
        return status is not None and status.state == WorkerState.READY.value

    until(ready, timeout=60, what="well again")


def test_F15_a_worker_is_started_again_though_there_is_no_directory_for_sockets(
    host: IndexHost, wherein_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user has what we would take: the watcher lives without, and its note is missed."""
    host.open([str(make_project(tmp_path / "project"))])

    def ready() -> WorkerStatus | None:
        status = status_of(host, "file_watcher")
        return status if status and status.state == WorkerState.READY.value else None

    before = until(ready, timeout=60, what="ready")
    assert before is not None
    run, aside = wherein_home / "run", wherein_home / "aside"
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    (elsewhere / f"wherein-{os.geteuid()}").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    run.rename(aside)
    run.touch()
    with pytest.raises(StorageError):
        runtime_dir()
    psutil.Process(before.pid).kill()
    until(lambda: (now := ready()) and now.restarts == 1, timeout=60, what="started again")
    run.unlink()
    aside.rename(run)


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("database", "wherein.db_worker.process:DatabaseService._tidy"),
        ("vectorization", "wherein.workers.vectorization:Vectorizer._round"),
    ],
    ids=["database", "vectorization"],
)
def test_F15_a_worker_whose_thread_fails_is_started_again(
    host: IndexHost, tmp_path: Path, faults: Faults, kind: str, where: str
) -> None:
    """It would beat on with its other threads, and never do this one's work again."""
    faults.set({"at": where, "do": "import", "once": True})
    host.open([str(make_project(tmp_path / "project"))])

    def again() -> WorkerStatus | None:
        status = status_of(host, kind)
        return status if status and status.restarts and status.state == "ready" else None

    status = until(again, timeout=60, what="started again")
    assert status is not None
    assert "cannot open shared object file" in status.last_error
    assert host.sync(host.folders[0]).result(60) > 0
    database = host.folders[0].database
    until(lambda: not database.wait_vectors(1).result(20).pending, timeout=60, what="vectors")


def test_F15_a_listener_that_fails_leaves_the_worker_under_watch(
    host: IndexHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong with what a worker says, its end is seen."""

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of the host's own")

    monkeypatch.setattr(host, "_listen", fail)
    host.open([str(make_project(tmp_path / "project"))])

    def ready() -> WorkerStatus | None:
        status = status_of(host, "file_watcher")
        return status if status and status.state == WorkerState.READY.value else None

    before = until(ready, timeout=60, what="ready")
    assert before is not None
    psutil.Process(before.pid).kill()
    until(lambda: (now := ready()) and now.restarts == 1, timeout=60, what="started again")


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc counts descriptors")
@pytest.mark.parametrize("what", ["process", "thread"])
def test_F15_a_start_that_fails_leaves_nothing_behind(
    host: IndexHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """No process, no descriptor, no thread: and the next start is as good as the first."""
    kind = WorkerType.FILE_WATCHER
    host.open([str(make_project(tmp_path / "project"))])
    (watcher,) = [h for h in WorkerManager.get_instance()._workers if h.type is kind]
    until(lambda: watcher.state is WorkerState.READY, what="ready")
    WorkerManager.get_instance().stop_worker_type(kind, 20)
    until(lambda: status_of(host, "database"), what="the database")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    me = psutil.Process()
    before = descriptors(), {child.pid for child in me.children()}
    with monkeypatch.context() as patch:
        if what == "process":
            patch.setattr(handle._spawn, "Process", refuse)
        else:
            patch.setattr(handle.threading, "Thread", refuse)
        with pytest.raises(WorkerUnavailable, match="Resource temporarily"):
            watcher.launch()
    assert watcher.state is WorkerState.DEAD
    until(lambda: {child.pid for child in me.children()} == before[1], what="no process")
    until(lambda: descriptors() <= before[0], what="no descriptor")
    watcher.launch()
    until(lambda: watcher.state is WorkerState.READY, what="ready")
    watcher.begin_stop()
    watcher.finish_stop(time.monotonic() + 20)
