"""The driver against a service in this process: connections, retries, wishes that are withdrawn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.waiting import until
from wherein import domain as d
from wherein.database.code_database import CodeDatabase
from wherein.database.db_worker_manager import DBWorkerManager
from wherein.database.drivers.base import DriverConfig
from wherein.errors import DeadlineExceeded, UsageError, WhereinError
from wherein.ipc.client import Client
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.ipc.service import Call, Service

TOKEN = b"t" * 32
EMPTY = d.FileList([], 1)


class Workers:
    """Stands in for database workers: each start makes a service of this process."""

    def __init__(self, handler: Callable[[Call], None]) -> None:
        self.handler = handler
        self.made: list[Service] = []

    def start(self, _db_path: str) -> str:
        """Start the next worker."""
        self.made.append(Service(f"s{len(self.made)}.db", TOKEN, DATABASE_OPERATIONS, self.handler))
        return self.made[-1].endpoint


class SlowWorkers(Workers):
    """Workers that take as long to start as the test wants."""

    def __init__(self, handler: Callable[[Call], None]) -> None:
        super().__init__(handler)
        self.starting, self.go_on = threading.Event(), threading.Event()

    def start(self, db_path: str) -> str:
        """Wait, then start the next worker."""
        self.starting.set()
        assert self.go_on.wait(20)
        return super().start(db_path)


@pytest.fixture
def database(wherein_home: Path, tmp_path: Path) -> Iterator[Callable[..., CodeDatabase]]:
    """Make a database whose workers have this handler."""
    (tmp_path / "token").write_bytes(TOKEN)
    opened: list[CodeDatabase] = []
    started: list[Workers] = []

    def make(workers: Workers) -> CodeDatabase:
        started.append(workers)
        DBWorkerManager.configure(start=workers.start)
        opened.append(CodeDatabase(DriverConfig("sqlite", str(tmp_path))))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
    for service in (s for w in started for s in w.made):
        service.close()


def test_r4_the_configured_driver_type_counts(tmp_path: Path) -> None:
    """CodeDatabase makes the driver that it is told to make, not one that it knows."""
    with pytest.raises(UsageError, match="postgres"):
        CodeDatabase(DriverConfig("postgres", str(tmp_path)))


def test_many_requests_share_one_connection(database: Callable[..., CodeDatabase]) -> None:
    """The first request connects; the others use that connection."""
    connections = set()

    def handler(call: Call) -> None:
        connections.add(call.connection)
        call.reply(EMPTY)

    workers = Workers(handler)
    ours = database(workers)
    for _ in range(10):
        ours.list_files().result(20)
    assert len(connections) == 1
    assert len(workers.made) == 1
    assert ours.requests_sent() == 10


def test_a_request_is_sent_again_to_the_next_worker(database: Callable[..., CodeDatabase]) -> None:
    """The worker dies with a request in its hands: a new one is started and answers."""
    seen: list[int] = []

    def handler(call: Call) -> None:
        seen.append(len(workers.made))
        if len(workers.made) == 1:
            threading.Thread(target=workers.made[0].close, daemon=True).start()
        else:
            call.reply(EMPTY)

    workers = Workers(handler)
    assert database(workers).list_files().result(20) == EMPTY
    first, again = seen
    assert first == 1
    assert again > 1  # a third one, where the second did not shake hands in time


def test_an_endpoint_that_nobody_answers_at_is_asked_for_anew(
    database: Callable[..., CodeDatabase],
) -> None:
    """A worker that died between two requests is replaced, with no error for the asker."""
    workers = Workers(lambda call: call.reply(EMPTY))
    ours = database(workers)
    ours.list_files().result(20)
    workers.made[0].close()
    assert ours.list_files().result(20) == EMPTY
    assert len(workers.made) > 1


def test_a_wish_that_is_withdrawn_reaches_the_worker(database: Callable[..., CodeDatabase]) -> None:
    """A deadline at the driver cancels the request at the other end."""
    arrived, cancelled = threading.Event(), threading.Event()

    def handler(call: Call) -> None:
        call.on_cancel = cancelled.set
        arrived.set()

    ours = database(Workers(handler))
    pending = ours.list_files()
    assert arrived.wait(20)
    with pytest.raises(DeadlineExceeded):
        pending.result(0.01)
    assert cancelled.wait(20)


def test_a_wish_that_is_withdrawn_while_connecting_is_not_sent(
    database: Callable[..., CodeDatabase],
) -> None:
    """Starting a worker takes seconds, and a person types on: it is spared the old questions."""
    asked: list[str] = []

    def handler(call: Call) -> None:
        asked.append(call.operation)
        call.reply(EMPTY)

    workers = SlowWorkers(handler)
    ours = database(workers)
    withdrawn = ours.list_files()
    assert workers.starting.wait(20)
    with pytest.raises(DeadlineExceeded):
        withdrawn.result(0.01)
    workers.go_on.set()
    ours.list_files().result(20)  # by the same thread, after the other
    assert len(asked) == 1


def test_a_wish_that_is_withdrawn_while_it_is_sent_reaches_the_worker(
    database: Callable[..., CodeDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancel follows its request also when it came first."""
    sending, withdrawn, cancelled = (threading.Event() for _ in range(3))
    submit = Client.submit

    def slow(client: Client, operation: str, *rest: Any) -> Any:
        sending.set()
        assert withdrawn.wait(20)
        return submit(client, operation, *rest)

    def handler(call: Call) -> None:
        call.on_cancel = cancelled.set

    monkeypatch.setattr(Client, "submit", slow)
    pending = database(Workers(handler)).list_files()
    assert sending.wait(20)
    with pytest.raises(DeadlineExceeded):
        pending.result(0.01)
    withdrawn.set()
    assert cancelled.wait(20)


def test_closing_fails_what_is_pending(database: Callable[..., CodeDatabase]) -> None:
    """Nobody waits for an answer of a database that was closed, and nothing starts again."""
    workers = Workers(lambda call: None)
    ours = database(workers)
    pending = ours.list_files()
    until(lambda: ours.requests_sent() == 1, what="sent")
    ours.close()
    with pytest.raises(WhereinError):
        pending.result(20)
    with pytest.raises(WhereinError):
        ours.list_files().result(20)
    assert len(workers.made) == 1
