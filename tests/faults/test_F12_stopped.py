"""Workers that are stopped, killed in a search, or asleep with the whole machine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.faults import SERVE, Faults
from support.rpc import Client, Failed, serving
from support.waiting import until
from wherein import domain as d
from wherein.errors import WhereinError
from wherein.host import IndexHost
from wherein.settings import Settings
from wherein.status import describe
from wherein.workers import supervision
from wherein.workers.handle import WorkerStatus
from wherein.workers.start import WorkerType


@pytest.fixture
def host(project: Path) -> Iterator[IndexHost]:
    """An owner whose index is up to date."""
    made = IndexHost(Settings())
    try:
        made.open([str(project)])
        until(lambda: answers(made), timeout=90, what="in service")
        yield made
    finally:
        made.close(5)


def answers(host: IndexHost) -> bool:
    """Say whether the disk is indexed and a search finds what is on it, now."""
    try:
        host.sync(host.folders[0]).result(20)
        return bool(host.folders[0].database.search(d.SearchQuery(text="blend")).result().hits)
    except WhereinError:
        return False


def worker(host: IndexHost, kind: WorkerType) -> WorkerStatus:
    """The one worker of a type, once there is one that serves."""

    def ready() -> WorkerStatus | None:
        found = [s for s in host.worker_status() if s.type == kind.value and s.state == "ready"]
        return found[0] if found else None

    found = until(ready, timeout=60, what=f"{kind.value} serves")
    assert found is not None
    return found


@pytest.mark.parametrize("kind", list(WorkerType))
def test_F12_a_stopped_worker_is_killed_and_started_again(
    host: IndexHost, monkeypatch: pytest.MonkeyPatch, kind: WorkerType
) -> None:
    """Silence is noticed by its missing heartbeats, whatever it does to signals."""
    monkeypatch.setattr(supervision, "SILENCE_S", dict.fromkeys(WorkerType, 4.0))
    before = worker(host, kind)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGSTOP)
    until(lambda: not psutil.pid_exists(before.pid or 0), timeout=60, what="killed")
    until(lambda: answers(host), timeout=90, what="in service")
    after = worker(host, kind)
    assert after.pid != before.pid
    assert after.restarts >= 1
    assert "did not answer" in after.last_error


def test_F12_a_full_pipe_to_a_stopped_worker_holds_up_nobody(
    host: IndexHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed in its time, and all the while who asks for the state has it within 0.1 s."""
    monkeypatch.setattr(supervision, "patience", lambda *_: 1.0)
    before = worker(host, WorkerType.FILE_WATCHER)
    assert before.pid is not None
    folder = host.folders[0]
    many = [(folder, f"{'d' * 100}/{number}.py".encode()) for number in range(5_000)]
    os.kill(before.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    took = []
    while psutil.pid_exists(before.pid) and time.monotonic() < stopped + 60:
        began = time.monotonic()
        if len(took) < 20:
            host.hint(many)
        assert describe(host.facts(folder)).state
        took.append(time.monotonic() - began)
        time.sleep(0.05)
    limit = supervision.SILENCE_S[WorkerType.FILE_WATCHER]
    assert time.monotonic() - stopped < limit + 4 * supervision.TICK_S
    assert sorted(took)[len(took) * 99 // 100] < 0.1
    until(lambda: answers(host), timeout=90, what="in service")
    assert "did not answer" in worker(host, WorkerType.FILE_WATCHER).last_error


def test_F12_a_look_at_the_workers_that_fails_is_not_the_last(
    host: IndexHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system cannot say how busy it is, once, a hung worker is killed all the same."""
    monkeypatch.setattr(supervision, "SILENCE_S", dict.fromkeys(WorkerType, 4.0))
    failed: list[bool] = []
    load = psutil.getloadavg

    def once() -> tuple[float, float, float]:
        if not failed:
            failed.append(True)
            raise OSError(5, "Input/output error")
        return load()

    monkeypatch.setattr(psutil, "getloadavg", once)
    before = worker(host, WorkerType.FILE_WATCHER)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGSTOP)
    until(lambda: not psutil.pid_exists(before.pid or 0), timeout=60, what="killed")
    assert failed


def test_F03_a_database_worker_killed_in_a_search_is_asked_again(
    project: Path, faults: Faults
) -> None:
    """The search is sent to the next worker; at most it is told that none is there in time."""
    faults.set({"at": "wherein.db_worker.search:Reader.search", "do": "kill", "once": True})
    with serving(SERVE) as client:
        client.initialize(project)
        in_service(client)
        assert answered(client)["results"]
        assert faults.count() == 1
        assert client.close() == 0


def test_F03_a_search_that_kills_every_worker_ends_in_an_error(
    project: Path, faults: Faults
) -> None:
    """It is not sent for ever: the person is told, and other questions are answered."""
    faults.set({"at": "wherein.db_worker.search:Reader.search", "do": "kill", "text": "zanzibar"})
    with serving(SERVE) as client:
        client.initialize(project)
        in_service(client)
        with pytest.raises(Failed):
            client.ask("wherein/search", {"query": "zanzibar"}, timeout=60)
        assert 1 <= faults.count() <= 3
        assert answered(client)["results"]
        assert client.close() == 0


def in_service(client: Client) -> None:
    """Wait until the disk is indexed; on a busy machine a worker may not be there in time."""

    def synced() -> bool:
        try:
            client.ask("wherein/sync", timeout=90)
        except Failed:
            return False
        return True

    until(synced, timeout=90, what="in service")


def answered(client: Client) -> Any:
    """Ask until there is an answer: a worker may be on its way."""

    def ask() -> Any:
        try:
            return client.ask("wherein/search", {"query": "blend"}, timeout=60)
        except Failed:
            return None

    return until(ask, timeout=60, what="an answer")


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("whole", [True, False], ids=["all", "server"])
def test_F13_a_machine_that_slept_restarts_nothing(project: Path, whole: bool) -> None:
    """All processes, or the server alone, stand still for longer than any silence is forgiven."""
    with serving() as client:
        client.initialize(project)
        in_service(client)
        rows = client.ask("wherein/workers")["workers"]
        pids = [client.process.pid, *(row["pid"] for row in rows if whole)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(supervision.SILENCE_S[WorkerType.DATABASE] + 5)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        (project / "after.py").write_text("def zanzibar_ferry():\n    return 1\n")
        client.ask("wherein/sync", timeout=60)
        time.sleep(3 * supervision.TICK_S)  # the watch looks once more
        after = client.ask("wherein/workers")["workers"]
        assert {row["pid"] for row in after} == {row["pid"] for row in rows}
        assert [row["restarts"] for row in after] == [0] * 3
        assert client.ask("wherein/search", {"query": "zanzibar_ferry"})["results"]
        assert client.close() == 0
