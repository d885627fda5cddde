"""The customer's rules R0 to R5 and the life of workers, on real processes."""

from __future__ import annotations

import inspect
import multiprocessing as mp
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.waiting import until
from support.workspace import indexed_paths, make_project
from wherein import domain as d
from wherein.database.code_database import CodeDatabase
from wherein.database.db_worker_manager import DBWorkerManager
from wherein.database.drivers import base
from wherein.database.drivers.base import DriverConfig, create_driver
from wherein.database.drivers.sqlite_proxy import SQLiteDriverProxy
from wherein.errors import UsageError, WorkerUnavailable
from wherein.host import IndexHost
from wherein.settings import Settings
from wherein.workers import supervision
from wherein.workers.handle import WorkerStatus
from wherein.workers.manager import WorkerManager
from wherein.workers.start import WatchMode, WorkerType


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project."""
    return make_project(tmp_path / "project")


@pytest.fixture
def host(wherein_home: Path, project: Path) -> Iterator[IndexHost]:
    """A host that follows the project, all workers ready and all vectors there."""
    made = IndexHost(Settings())
    made.open([str(project)])
    settle(made)
    yield made
    made.close(5)


def settle(host: IndexHost) -> d.IndexStats:
    """Wait until the disk is indexed, vectors included."""
    folder = host.folders[0]
    until(lambda: host.sync(folder).result() > 0, what="sync")

    def complete() -> d.IndexStats | None:
        stats = folder.database.wait_vectors(1).result()
        return stats if stats.fingerprint and not stats.pending else None

    stats = until(complete, what="vectors")
    assert stats is not None
    return stats


def worker(host: IndexHost, kind: WorkerType) -> WorkerStatus:
    """The status of the one worker of a type."""
    (found,) = [s for s in host.worker_status() if s.type == kind.value]
    return found


def pid_of(host: IndexHost, kind: WorkerType) -> int:
    """The pid of a worker that runs."""
    pid = until(lambda: worker(host, kind).pid, what=f"{kind} runs")
    assert pid is not None
    return pid


def top(host: IndexHost, question: str) -> d.SearchHit:
    """The first answer to a question."""
    return host.folders[0].database.search(d.SearchQuery(text=question)).result().hits[0]


def test_r0_every_worker_is_a_process_of_its_own(host: IndexHost) -> None:
    """Three workers, three processes, children of this one, made by spawn."""
    pids = {status.type: status.pid for status in host.worker_status()}
    assert set(pids) == {"file_watcher", "vectorization", "database"}
    assert len({os.getpid(), *pids.values()}) == 4
    children = {child.pid for child in psutil.Process().children()}
    assert set(pids.values()) <= children
    by_pid = {child.pid: child for child in mp.active_children()}
    for kind, pid in pids.items():
        assert by_pid[pid].daemon is (kind != "database")
        assert "spawn_main" in " ".join(psutil.Process(pid).cmdline())


def test_r1_the_manager_has_the_methods_of_the_design_and_no_others() -> None:
    """WorkerManager's public face is fixed."""
    public = {name for name, _ in inspect.getmembers(WorkerManager) if not name.startswith("_")}
    assert public == {
        "start_file_watcher_worker",
        "start_vectorization_worker",
        "stop_worker_type",
        "stop_all_workers",
        "register_worker",
        "get_worker_status",
        "get_instance",
    }
    assert WorkerManager.get_instance() is WorkerManager.get_instance()


@pytest.mark.parametrize("kind", list(WorkerType))
def test_r1_a_stopped_process_is_killed_when_it_is_stopped(
    host: IndexHost, kind: WorkerType
) -> None:
    """SIGSTOP makes a worker deaf to SIGTERM and to words; the stop still ends it in time."""
    pid = pid_of(host, kind)
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    WorkerManager.get_instance().stop_worker_type(kind, 0.5)
    assert time.monotonic() - began < 5
    assert not psutil.pid_exists(pid)
    assert kind.value not in {status.type for status in host.worker_status()}


def test_r1_a_worker_that_ignores_sigterm_is_killed(host: IndexHost) -> None:
    """SIGTERM asks; a worker whose handler never gets to run is killed."""
    pid = pid_of(host, WorkerType.VECTORIZATION)
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGTERM)
    WorkerManager.get_instance().stop_all_workers(0.6)
    assert not psutil.pid_exists(pid)
    assert host.worker_status() == []


def test_r1_status_tells_what_a_person_wants_to_know(host: IndexHost) -> None:
    """Type, pid, state, since, heartbeat age, restarts, CPU, RSS, last error."""
    statuses = until(
        lambda: [s for s in host.worker_status() if s.heartbeat_age is not None and s.rss],
        what="heartbeats",
    )
    for status in statuses:
        assert status.state == "ready"
        assert abs(status.since - time.time()) < 60
        assert status.heartbeat_age is not None
        assert status.heartbeat_age < 10
        assert status.cpu_s > 0
        assert status.restarts == 0
        assert status.last_error == ""


