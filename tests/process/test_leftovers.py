"""What an owner that was killed leaves behind, and what the next one does about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from support.waiting import until
from support.workspace import make_project
from wherein.host import IndexHost
from wherein.ownership.lock import Owner, kill_leftovers, read_owner
from wherein.paths import index_paths, make_index_dir
from wherein.settings import Settings

HOST = """
import sys, time
from wherein.host import IndexHost
from wherein.settings import Settings

if __name__ == "__main__":
    host = IndexHost(Settings())
    host.open([sys.argv[1]])
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's")
def test_a_stopped_worker_does_not_outlive_a_killed_owner(
    wherein_home: Path, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    script = tmp_path / "host.py"
    script.write_text(HOST, encoding="utf-8")
    owner = subprocess.Popen([sys.executable, str(script), str(project)])
    paths = index_paths(str(project))

    def workers() -> dict[str, tuple[int, float]] | None:
        found = read_owner(paths)
        return found.workers if found and len(found.workers) == 3 else None

    pids = [pid for pid, _ in until(workers, what="three workers").values()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    owner.kill()
    owner.wait(10)
    until(lambda: not any(_runs(pid) for pid in pids), timeout=5, what="all workers have gone")


def test_F25_the_next_owner_kills_what_was_left(wherein_home: Path, tmp_path: Path) -> None:
    """Where the kernel does not do it, the pid and the start time find a worker that was left."""
    project = make_project(tmp_path / "project")
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    host = IndexHost(Settings())
    try:
        paths = index_paths(str(project))
        make_index_dir(paths)
        before = Owner(1, "", 0.0, workers={"file_watcher": (left.pid, _started(left.pid))})
        paths.owner_file.write_bytes(msgspec.json.encode(before))
        host.open([str(project)])
        assert host.folders[0].owned
        assert left.wait(10) != 0
    finally:
        left.kill()
        left.wait(10)
        host.close(5)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _started(pid: int) -> float:
    return float(psutil.Process(pid).create_time())


def test_F25_a_pid_that_was_given_to_another_process_is_left_alone() -> None:
    """The start time tells our dead worker from a stranger with its number."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        started = psutil.Process(stranger.pid).create_time()
        kill_leftovers(Owner(1, "", 0.0, workers={"database": (stranger.pid, started - 5)}))
        kill_leftovers(Owner(1, "", 0.0, workers={"database": (stranger.pid, 0.0)}))
        kill_leftovers(None)
        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.3)
        kill_leftovers(Owner(1, "", 0.0, workers={"database": (stranger.pid, started)}))
        assert stranger.wait(10) == -signal.SIGKILL
    finally:
        stranger.kill()
        stranger.wait(10)
    assert time.time() > started
