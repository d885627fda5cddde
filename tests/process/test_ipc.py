"""Frames, handshake, client and service over both transports, with the peers that misbehave."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from support.impostor import impostor
from support.waiting import until
from wherein import domain as d
from wherein.errors import (
    ConnectionLost,
    DeadlineExceeded,
    ProtocolError,
    StorageError,
    WorkerUnavailable,
)
from wherein.ipc import frames, handshake, transport
from wherein.ipc.client import Client
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.ipc.service import Call, Service

TOKEN = b"t" * 32


@pytest.fixture(params=["unix", "tcp"])
def service(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, wherein_home: Path
) -> Iterator[Callable[..., Service]]:
    """Make services on the transport under test; they are closed at the end."""
    monkeypatch.setenv("WHEREIN_TRANSPORT", request.param)
    made: list[Service] = []

    def make(handler: Callable[[Call], None]) -> Service:
        made.append(Service("test.db", TOKEN, DATABASE_OPERATIONS, handler))
        return made[-1]

    yield make
    for each in made:
        each.close()


def answer_symbols(call: Call) -> None:
    """Answer find_symbols with the text as a symbol's path; other operations fail."""
    if call.operation != "find_symbols":
        raise StorageError("The disk is full")
    symbol = d.Symbol("x", "x", d.Kind.CLASS, 1, 1, 0, 1, "class x")
    call.reply(d.SymbolList([d.FoundSymbol(call.params.text.encode(), symbol)]))


def test_requests_in_flight_get_their_own_answers(service: Callable[..., Service]) -> None:
    """Answers may come in any order; each finds its asker."""
    held: list[Call] = []

    def handler(call: Call) -> None:
        held.append(call)
        if len(held) == 3:
            for each in reversed(held):
                answer_symbols(each)

    client = Client(service(handler).endpoint, TOKEN, DATABASE_OPERATIONS)
    pending = [client.submit("find_symbols", d.SymbolQuery(text)) for text in ("a", "b", "c")]
    assert [p.result().symbols[0].path for p in pending] == [b"a", b"b", b"c"]
    assert client.requests == 3
    client.close()


def test_errors_cross_as_data(service: Callable[..., Service]) -> None:
    """The asker gets the same class of error with its sentence."""
    client = Client(service(answer_symbols).endpoint, TOKEN, DATABASE_OPERATIONS)
    with pytest.raises(StorageError, match="The disk is full"):
        client.submit("stats", d.Empty()).result()
    client.close()


def test_large_answers_arrive_whole(service: Callable[..., Service]) -> None:
    """An answer of some megabytes is one frame."""
    text = "ä" * 3_000_000
    client = Client(service(answer_symbols).endpoint, TOKEN, DATABASE_OPERATIONS)
    found = client.submit("find_symbols", d.SymbolQuery(text)).result()
    assert found.symbols[0].path == text.encode()
    client.close()


def test_a_wrong_token_is_refused(service: Callable[..., Service]) -> None:
    """Nobody is served without the token, whoever he takes the worker for."""
    endpoint = service(answer_symbols).endpoint
    assert impostor(endpoint).reason == "the token is wrong"
    with pytest.raises(WorkerUnavailable, match="token"):
        Client(endpoint, b"x" * 32, DATABASE_OPERATIONS)


