"""Low priority for background work, and not for what a person waits for. Runs in the workers.

Beside an editor one core stays the person's; a command line is itself what the person waits for. In
both words come first, so meaning gives way to them. Linux ranks each
thread by itself, and one that is started inherits the rank of its starter; elsewhere a worker has
one rank as a whole.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

from wherein.workers.start import WatchMode, WorkerStart, WorkerType

_NICENESS: Final = {
    (WorkerType.FILE_WATCHER, WatchMode.FOLLOW): 10,
    (WorkerType.VECTORIZATION, WatchMode.FOLLOW): 15,
    (WorkerType.VECTORIZATION, WatchMode.ONCE): 5,
}


def settle(start: WorkerStart) -> None:
    """Take a worker's rank as it starts, unless its threads take theirs one by one."""
    if not (start.type is WorkerType.VECTORIZATION and _by_thread()):
        _lower(start)


def give_way(start: WorkerStart) -> None:
    """Lower this thread, and those that it will start, to the rank of its worker's background."""
    if _by_thread():
        _lower(start)


def _by_thread() -> bool:
    return sys.platform == "linux"


def _lower(start: WorkerStart) -> None:
    by = _NICENESS.get((start.type, start.mode), 0)
    if not by:
        return
    if hasattr(os, "nice"):
        os.nice(by)  # of this thread alone, on Linux
    if sys.platform == "linux" and start.mode is WatchMode.FOLLOW:
        import psutil

        psutil.Process(threading.get_native_id()).ionice(psutil.IOPRIO_CLASS_IDLE)
