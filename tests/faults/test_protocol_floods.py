"""More requests than can be answered (F73): nothing grows, the newest is kept, a cancel frees."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from support.rpc import Client, Failed, serving
from support.waiting import until

COUNT = 10_000


def database(client: Client) -> int:
    """Return the pid of the database worker."""
    (pid,) = [w["pid"] for w in client.ask("wherein/workers")["workers"] if w["type"] == "database"]
    assert isinstance(pid, int)
    return pid


def codes(client: Client, requests: list[int]) -> dict[int, int]:
    """Wait for the reply to every request; count them by code, 0 for a result."""
    found: dict[int, int] = {}
    for request in requests:
        try:
            client.reply(request, timeout=100)
            code = 0
        except Failed as error:
            code = error.code
        found[code] = found.get(code, 0) + 1
    return found


def test_F73_a_flood_is_answered_and_the_newest_is_kept(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        server = psutil.Process(client.process.pid)
        before = server.memory_info().rss
        searches = [client.start("wherein/search", {"query": f"retry {n}"}) for n in range(COUNT)]
        assert client.ask("wherein/status", timeout=100)["folders"]
        assert client.reply(searches.pop(), timeout=100)["results"]  # the newest
        found = codes(client, searches)
        assert sum(found.values()) == COUNT - 1
        assert set(found) <= {0, -32803}
        assert server.memory_info().rss - before < 48 << 20
        assert client.close() == 0


@pytest.mark.skipif(os.name != "posix", reason="a worker is held up by SIGSTOP")
def test_F73_a_flood_to_a_worker_that_is_held_up(project: Path) -> None:
    """The server itself goes on: what it cannot send at once does not keep it from answering."""
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        server = psutil.Process(client.process.pid)
        before = server.memory_info().rss
        os.kill(pid := database(client), signal.SIGSTOP)
        try:
            searches = []
            slowest = 0.0
            for number in range(2_000):
                searches.append(client.start("wherein/search", {"query": f"{number} " * 500}))
                client.notify("$/cancelRequest", {"id": searches[-1]})
                if number % 100 == 0:
                    for method in ("wherein/workers", "wherein/status"):
                        began = time.monotonic()
                        client.ask(method)
                        slowest = max(slowest, time.monotonic() - began)
            assert slowest < 4.0  # a send that waits for the worker takes 5 s
        finally:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGCONT)
        assert set(codes(client, searches)) <= {0, -32800, -32803}
        assert server.memory_info().rss - before < 48 << 20
        until(lambda: client.ask("wherein/search", {"query": "blend"})["results"])
        assert client.close() == 0


def test_F73_cancels_that_come_too_late_or_for_nobody(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        for nobody in (99_999, "nobody", -1):
            client.notify("$/cancelRequest", {"id": nobody})
        for _ in range(50):
            request = client.start("wherein/search", {"query": "blend"})
            client.reply(request)
            client.notify("$/cancelRequest", {"id": request})
        assert client.ask("wherein/search", {"query": "blend"})["results"]
        for params in (None, {}, {"id": None}, {"id": [1]}, {"id": 1.5}):
            client.notify("$/cancelRequest", params)
        assert client.ask("wherein/search", {"query": "blend"})["results"]
        assert client.notifications == []
        assert client.close() == 0