def test_r2_only_an_owner_starts_workers(host: IndexHost, project: Path) -> None:
    """A second process that does not own the index starts nothing, knows who does, and asks it."""
    code = (
        "import sys\n"
        "from wherein.host import IndexHost\n"
        "from wherein.settings import Settings\n"
        "host = IndexHost(Settings())\n"
        "host.open([sys.argv[1]])\n"
        "print(len(host.worker_status()), host.folders[0].facts.owner_pid)\n"
        "print(host.folders[0].require().stats().result().files, len(host.worker_status()))\n"
        "host.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(project)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert first == f"0 {os.getpid()}"
    assert second == f"{settle(host).files} 0"


def test_r3_the_database_worker_starts_by_the_driver_alone(
    wherein_home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the driver's starter taken away, nothing else brings a database worker up."""
    asked: list[str] = []

    def refuse(self: SQLiteDriverProxy) -> str:
        asked.append(self._config.db_path)
        raise WorkerUnavailable("not in this test")

    monkeypatch.setattr(SQLiteDriverProxy, "_start_worker", refuse)
    host = IndexHost(Settings())
    try:
        host.open([str(project)])
        until(lambda: len(asked) >= 2, what="watcher and vectorization have asked")
        with pytest.raises(WorkerUnavailable):
            host.folders[0].database.stats().result()
        assert "database" not in {status.type for status in host.worker_status()}
    finally:
        host.close(5)


def test_r3_the_database_worker_is_lazy(wherein_home: Path, project: Path) -> None:
    """Nobody wants a connection, nobody gets a process."""
    started: list[str] = []
    DBWorkerManager.configure(start=lambda path: started.append(path) or "unix:/nowhere")
    database = CodeDatabase(DriverConfig("sqlite", str(project)))
    assert started == []
    (project / "token").write_bytes(b"t" * 32)
    with pytest.raises(WorkerUnavailable):
        database.stats().result()
    assert str(project) in started
    database.close()


def test_r4_drivers_come_from_the_table(project: Path) -> None:
    """create_driver makes what the table names, and refuses the rest with the known names."""
    driver = create_driver("sqlite", DriverConfig("sqlite", str(project)))
    assert isinstance(driver, SQLiteDriverProxy)
    driver.close()
    with pytest.raises(UsageError, match="sqlite"):
        create_driver("postgres", DriverConfig("postgres", ""))
    assert set(base._DRIVERS) == {"sqlite"}


def test_r4_one_search_is_one_round_trip(host: IndexHost) -> None:
    """A command costs one frame, two at the very most."""
    database = host.folders[0].database
    before = database.requests_sent()
    database.search(d.SearchQuery(text="mix two colours", snippet_lines=4)).result()
    assert database.requests_sent() - before == 1


def test_r5_unconfigured_it_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """DBWorkerManager has no way of its own to start anything."""
    monkeypatch.setattr(DBWorkerManager, "_start", None)
    monkeypatch.setattr(DBWorkerManager, "_endpoints", {})
    with pytest.raises(WorkerUnavailable):
        DBWorkerManager.get_or_start_worker("/anywhere")


def test_r5_an_edit_becomes_searchable_with_no_command_from_anyone(
    wherein_home: Path, project: Path
) -> None:
    """Daemonic workers get their database by asking the server; nobody has to search first."""
    host = IndexHost(Settings())
    try:
        host.open([str(project)])
        until(lambda: b"net/upload.py" in indexed_paths(project), what="first index")
        (project / "fresh.py").write_text("def brand_new():\n    return 1\n", encoding="utf-8")
        until(lambda: b"fresh.py" in indexed_paths(project), what="the new file")
        assert host.folders[0].database.requests_sent() == 0
    finally:
        host.close(5)


@pytest.mark.parametrize("kind", list(WorkerType))
def test_a_killed_worker_comes_back_and_loses_nothing(host: IndexHost, kind: WorkerType) -> None:
    """kill -9 of each worker: it is started again, visibly, and an edit is found afterwards."""
    before = pid_of(host, kind)
    os.kill(before, signal.SIGKILL)
    root = Path(host.folders[0].root)
    (root / "later.py").write_text(
        "def fold_laundry():\n    'Put clean clothes away.'\n", encoding="utf-8"
    )
    settle(host)
    assert top(host, "put clean clothes away").path == b"later.py"
    status = worker(host, kind)
    assert status.pid not in (None, before)
    assert status.restarts == 1
    assert "signal 9" in status.last_error


@pytest.mark.parametrize("kind", list(WorkerType))
def test_a_worker_that_hangs_is_killed_and_started_again(
    host: IndexHost, kind: WorkerType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process does not beat: it is noticed, replaced, and the index goes on."""
    before = pid_of(host, kind)
    monkeypatch.setitem(supervision.SILENCE_S, kind, 2.5)
    os.kill(before, signal.SIGSTOP)
    until(lambda: not psutil.pid_exists(before), what="the hung one is gone")
    (Path(host.folders[0].root) / "after.py").write_text("after = 1\n", encoding="utf-8")
    settle(host)
    status = until(lambda: [w for w in [worker(host, kind)] if w.pid], what="a new one")[0]
    assert status.pid != before
    assert "did not answer" in status.last_error


def test_stop_is_quick_and_leaves_nothing(host: IndexHost) -> None:
    """All workers are gone within the time that editors grant."""
    pids = [s.pid for s in host.worker_status() if s.pid]
    began = time.monotonic()
    host.close()
    assert time.monotonic() - began < 5
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_once_mode_watches_nothing_and_restarts_write_nothing(
    wherein_home: Path, project: Path
) -> None:
    """The command line's way: index, stop; the second time no chunk is written or embedded."""
    for round_ in range(2):
        host = IndexHost(Settings(), WatchMode.ONCE)
        host.open([str(project)])
        stats = settle(host)
        assert stats.files == 4
        assert stats.chunks == stats.vectors > 0
        assert (stats.chunks_written, stats.vectors_written) == (
            (0, 0) if round_ else (stats.chunks, stats.vectors)
        )
        host.close(5)
