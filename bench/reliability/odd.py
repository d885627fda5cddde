"""What comes all at once, and files that are hard to read: seconds until it is dealt with."""

from __future__ import annotations

import time
from pathlib import Path

from common import Row, finds, quantile, settle, status

from support.rpc import Client, serving

ROUNDS = 20
CROWD = 72  # as many searches as the server keeps: 8 at work, 64 that wait
FLOOD = 10_000
LINE = b"function f(a, b) { return a.b(c) + d[e]; } "
HARD_FILES = {
    "sparse.py": (1 << 30, b""),
    "one_line.js": (20_000_000, LINE),
    "under_the_limit.js": (1_000_000, LINE),
    "brackets.py": (200_000, b"("),
}


def cancelled(client: Client) -> list[float]:
    """Take back all the searches that the server keeps; seconds until the next one is answered."""
    took = []
    for turn in range(ROUNDS):
        asked = [
            client.start("wherein/search", {"query": f"how is step {turn} of {n} retried"})
            for n in range(CROWD)
        ]
        began = time.monotonic()
        for request in asked:
            client.notify("$/cancelRequest", {"id": request})
        if not finds(client):
            raise SystemExit("a search that was not taken back had no answer")
        took.append(time.monotonic() - began)
    return took


def flooded(client: Client) -> list[float]:
    """Ask for far more than can be answered; seconds of each status meanwhile."""
    took = []
    for number in range(FLOOD):
        client.start("wherein/search", {"query": f"retry {number}"})
        if number % 100 == 99:
            began = time.monotonic()
            status(client)
            took.append(time.monotonic() - began)
    return took


def hard_files(client: Client, project: Path) -> list[float]:
    """Add a file that is hard to read; seconds until a sync that names it has looked at it."""
    took = []
    for name, (size, text) in HARD_FILES.items():
        path = project / name
        with path.open("wb") as file:
            file.write((text * (size // len(text) + 1))[:size] if text else b"")
            file.truncate(size)
        began = time.monotonic()
        client.ask("wherein/sync", {"paths": [path.as_uri()]}, timeout=600)
        took.append(time.monotonic() - began)
        if "is in the index" not in (why := _why(client, path)) and "larger than" not in why:
            raise SystemExit(f"{name} was not looked at: {why}")
        path.unlink()
        client.ask("wherein/sync", timeout=600)
    return took


def _why(client: Client, path: Path) -> str:
    return str(client.ask("wherein/why", {"uri": path.as_uri()})["sentence"])


def measure(project: Path) -> list[Row]:
    """Measure all of it on one server."""
    with serving() as client:
        client.initialize(project)
        settle(client)
        free, asked, read = cancelled(client), flooded(client), hard_files(client, project)
    kinds = "1 GB, 20 MB in a line, 1 MB in a line, 200,000 brackets"
    return [
        Row(f"{CROWD} searches taken back, until the next is answered, median",
            quantile(free, 0.5), 0.1, "s", f"worst of {ROUNDS}: {max(free):.2f}"),
        Row(f"`wherein/status` while {FLOOD:,} searches come in, p99",
            quantile(asked, 0.99), 0.1, "s", f"{len(asked)} asked"),
        Row("a file that is hard to read, until it is looked at, worst",
            max(read), 1.0, "s", kinds),
    ]  # fmt: skip
