"""What the rules say beyond test_rules.py: order of stopping, signals, limits, who is asked."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.waiting import until
from support.workspace import make_project
from wherein.commands import search
from wherein.database.db_worker_manager import DBWorkerManager
from wherein.errors import StorageError, WorkerUnavailable
from wherein.host import IndexHost
from wherein.ipc import control
from wherein.lsp.context import ServerContext
from wherein.ownership.lock import OwnerLock
from wherein.paths import index_paths
from wherein.settings import Settings
from wherein.workers import handle as handle_module
from wherein.workers import runtime, supervision
from wherein.workers.database_starter import DatabaseStarter
from wherein.workers.handle import WorkerHandle, WorkerState
from wherein.workers.manager import WorkerManager
from wherein.workers.runtime import WorkerContext
from wherein.workers.start import WorkerStart, WorkerType


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project."""
    return make_project(tmp_path / "project")


@pytest.fixture
def host(wherein_home: Path, project: Path) -> Iterator[IndexHost]:
    """A host with all three workers ready."""
    made = IndexHost(Settings())
    made.open([str(project)])
    until(lambda: made.sync(made.folders[0]).result() > 0, what="sync")
    until(lambda: [s.state for s in made.worker_status()] == ["ready"] * 3, what="three workers")
    yield made
    made.close(5)


def handles() -> dict[WorkerType, WorkerHandle]:
    """The manager's handles by type."""
    return {handle.type: handle for handle in WorkerManager.get_instance()._workers}


def test_r1_stopping_one_type_leaves_the_others(host: IndexHost) -> None:
    """stop_worker_type stops the workers of that type and no others."""
    before = {s.type: s.pid for s in host.worker_status()}
    WorkerManager.get_instance().stop_worker_type(WorkerType.VECTORIZATION, 5)
    left = {s.type: s.pid for s in host.worker_status()}
    assert left == {t: pid for t, pid in before.items() if t != "vectorization"}


