"""Background work gives way; what a person waits for does not."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from support.rpc import serving
from support.waiting import until
from support.workspace import make_project
from wherein.settings import Settings
from wherein.workers import priority
from wherein.workers.start import WatchMode, WorkerStart, WorkerType


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks threads one by one")
def test_only_background_threads_of_the_embedding_worker_are_lowered(
    wherein_home: Path, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        ok = until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok")
        assert ok
        client.ask("wherein/search", {"query": "mix two colours"})  # so that there is a connection
        (pid,) = [
            w["pid"]
            for w in client.ask("wherein/workers")["workers"]
            if w["type"] == "vectorization"
        ]
        ours = os.getpriority(os.PRIO_PROCESS, client.process.pid)
        ranks = {
            thread: os.getpriority(os.PRIO_PROCESS, thread) - ours
            for thread in map(int, os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - numbers
        }
        background = min(15, 19 - ours)
        assert ranks[pid] == background  # the main thread, once it has started the others
        assert set(ranks.values()) == {0, background}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks threads one by one")
@pytest.mark.parametrize(
    ("kind", "mode", "by"),
    [
        (WorkerType.FILE_WATCHER, WatchMode.FOLLOW, 10),
        (WorkerType.FILE_WATCHER, WatchMode.ONCE, 0),
        (WorkerType.VECTORIZATION, WatchMode.FOLLOW, 15),
        (WorkerType.VECTORIZATION, WatchMode.ONCE, 5),
        (WorkerType.DATABASE, WatchMode.FOLLOW, 0),
    ],
)
def test_a_command_line_is_what_the_person_waits_for(
    kind: WorkerType, mode: WatchMode, by: int
) -> None:
    start = WorkerStart(kind, (), b"", Settings(), mode)
    found: list[int] = []

    def thread() -> None:
        priority.give_way(start)
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    one = threading.Thread(target=thread)
    one.start()
    one.join()
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert found == [min(ours + by, 19)]
