"""Low priority for background work, and not for what a person waits for. Runs in the workers.

One core stays the person's; and words come first, so meaning gives way to them. Linux ranks each
thread by itself, and one that is started inherits the rank of its starter; elsewhere a worker has
one rank as a whole.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

from wherein.workers.start import WorkerType

_NICENESS: Final = {WorkerType.FILE_WATCHER: 10, WorkerType.VECTORIZATION: 15}


def settle(kind: WorkerType) -> None:
    """Take a worker's rank as it starts, unless its threads take theirs one by one."""
    if kind in _NICENESS and not (kind is WorkerType.VECTORIZATION and _by_thread()):
        _lower(_NICENESS[kind])


def give_way(kind: WorkerType) -> None:
    """Lower this thread, and those that it will start, to the rank of its worker's background."""
    if kind in _NICENESS and _by_thread():
        _lower(_NICENESS[kind])


def _by_thread() -> bool:
    return sys.platform == "linux"


def _lower(by: int) -> None:
    if hasattr(os, "nice"):
        os.nice(by)  # of this thread alone, on Linux
    if sys.platform == "linux":
        import psutil

        psutil.Process(threading.get_native_id()).ionice(psutil.IOPRIO_CLASS_IDLE)