def test_r1_workers_are_asked_in_order_and_the_database_outlives_the_others(
    host: IndexHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watcher, vectorization, and only when both are gone the database."""
    told: list[tuple[str, list[str]]] = []
    begin = WorkerHandle.begin_stop

    def note(self: WorkerHandle) -> None:
        running = [t.value for t, h in running_handles.items() if psutil.pid_exists(pids[t])]
        told.append((self.type.value, running))
        begin(self)

    running_handles = handles()
    pids = {t: h.process.pid for t, h in running_handles.items() if h.process and h.process.pid}
    monkeypatch.setattr(WorkerHandle, "begin_stop", note)
    WorkerManager.get_instance().stop_all_workers(10)
    assert [kind for kind, _ in told] == ["file_watcher", "vectorization", "database"]
    assert told[-1][1] == ["database"]


def test_r1_a_restart_that_was_due_does_not_happen_after_a_stop(
    host: IndexHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that died just before the stop stays dead, even if its timer fires."""
    monkeypatch.setattr(supervision, "FIRST_DELAY_S", 600.0)
    monkeypatch.setattr(supervision, "LONGEST_DELAY_S", 600.0)
    manager = WorkerManager.get_instance()
    watcher = handles()[WorkerType.FILE_WATCHER]
    assert watcher.process is not None
    watcher.process.kill()
    until(lambda: manager._timers, what="a restart is due")
    timers = set(manager._timers)
    manager.stop_all_workers(5)
    assert all(timer.finished.is_set() for timer in timers)
    watcher.state = WorkerState.DEAD
    manager._restart(watcher)  # as a timer that could not be cancelled in time would
    assert watcher.state is WorkerState.DEAD
    assert watcher.restarts == 0


def test_a_listener_that_fails_costs_no_worker(host: IndexHost) -> None:
    """What goes wrong here with a message is no fault of the worker that sent it."""
    heard: list[control.Up] = []
    pids = {s.type: s.pid for s in host.worker_status()}
    watcher = handles()[WorkerType.FILE_WATCHER]
    listener = watcher._listener

    def fail_once(handle: WorkerHandle, message: control.Up) -> None:
        heard.append(message)
        if len(heard) == 1:
            raise StorageError("there is no room")
        listener(handle, message)

    watcher._listener = fail_once
    until(lambda: host.sync(host.folders[0]).result() > 0, what="sync")
    assert len(heard) > 1
    assert {s.type: s.pid for s in host.worker_status()} == pids


def test_a_worker_that_dies_too_often_is_given_up_with_a_reason(
    host: IndexHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the budget there is no other start; status says so."""
    monkeypatch.setattr(supervision, "BUDGET", 1)
    kind = WorkerType.VECTORIZATION
    for round_ in range(2):
        until(lambda: handles()[kind].state is WorkerState.READY, what="ready")
        pid = until(lambda: handles()[kind].status().pid)
        assert handles()[kind].restarts == round_
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not psutil.pid_exists(pid), what="dead")
        until(lambda: handles()[kind].state is not WorkerState.READY, what="noticed")
    until(lambda: handles()[kind].state is WorkerState.FAILED, what="given up")
    waiting = [t for t in WorkerManager.get_instance()._timers if not t.finished.is_set()]
    assert [timer.interval for timer in waiting] == [supervision.GIVEN_UP_S]
    reason = host.facts(host.folders[0]).failed_workers["vectorization"]
    assert "too often" in reason
    assert "signal 9" in reason


@pytest.mark.parametrize("kind", list(WorkerType))
def test_r1_a_worker_that_is_asked_ends_by_itself(host: IndexHost, kind: WorkerType) -> None:
    """The kill is for those that do not listen: a healthy worker closes and ends with 0."""
    process = handles()[kind].process
    assert process is not None
    WorkerManager.get_instance().stop_worker_type(kind, 60)
    assert process.exitcode == 0


# A worker that says nothing, hears nothing, and only ends with the server.
STUCK = """
from multiprocessing import parent_process
from multiprocessing.connection import wait

def run(start, pipe):
    wait([parent_process().sentinel])
"""


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every worker one that never gets ready."""
    (tmp_path / "stuck_worker.py").write_text(STUCK, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(handle_module, "run_worker", importlib.import_module("stuck_worker").run)
    yield
    del sys.modules["stuck_worker"]


@pytest.mark.usefixtures("stuck")
def test_r2_opening_a_folder_waits_for_no_worker(wherein_home: Path, project: Path) -> None:
    """Both workers are started and listed, and nobody waits until they are ready."""
    host = IndexHost(Settings())
    opening = threading.Thread(target=host.open, args=([str(project)],), daemon=True)
    opening.start()
    opening.join(15)
    try:
        assert not opening.is_alive()
        assert {s.type: s.state for s in host.worker_status()} == {
            "file_watcher": "starting",
            "vectorization": "starting",
        }
    finally:
        host.close(5)


@pytest.mark.usefixtures("stuck")
def test_r1_a_worker_that_is_still_starting_is_not_waited_for(
    wherein_home: Path, project: Path
) -> None:
    """It has nothing to lose: it is killed at once, not at the end of the time it is given."""
    host = IndexHost(Settings())
    host.open([str(project)])
    stopping = threading.Thread(
        target=WorkerManager.get_instance().stop_all_workers, args=(100,), daemon=True
    )
    stopping.start()
    stopping.join(20)
    left = stopping.is_alive()
    host.close(5)
    assert not left


def test_r4_a_search_command_is_one_frame(host: IndexHost) -> None:
    """The command asks the database once: not for its counters before, not again after."""
    database = host.folders[0].database
    before = database.requests_sent()
    params = search.Params(query="mix two colours", snippet_lines=2)
    found = asyncio.run(search.run(ServerContext(host), params))
    assert found.found
    assert database.requests_sent() - before == 1


def test_r5_an_index_that_is_not_owned_gets_no_database(host: IndexHost, tmp_path: Path) -> None:
    """The starter refuses a path that nobody opened here, and starts nothing."""
    starter = DatabaseStarter(WorkerManager.get_instance(), {}, b"t" * 32, Settings())
    with pytest.raises(WorkerUnavailable, match="does not own"):
        starter(str(tmp_path / "foreign"))
    with pytest.raises(WorkerUnavailable, match="does not own"):
        DBWorkerManager.get_or_start_worker(str(tmp_path / "foreign"))
    assert len(host.worker_status()) == 3


def test_r5_asking_again_gives_the_same_database_worker(host: IndexHost) -> None:
    """Whoever asks, and however often, an index has one database worker."""
    (before,) = [s.pid for s in host.worker_status() if s.type == "database"]
    path = host.folders[0].paths.directory
    endpoint = DBWorkerManager.get_or_start_worker(path)
    DBWorkerManager.forget(path, endpoint)
    assert DBWorkerManager.get_or_start_worker(path) == endpoint
    assert [s.pid for s in host.worker_status() if s.type == "database"] == [before]


def test_r5_a_worker_does_not_wait_for_ever_for_its_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that does not answer need_database costs a deadline and an error."""
    monkeypatch.setattr(runtime, "DATABASE_WAIT_S", 0.05)
    ours, theirs = socket.socketpair()
    start = WorkerStart(WorkerType.FILE_WATCHER, (), b"", Settings())
    context = WorkerContext(start, theirs)
    problems: list[Exception] = []

    def ask() -> None:
        try:
            context.ask_for_database("/anywhere")
        except WorkerUnavailable as error:
            problems.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(20)
    ours.close()
    theirs.close()
    assert len(problems) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_ctrl_c_in_a_terminal_is_the_servers_business_not_a_workers(
    interruptible: None, host: IndexHost
) -> None:
    """SIGINT goes to the whole foreground group: workers ignore it."""
    pids = {t: h.process.pid for t, h in handles().items() if h.process}
    for pid in pids.values():
        assert pid is not None
        os.kill(pid, signal.SIGINT)
    for handle in handles().values():
        before = handle.heard_at
        until(lambda h=handle, b=before: h.heard_at > b + 1.5, what=f"{handle.type} goes on")
    assert {t: h.process.pid for t, h in handles().items() if h.process} == pids
    assert [s.restarts for s in host.worker_status()] == [0, 0, 0]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("kind", list(WorkerType))
def test_sigterm_asks_a_worker_to_finish(host: IndexHost, kind: WorkerType) -> None:
    """SIGTERM is a wish, not a blow: the worker closes what it has open and ends with 0."""
    handle = handles()[kind]
    process = handle.process
    assert process is not None
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    until(lambda: process.exitcode is not None, what="ended")
    assert process.exitcode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows what a descriptor is")
def test_workers_read_nothing_and_write_only_to_stderr(host: IndexHost) -> None:
    """0 is the null device and 1 is what 2 is, whatever the host's own are."""
    for handle in handles().values():
        assert handle.process is not None
        opened = Path(f"/proc/{handle.process.pid}/fd")
        assert str((opened / "0").readlink()) == os.devnull
        assert (opened / "1").readlink() == (opened / "2").readlink()
        assert (opened / "1").readlink() != Path("/proc/self/fd/1").readlink()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.one_transport
def test_everything_an_index_is_made_of_is_private(wherein_home: Path, project: Path) -> None:
    """Whatever umask a person has: directories 0700, files and sockets 0600."""
    before = os.umask(0)
    try:
        host = IndexHost(Settings())
        host.open([str(project)])
        until(lambda: host.sync(host.folders[0]).result() > 0, what="sync")
        until(lambda: [s.state for s in host.worker_status()] == ["ready"] * 3, what="ready")
    finally:
        os.umask(before)
    try:
        private = Path(host.folders[0].paths.directory)
        found = [private, *private.rglob("*"), *(wherein_home / "run").rglob("*")]
        modes = {p: stat.S_IMODE(p.lstat().st_mode) for p in found if p.exists()}
        names = {p.name for p in modes}
        assert {"owner.lock", "owner.json", "token", "index.db", "index.db-wal"} <= names
        assert [p for p, mode in modes.items() if p.is_socket()]
        open_to_others = {str(p): oct(mode) for p, mode in modes.items() if mode & 0o077}
        # "folder" lies in a directory that nobody else can enter.
        assert {k: v for k, v in open_to_others.items() if not k.endswith("/folder")} == {}
    finally:
        host.close(5)


def test_r2_a_folder_of_another_process_gets_no_worker_beside_our_own(
    wherein_home: Path, project: Path, tmp_path: Path
) -> None:
    """Workers are told of the folders that this process owns, and of no other."""
    taken = index_paths(str(make_project(tmp_path / "taken")))
    other = OwnerLock(taken)
    assert other.acquire(b"x" * 32)
    host = IndexHost(Settings())
    try:
        host.open([str(project), taken.root])
        owned = index_paths(str(project))
        assert [h.start_args.indexes for h in handles().values()] == [(owned,), (owned,)]
    finally:
        host.close(5)
        other.release()
