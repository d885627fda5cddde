"""Finding the processes of one test, so that none is left behind by it.

Every process that a test starts inherits the test's run id in its environment, and so do the
processes that those start; the id finds them whatever became of their parents.
"""

from __future__ import annotations

import time
import uuid

import psutil

RUN_ID = "WHEREIN_RUN_ID"


def new_run_id() -> str:
    """Make an id that no other test, now or on another day, has."""
    return uuid.uuid4().hex


def processes_of(run_id: str) -> list[psutil.Process]:
    """Find the live processes, this one apart, that have the run id in their environment."""
    found = []
    for process in psutil.process_iter():
        if process.pid == psutil.Process().pid:
            continue
        try:
            if process.environ().get(RUN_ID) == run_id:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone, a zombie, or another user's: none of ours that runs
    return found


def assert_none_left(run_id: str, timeout: float = 5.0) -> None:
    """Wait until no process of the run is left; after `timeout` seconds kill them and fail."""
    until = time.monotonic() + timeout
    while left := processes_of(run_id):
        if time.monotonic() >= until:
            lines = [_describe(process) for process in left]
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=timeout)
            raise AssertionError("processes were left behind:\n" + "\n".join(lines))
        time.sleep(0.02)


def _describe(process: psutil.Process) -> str:
    try:
        return f"  {process.pid}: {' '.join(process.cmdline())}"
    except psutil.Error:
        return f"  {process.pid}"
