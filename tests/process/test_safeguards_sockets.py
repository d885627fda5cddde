"""Limits of the local sockets: how many clients, how long a frame takes, who may speak."""

from __future__ import annotations

import os
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from support.impostor import impostor
from support.waiting import until
from wherein import domain as d
from wherein.errors import (
    ConnectionLost,
    DeadlineExceeded,
    IndexBusy,
    ProtocolError,
    WhereinError,
    WorkerUnavailable,
)
from wherein.ipc import envelope, frames, handshake, transport
from wherein.ipc import service as services
from wherein.ipc.client import Client
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.ipc.service import Call, Service

TOKEN = b"t" * 32


@pytest.fixture
def serving(wherein_home: Path) -> Iterator[Callable[..., Service]]:
    """Make services; they are closed at the end."""
    made: list[Service] = []

    def make(handler: Callable[[Call], None]) -> Service:
        made.append(Service("test.db", TOKEN, DATABASE_OPERATIONS, handler))
        return made[-1]

    yield make
    for each in made:
        each.close()


def answer(call: Call) -> None:
    """Answer with the listing of no files."""
    call.reply(d.FileList([], 7))


def ask(client: Client) -> int:
    """Ask once and return the commit number."""
    commit: int = client.submit("list_files", d.Empty()).result(20).commit
    return commit