def test_what_listens_in_a_workers_place_learns_nothing(
    wherein_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On loopback TCP any user may take a port that was left: he gets one number, and no proof."""
    monkeypatch.setenv("WHEREIN_TRANSPORT", "tcp")
    listener, endpoint = transport.listen("dead.db")
    heard: list[bytes] = []

    def listen() -> None:
        sock, _ = listener.accept()
        with frames.prepare(sock):
            heard.append(frames.read_frame(sock))
            frames.write_frame(sock, msgspec.msgpack.encode(handshake.Challenge(b"n", b"p")))
            with contextlib.suppress(ConnectionLost):
                heard.append(frames.read_frame(sock))

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    with pytest.raises(WorkerUnavailable, match="token"):
        Client(endpoint, TOKEN, DATABASE_OPERATIONS)
    listening.join(20)
    listener.close()
    transport.forget(endpoint)
    assert len(heard) == 1
    assert TOKEN not in heard[0]


def test_F42_deadline_cancels_at_the_other_end(service: Callable[..., Service]) -> None:
    """A wait that ends tells the worker, which can stop its work."""
    cancelled = threading.Event()

    def handler(call: Call) -> None:
        call.on_cancel = cancelled.set

    client = Client(service(handler).endpoint, TOKEN, DATABASE_OPERATIONS)
    with pytest.raises(DeadlineExceeded):
        client.submit("stats", d.Empty(), 0.05).result()
    assert cancelled.wait(5)
    client.close()


def test_a_dead_service_fails_what_is_pending(service: Callable[..., Service]) -> None:
    """Nothing hangs when the worker goes."""
    arrived = threading.Event()
    serving = service(lambda call: arrived.set())
    client = Client(serving.endpoint, TOKEN, DATABASE_OPERATIONS)
    pending = client.submit("stats", d.Empty())
    assert arrived.wait(5)
    serving.close()
    with pytest.raises(ConnectionLost):
        pending.result()
    assert not client.alive
    with pytest.raises(ConnectionLost):
        client.submit("stats", d.Empty())


def test_a_lost_client_cancels_its_calls(service: Callable[..., Service]) -> None:
    """Work for a client that is gone is cancelled."""
    cancelled = threading.Event()
    arrived = threading.Event()

    def handler(call: Call) -> None:
        call.on_cancel = cancelled.set
        arrived.set()

    client = Client(service(handler).endpoint, TOKEN, DATABASE_OPERATIONS)
    client.submit("stats", d.Empty())
    assert arrived.wait(5)
    client.close()
    assert cancelled.wait(5)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", 0xFFFFFFFF) + b"x",
        struct.pack(">I", 10) + b"half",
        struct.pack(">I", 3) + b"\xc1\xc1\xc1",
        b"\x80\x04\x95pickle",
    ],
    ids=["nothing", "http", "4 GB", "half a frame", "not msgpack", "pickle"],
)
def test_F23_broken_clients_hurt_nobody_else(
    service: Callable[..., Service], garbage: bytes
) -> None:
    """A client that is silent or sends garbage does not delay the others."""
    serving = service(answer_symbols)
    bad = [transport.connect(serving.endpoint) for _ in range(5)]
    for sock in bad:
        sock.sendall(garbage)
    client = Client(serving.endpoint, TOKEN, DATABASE_OPERATIONS)
    assert client.submit("find_symbols", d.SymbolQuery("q")).result().symbols[0].path == b"q"
    client.close()
    for sock in bad:
        sock.close()


@pytest.mark.parametrize("sent", [b"", struct.pack(">I", 100) + b"half"], ids=["nothing", "half"])
def test_F22_a_silent_client_is_dropped(service: Callable[..., Service], sent: bytes) -> None:
    """Whoever has not shaken hands in 2 seconds is hung up on, also halfway."""
    sock = transport.connect(service(answer_symbols).endpoint)
    sock.sendall(sent)
    sock.settimeout(handshake.HANDSHAKE_S + 10)
    assert sock.recv(1) == b""
    sock.close()


def test_a_greeting_that_is_too_long_is_refused_at_once(
    service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept of what a stranger sends before he has shown the token."""
    monkeypatch.setattr(handshake, "HANDSHAKE_S", 60.0)
    sock = transport.connect(service(answer_symbols).endpoint)
    sock.sendall(struct.pack(">I", handshake.HELLO_BYTES + 1))
    sock.settimeout(20)
    assert sock.recv(1) == b""
    sock.close()


STRANGER = handshake.Hello(
    handshake.PROTOCOL, handshake.__version__, 1, b"x" * 32, handshake.SCHEMA
)
BROKEN = (
    b"GET / HTTP/1.1\r\n\r\n",
    struct.pack(">I", 0x80000000) + b"2 GB",
    struct.pack(">I", 100) + b"half",
    struct.pack(">I", 3) + b"\xc1\xc1\xc1",
    frames.frame(msgspec.msgpack.encode(STRANGER)),
    b"",
)


@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="counts open files")
def test_a_thousand_broken_clients_leave_nothing_behind(
    service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait until they are hung up on, or go at once: no open file, no memory more."""
    monkeypatch.setattr(handshake, "HANDSHAKE_S", 0.2)
    serving = service(answer_symbols)
    me = psutil.Process()

    def wave() -> None:
        waiting = []
        for number in range(50):  # fewer than wait to be accepted
            sock = transport.connect(serving.endpoint)
            sent = BROKEN[number % len(BROKEN)]
            if not sent:
                sock.close()
                continue
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # dropped already
                sock.sendall(sent)
            waiting.append(sock)
        for sock in waiting:
            sock.settimeout(20)
            with contextlib.suppress(ConnectionResetError):  # it left unread what was sent
                while sock.recv(4096):
                    pass
            sock.close()
        until(lambda: not serving._connections, what="all are gone")

    wave()
    files, memory = me.num_fds(), me.memory_info().rss
    for _ in range(20):
        wave()
    until(lambda: me.num_fds() <= files, what="open files")
    assert me.memory_info().rss < memory + (5 << 20)
    client = Client(serving.endpoint, TOKEN, DATABASE_OPERATIONS)
    assert client.submit("find_symbols", d.SymbolQuery("q")).result(20).symbols[0].path == b"q"
    client.close()


def test_unknown_operation_and_wrong_types_are_answered(service: Callable[..., Service]) -> None:
    """A request that the service cannot read gets an error, and the connection lives."""
    operations = dict(DATABASE_OPERATIONS)
    operations["nonsense"] = operations["stats"]
    client = Client(service(answer_symbols).endpoint, TOKEN, operations)
    with pytest.raises(ProtocolError, match="nonsense"):
        client.submit("nonsense", d.Empty()).result()
    with pytest.raises(ProtocolError, match="find_symbols"):
        client.submit("find_symbols", [[1]]).result()
    assert client.submit("find_symbols", d.SymbolQuery("q")).result().symbols
    client.close()


def test_frame_limits() -> None:
    """A frame that announces too much, or stops halfway, is an error and not a hang."""
    ours, theirs = socket.socketpair()
    frames.prepare(ours)
    theirs.sendall(struct.pack(">I", frames.MAX_FRAME + 1))
    with pytest.raises(ProtocolError):
        frames.read_frame(ours)
    with pytest.raises(ProtocolError):
        frames.write_frame(ours, bytes(frames.MAX_FRAME + 1))
    theirs.close()
    with pytest.raises(ConnectionLost):
        frames.read_frame(ours)
    ours.close()


def test_reading_has_a_deadline() -> None:
    """A read with a deadline ends when nothing comes."""
    ours, theirs = socket.socketpair()
    frames.prepare(ours)
    with pytest.raises(DeadlineExceeded):
        frames.read_frame(ours, time.monotonic() + 0.05)
    frames.write_frame(theirs, msgspec.msgpack.encode("x"))
    assert frames.read_frame(ours, time.monotonic() + 5) == msgspec.msgpack.encode("x")
    ours.close()
    theirs.close()


@pytest.mark.one_transport
@pytest.mark.parametrize("what", ["file", "directory", "link"])
def test_F24_a_file_in_the_sockets_place_is_not_removed(
    wherein_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Only a socket of our own is replaced; beside anything else it listens under another name."""
    monkeypatch.setenv("WHEREIN_TRANSPORT", "unix")
    listener, endpoint = transport.listen("probe.db")
    listener.close()
    path = Path(endpoint[5:])
    again, same = transport.listen("probe.db")  # a dead process's socket file is replaced
    again.close()
    assert same == endpoint
    path.unlink()
    precious = tmp_path / "precious"
    precious.write_text("precious", encoding="ascii")
    if what == "link":
        path.symlink_to(precious)
    elif what == "directory":
        path.mkdir()
    else:
        precious.rename(path)
        precious = path
    service = Service("probe.db", TOKEN, DATABASE_OPERATIONS, answer_symbols)
    assert service.endpoint == f"{endpoint}~0"
    client = Client(service.endpoint, TOKEN, DATABASE_OPERATIONS)
    assert client.submit("find_symbols", d.SymbolQuery("q")).result(20).symbols[0].path == b"q"
    client.close()
    service.close()
    assert precious.read_text(encoding="ascii") == "precious"
    assert path.is_symlink() == (what == "link")
    assert path.is_dir() == (what == "directory")
    with pytest.raises(StorageError):
        transport.listen("probe.db", 0)


def test_socket_files_are_private(wherein_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket is 0600 in a 0700 directory, and its path is short enough."""
    monkeypatch.setenv("WHEREIN_TRANSPORT", "unix")
    listener, endpoint = transport.listen("probe.db")
    path = Path(endpoint[5:])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    listener.close()
    long_home = wherein_home / ("x" * 90)
    monkeypatch.setenv("WHEREIN_HOME", str(long_home))
    listener, endpoint = transport.listen("probe.db")
    assert len(endpoint) <= 105
    listener.close()
    transport.forget(endpoint)


def test_bytes_that_are_no_text_end_a_wait_at_once(service: Callable[..., Service]) -> None:
    """An answer whose texts are not UTF-8 is an answer that does not fit, in either part of it."""
    whole = msgspec.msgpack.encode([1, ["StorageError", "xx"], None])

    def handler(call: Call) -> None:
        if call.operation == "stats":
            frames.write_frame(call.connection._socket, whole.replace(b"xx", b"\xff\xfe"))
        else:
            call.connection.send(call, None, msgspec.Raw(b"\x91\x91\x92\xa2\xff\xfe\xc0"))

    client = Client(service(handler).endpoint, TOKEN, DATABASE_OPERATIONS)
    with pytest.raises(ProtocolError, match="does not fit"):
        client.submit("find_symbols", d.SymbolQuery("x")).result(20)
    client.close()
    client = Client(service(handler).endpoint, TOKEN, DATABASE_OPERATIONS)
    with pytest.raises(ConnectionLost):
        client.submit("stats", d.Empty()).result(20)
    client.close()


def test_a_connection_closed_before_its_handshake_is_a_lost_one() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        with pytest.raises(ConnectionLost):
            handshake.receive(ours, TOKEN)
        with pytest.raises(ConnectionLost):
            frames.read_frame(ours, time.monotonic() + 5)
