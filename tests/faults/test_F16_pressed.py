"""Pressed hard: no memory, no reader, long names, odd saves, huge chunks, and a thousand deaths."""

from __future__ import annotations

import base64
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.rpc import SERVE, Client, serving
from support.waiting import until
from support.workspace import make_project
from wherein import domain as d
from wherein.host import IndexHost
from wherein.settings import Settings
from wherein.workers import manager, supervision
from wherein.workers.start import WorkerType


@pytest.fixture
def host(project: Path) -> Iterator[IndexHost]:
    """A host that has opened nothing yet."""
    made = IndexHost(Settings())
    yield made
    made.close(5)


def top(host: IndexHost, question: str) -> str:
    """The first answer's symbol, "" for none."""
    hits = host.folders[0].database.search(d.SearchQuery(text=question)).result(60).hits
    return hits[0].symbol if hits else ""


def row(client: Client) -> dict[str, Any]:
    """The status of the one folder."""
    (found,) = client.ask("wherein/status")["folders"]
    return dict(found)


def test_F16_an_embedder_that_takes_too_much_memory_is_ended_and_words_stay(
    host: IndexHost, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed, started again, and given up with that reason; the server goes on."""
    monkeypatch.setattr(supervision, "BUDGET", 1)
    limits = {**supervision.MEMORY_BYTES, WorkerType.VECTORIZATION: 4 << 20}
    monkeypatch.setattr(manager, "MEMORY_BYTES", limits)
    host.open([str(project)])
    host.sync(host.folders[0]).result(90)
    until(lambda: host.facts(host.folders[0]).failed_workers, timeout=60, what="given up")
    assert "MB of memory" in host.facts(host.folders[0]).failed_workers["vectorization"]
    assert top(host, "blend") == "blend"


@pytest.mark.skipif(os.name != "posix", reason="the reader that goes is a pipe")
def test_F19_a_client_that_does_not_listen_any_more_ends_the_server(project: Path) -> None:
    """Its end of stdout is closed, stdin stays open: no loop, no flood, an end."""
    reading, writing = os.pipe()
    process = subprocess.Popen(SERVE, stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    os.close(reading)
    assert process.stdin is not None
    assert process.stderr is not None
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
    process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    process.stdin.flush()
    said = process.stderr.read()
    assert process.wait(30) == 1
    process.stdin.close()
    process.stderr.close()
    assert said.count(b"\n") < 20


def test_F29_long_names_leave_the_sockets_names_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder, the home and the directory for temporary files have 300 characters and more."""
    deep = tmp_path
    for _ in range(6):
        deep /= "directory" * 6
    deep.mkdir(parents=True)
    monkeypatch.setenv("WHEREIN_HOME", str(deep / "home"))
    project = make_project(deep / "project")
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        assert client.ask("wherein/search", {"query": "blend"})["results"]
        assert client.close() == 0


SAVES = ("in place", "renamed over", "with a backup", "vim's way")


def save(file: Path, text: str, how: str) -> None:
    """Save a file as one kind of editor does."""
    fresh, backup, probe = (file.with_name(f"{file.name}{end}") for end in (".tmp", "~", "4913"))
    if how == "in place":
        file.write_text(text)
        return
    if how == "vim's way":
        probe.touch()
        probe.unlink()
    if how == "renamed over":
        fresh.write_text(text)
        fresh.replace(file)
        return
    file.rename(backup)
    file.write_text(text)
    backup.unlink()


@pytest.mark.parametrize("how", SAVES)
def test_F62_a_save_is_followed_however_it_is_made(
    host: IndexHost, project: Path, how: str
) -> None:
    """With no command from anyone; nothing of the editor's helpers stays in the index."""
    file = project / "saved.py"
    file.write_text("def one_harbour():\n    return 1\n")
    host.open([str(project)])
    host.sync(host.folders[0]).result(90)
    files = host.folders[0].database.stats().result(20).files
    for name in ("two_harbours", "three_harbours"):
        save(file, f"def {name}():\n    return 2\n", how)
        until(lambda name=name: top(host, name) == name, timeout=60, what=name)
    host.sync(host.folders[0]).result(90)
    assert host.folders[0].database.stats().result(20).files == files
    assert top(host, "one_harbour") != "one_harbour"


def test_F67_a_chunk_of_a_megabyte_takes_no_more_memory(host: IndexHost, project: Path) -> None:
    """One line of base64, one of a hundred thousand words: cut, embedded, and no worker the worse.

    The vectorization worker may use 400 MB at most.
    """
    dice = random.Random(1)
    blob = base64.b64encode(dice.randbytes(700_000)).decode()
    (project / "blob.py").write_text(f"BLOB = '{blob}'\n")
    words = " ".join(f"w{dice.randrange(10**6)}" for _ in range(100_000))
    (project / "words.py").write_text(f"def many():\n    return '{words}'\n")
    host.open([str(project)])
    host.sync(host.folders[0]).result(90)

    def done() -> bool:
        stats = host.folders[0].database.wait_vectors(1).result(20)
        return bool(stats.fingerprint) and not stats.pending

    until(done, timeout=90, what="all vectors")
    (worker,) = [s for s in host.worker_status() if s.type == "vectorization"]
    assert worker.restarts == 0
    assert psutil.Process(worker.pid).memory_info().rss < 400 << 20
    assert top(host, "blend") == "blend"


def left_behind(home: Path) -> tuple[int, int, int, int]:
    """Count descriptors, threads, children, and what lies in the directories of a running host."""
    me = psutil.Process()
    files = sum(1 for name in ("run", "log") for _ in (home / name).glob("*"))
    return me.num_fds(), threading.active_count(), len(me.children()), files


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors and semaphores by /proc")
@pytest.mark.parametrize(
    "deaths", [9, pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(3_600)])]
)
def test_F81_deaths_leave_nothing_behind(
    host: IndexHost, project: Path, wherein_home: Path, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    """No descriptor, thread, zombie, semaphore or file more than after the first few."""
    monkeypatch.setattr(supervision, "BUDGET", 10**6)
    monkeypatch.setattr(supervision, "LONGEST_DELAY_S", 0.01)
    host.open([str(project)])
    host.sync(host.folders[0]).result(90)
    kinds = list(WorkerType)

    def kill(number: int) -> None:
        kind = kinds[number % 3].value

        def ready() -> int | None:
            rows = [s for s in host.worker_status() if s.type == kind and s.state == "ready"]
            if not rows and kind == WorkerType.DATABASE.value:
                host.folders[0].database.stats().result(60)  # it is started when it is wanted
            return rows[0].pid if rows else None

        pid = until(ready, timeout=60, what=kind)
        assert pid is not None
        psutil.Process(pid).kill()
        until(lambda: pid not in {s.pid for s in host.worker_status()}, what="noticed")

    def settled() -> tuple[int, int, int, int]:
        host.sync(host.folders[0]).result(90)
        until(lambda: {s.state for s in host.worker_status()} == {"ready"}, what="all serve")
        return left_behind(wherein_home)

    for number in range(6):
        kill(number)
    before = settled()
    semaphores = len(list(Path("/dev/shm").glob("sem.mp-*")))
    for number in range(deaths):
        kill(number)
    until(
        lambda: all(now <= then + 2 for now, then in zip(settled(), before, strict=True)),
        what=f"as before: {before}, not {left_behind(wherein_home)}",
    )
    assert len(list(Path("/dev/shm").glob("sem.mp-*"))) <= semaphores + 2
