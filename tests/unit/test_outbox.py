"""Sending to a peer that does not read, without waiting for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from support.waiting import until
from wherein.errors import ConnectionLost, WhereinError
from wherein.ipc import frames, outbox
from wherein.ipc.outbox import Outbox


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    yield frames.prepare(ours), frames.prepare(theirs)
    ours.close()
    theirs.close()


def test_nothing_is_lost_and_nobody_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    failures: list[WhereinError] = []
    box = Outbox(ours, failures.append)
    sent = [bytes([n % 251]) * (n * 977 % 50_000) for n in range(400)]
    done = threading.Event()

    def send() -> None:
        for payload in sent:
            box.send(payload)  # nobody reads yet
        done.set()

    threading.Thread(target=send, daemon=True).start()
    assert done.wait(frames.POLL_S - 1)
    assert [frames.read_frame(theirs) for _ in sent] == sent
    box.send(b"afterwards")
    assert frames.read_frame(theirs) == b"afterwards"
    assert failures == []
    box.close()


def test_a_backlog_has_an_end(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_BACKLOG", 1 << 20)
    box = Outbox(pair[0], lambda _: None)
    box.send(bytes(1 << 20))  # begun, and more than the peer's buffer holds
    box.send(bytes(100_000))
    with pytest.raises(ConnectionLost):
        box.send(bytes(1 << 20))
    box.close()


def test_a_patient_one_waits_for_as_long_as_the_peer_is_there(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    ours.settimeout(0.01)  # the patience of the others
    failures: list[WhereinError] = []
    box = Outbox(ours, failures.append, patient=True)
    sent = [bytes([number]) * 300_000 for number in range(5)]
    for payload in sent:
        box.send(payload)
    time.sleep(0.1)
    assert failures == []
    assert [frames.read_frame(theirs) for _ in sent] == sent
    for payload in sent:
        box.send(payload)
    theirs.close()
    until(lambda: failures, what="told")
    box.close()


def test_a_peer_that_goes_is_told(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    failures: list[WhereinError] = []
    box = Outbox(ours, failures.append)
    for _ in range(100):
        box.send(bytes(10_000))
    theirs.close()
    until = time.monotonic() + 20
    while not failures and time.monotonic() < until:
        time.sleep(0.01)
    assert isinstance(failures[0], ConnectionLost)
    box.close()
