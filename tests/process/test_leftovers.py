"""What an owner that was killed leaves behind, and what the next one does about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from support.waiting import until
from support.workspace import make_project
from wherein.host import IndexHost
from wherein.ownership.lock import Owner, kill_leftovers, read_owner
from wherein.paths import index_paths
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


def test_a_stopped_orphan_is_killed_by_the_next_owner(wherein_home: Path, tmp_path: Path) -> None:
    """No signal of ours reaches a process that is stopped; its pid and start time find it."""
    project = make_project(tmp_path / "project")
    script = tmp_path / "host.py"
    script.write_text(HOST, encoding="utf-8")
    owner = subprocess.Popen([sys.executable, str(script), str(project)])
    paths = index_paths(str(project))

    def workers() -> dict[str, tuple[int, float]] | None:
        found = read_owner(paths)
        return found.workers if found and len(found.workers) == 3 else None

    noted = until(workers, what="three workers")
    stopped = noted["file_watcher"][0]
    os.kill(stopped, signal.SIGSTOP)
    owner.kill()
    owner.wait(10)
    others = [pid for pid, _ in noted.values() if pid != stopped]
    until(lambda: not any(psutil.pid_exists(pid) for pid in others), what="the rest has gone")
    assert psutil.pid_exists(stopped)
    host = IndexHost(Settings())
    try:
        host.open([str(project)])
        assert host.folders[0].owned
        until(lambda: not _runs(stopped), what="the orphan is gone")
    finally:
        host.close(5)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_pid_that_was_given_to_another_process_is_left_alone() -> None:
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