def test_clients_beyond_the_limit_are_hung_up_on(
    serving: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaks connections does not get all threads of a worker; a place that is free is given."""
    monkeypatch.setattr(services, "MAX_CLIENTS", 2)
    endpoint = serving(answer).endpoint
    first, second = (Client(endpoint, TOKEN, DATABASE_OPERATIONS) for _ in range(2))
    with pytest.raises(WhereinError):
        Client(endpoint, TOKEN, DATABASE_OPERATIONS)
    assert ask(second) == 7
    first.close()

    def again() -> Client | None:
        try:
            return Client(endpoint, TOKEN, DATABASE_OPERATIONS)
        except WhereinError:
            return None

    third = until(again, what="the free place")
    assert third is not None
    assert ask(third) == 7
    for client in (second, third):
        client.close()


def test_a_client_for_whom_there_is_no_thread_is_hung_up_on(
    serving: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system had none left at that moment: the next client is served."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    endpoint = serving(answer).endpoint
    with monkeypatch.context() as patch:
        patch.setattr(services.threading, "Thread", refuse)
        sock = transport.connect(endpoint)
        sock.settimeout(20)
        assert sock.recv(1) == b""
    sock.close()
    client = Client(endpoint, TOKEN, DATABASE_OPERATIONS)
    assert ask(client) == 7
    client.close()


def test_a_system_without_descriptors_is_not_asked_all_the_time(
    serving: Callable[..., Service],
) -> None:
    """Accepting fails at once then: it is tried again after a rest, and then it may be well."""
    service = serving(answer)
    real, tried = service._listener, []

    class Full:
        """A listening socket of a process that may open nothing more, three times."""

        def accept(self) -> object:
            tried.append(time.monotonic())
            if len(tried) < 4:
                raise OSError(24, "Too many open files")
            return real.accept()

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    service._listener = Full()  # type: ignore[assignment]
    first = Client(service.endpoint, TOKEN, DATABASE_OPERATIONS)  # accepted by the real one
    second = Client(service.endpoint, TOKEN, DATABASE_OPERATIONS)
    assert ask(second) == 7
    assert tried[3] - tried[0] > 2 * services.REST_S
    for client in (first, second):
        client.close()


def test_a_client_that_does_not_read_holds_up_nobody(serving: Callable[..., Service]) -> None:
    """One thread writes the answers to all; who leaves a large one unread is dropped in the end."""
    calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()

    def work() -> None:
        while (call := calls.get()) is not None:
            if call.operation == "find_symbols":
                call.reply("x" * (16 << 20))
            else:
                answer(call)

    service = serving(calls.put)
    threading.Thread(target=work, daemon=True).start()
    mute = transport.connect(service.endpoint)
    handshake.greet(mute, TOKEN)
    body = msgspec.Raw(envelope.encode(d.SymbolQuery("x")))
    frames.write_frame(mute, envelope.encode(envelope.Request(1, "find_symbols", body)))
    assert select.select([mute], [], [], 20)[0]  # its answer has begun
    client = Client(service.endpoint, TOKEN, DATABASE_OPERATIONS)
    began = time.monotonic()
    assert ask(client) == 7
    assert time.monotonic() - began < frames.POLL_S / 2
    until(lambda: len(service._connections) == 1, timeout=4 * frames.POLL_S, what="dropped")
    assert ask(client) == 7
    calls.put(None)
    client.close()
    mute.close()


def test_an_answer_that_is_too_large_is_an_error_and_not_a_hang(
    serving: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asker is told, and the connection goes on."""

    def handler(call: Call) -> None:
        if call.operation == "find_symbols":
            call.reply("x" * 5000)
        else:
            answer(call)

    client = Client(serving(handler).endpoint, TOKEN, DATABASE_OPERATIONS)
    monkeypatch.setattr(frames, "MAX_FRAME", 1000)
    with pytest.raises(ProtocolError, match="larger"):
        client.submit("find_symbols", d.SymbolQuery("x")).result(20)
    assert ask(client) == 7
    client.close()


def test_a_frame_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that has begun must be complete in time, however lively its sender is."""
    monkeypatch.setattr(frames, "FRAME_S", 0.2)
    ours, theirs = socket.socketpair()
    frames.prepare(ours)
    ours.settimeout(0.05)
    problems: list[Exception] = []

    def read() -> None:
        try:
            frames.read_frame(ours)
        except ProtocolError as error:
            problems.append(error)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    theirs.sendall(struct.pack(">I", 1000) + b"x")
    reading.join(20)
    assert len(problems) == 1
    ours.close()
    theirs.close()


def test_a_server_that_says_nothing_is_given_up(
    wherein_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client does not wait for ever for a welcome."""
    monkeypatch.setattr(handshake, "HANDSHAKE_S", 0.1)
    listener, endpoint = transport.listen("mute.db")
    problems: list[Exception] = []

    def connect() -> None:
        try:
            Client(endpoint, TOKEN, DATABASE_OPERATIONS)
        except DeadlineExceeded as error:
            problems.append(error)

    connecting = threading.Thread(target=connect, daemon=True)
    connecting.start()
    connecting.join(20)
    listener.close()
    transport.forget(endpoint)
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("field", "value", "newer"),
    [
        ("build", "0.0.1", False),
        ("build", "99.10.0", True),
        ("protocol", 0, False),
        ("protocol", 99, True),
        ("schema", 1, False),
        ("schema", 999, True),
    ],
)
def test_F21_another_version_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, wherein_home: Path, field: str, value: object, newer: bool
) -> None:
    """Two builds never talk, even with the right token; the older of the two is told that it is."""
    told: list[bool] = []
    name = f"{os.getpid()}.v"
    service = Service(
        name, TOKEN, DATABASE_OPERATIONS, answer, on_outdated=lambda: told.append(True)
    )
    mine = handshake.Hello(
        handshake.PROTOCOL, handshake.__version__, os.getpid(), b"n" * 32, handshake.SCHEMA
    )
    greeting = msgspec.structs.replace(mine, **{field: value})
    monkeypatch.setattr(handshake, "Hello", lambda *_: greeting)
    try:
        with pytest.raises(WorkerUnavailable if newer else IndexBusy, match="version"):
            Client(service.endpoint, TOKEN, DATABASE_OPERATIONS)
        if newer:
            until(lambda: told, what="the older one knows")
        refused = impostor(service.endpoint, greeting)
        assert refused == handshake.Refused("the token is wrong", newer=False)
    finally:
        service.close()
    assert len(told) == int(newer)  # who has no token retires nobody


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the kernel does not say who")
def test_another_users_process_is_not_served(
    serving: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel says whose process it is; the token does not help."""
    monkeypatch.setenv("WHEREIN_TRANSPORT", "unix")
    endpoint = serving(answer).endpoint
    mine = os.geteuid()
    monkeypatch.setattr(handshake.os, "geteuid", lambda: mine + 1)
    with pytest.raises(ConnectionLost):
        Client(endpoint, TOKEN, DATABASE_OPERATIONS)


def test_a_frame_that_announces_too_much_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its length alone is reason enough: nothing of it is waited for or kept."""
    monkeypatch.setattr(frames, "FRAME_S", 0.1)  # else the wrong error would come, much later
    ours, theirs = socket.socketpair()
    frames.prepare(ours)
    ours.settimeout(0.05)
    theirs.sendall(struct.pack(">I", frames.MAX_FRAME + 1))
    with pytest.raises(ProtocolError, match="allowed"):
        frames.read_frame(ours)
    ours.close()
    theirs.close()
