"""What every worker process does before and around its own work. Runs inside each worker.

Order matters: file descriptors and signals first, then the watch on the parent, then logging, and
only then the imports of the work itself. A worker never outlives the server: a thread waits on the
parent's sentinel, and on Linux the kernel kills the process when that pipe closes, also while
native code holds the GIL and when the process is stopped.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import itertools
import logging
import multiprocessing as mp
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from types import FrameType
from typing import Final

import msgspec

from wherein import logs
from wherein.database.db_worker_manager import DBWorkerManager
from wherein.errors import (
    UNREADABLE,
    ConnectionLost,
    DeadlineExceeded,
    WhereinError,
    WorkerUnavailable,
)
from wherein.ipc import control, frames
from wherein.workers import priority
from wherein.workers.quarantine import WorkNote
from wherein.workers.start import WorkerStart, WorkerType
from wherein.workers.worker_log import WorkerLog

logger = logging.getLogger(__name__)

HEARTBEAT_S: Final = 1.0
DATABASE_WAIT_S: Final = 40.0  # the server gives up first, and says why
PARSER_BYTES: Final = 4 << 30  # address space of the watcher, which parses whatever lies there

_ENTRIES: Final = {
    WorkerType.FILE_WATCHER: "wherein.workers.file_watcher",
    WorkerType.VECTORIZATION: "wherein.workers.vectorization",
    WorkerType.DATABASE: "wherein.db_worker.process",
}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(control.Down).decode


class WorkerContext:
    """What a worker's own code gets: its arguments, its inbox, and a way to speak to the server.

    `stopping` is set when the server said stop, or SIGTERM came; `inbox` holds the messages meant
    for the worker's own loop (sync, near, hint, pause, resume), and one Stop at the end.
    """

    def __init__(
        self, start: WorkerStart, pipe: socket.socket, log: WorkerLog | None = None
    ) -> None:
        self.start = start
        self._log = log
        self.stopping = threading.Event()
        self.inbox: queue.SimpleQueue[control.Down] = queue.SimpleQueue()
        self.note = WorkNote(start.note, start.care, self._survived)
        self._pipe = frames.prepare(pipe)
        self._write = threading.Lock()
        self._ids = itertools.count(1)
        self._answers: dict[int, queue.SimpleQueue[control.DatabaseAt]] = {}

    def send(self, message: control.Up) -> None:
        """Send a message up the control pipe; a server that is gone ends this process elsewhere."""
        with self._write, contextlib.suppress(ConnectionLost):
            frames.write_frame(self._pipe, _encode(message))

    def ask_for_database(self, db_path: str) -> str:
        """Ask the server to have the database worker running; return its endpoint.

        Raises WorkerUnavailable when it cannot be had.
        """
        number = next(self._ids)
        answer: queue.SimpleQueue[control.DatabaseAt] = queue.SimpleQueue()
        self._answers[number] = answer
        self.send(control.NeedDatabase(number, os.fsencode(db_path)))
        try:
            found = answer.get(timeout=DATABASE_WAIT_S)
        except queue.Empty:
            raise WorkerUnavailable("The server did not start the database worker") from None
        finally:
            self._answers.pop(number, None)
        if found.error:
            raise WorkerUnavailable(found.error)
        return found.endpoint

    def stop(self) -> None:
        """Ask this worker's own loop to finish."""
        if not self.stopping.is_set():
            self.stopping.set()
            self.inbox.put(control.Stop())

    def listen(self) -> None:
        """Read the control pipe until it closes; runs on its own thread."""
        while True:
            try:
                message = _decode(frames.read_frame(self._pipe))
            except DeadlineExceeded:
                continue
            except (WhereinError, *UNREADABLE):
                self.stop()
                return
            if isinstance(message, control.Stop):
                self.stop()
            elif isinstance(message, control.DatabaseAt):
                answer = self._answers.get(message.request)
                if answer is not None:
                    answer.put(message)
            else:
                self.inbox.put(message)

    def beat(self) -> None:
        """Send a heartbeat each second; runs on its own thread, so a held GIL silences it."""
        last = time.monotonic()
        while not self.stopping.wait(HEARTBEAT_S):
            import psutil  # 25 ms, after the start: a command is over before the first heartbeat

            me = psutil.Process()
            now = time.monotonic()
            if now - last > 3 * HEARTBEAT_S:
                self.note.excuse()
            last = now
            used = me.cpu_times()
            rss = me.memory_info().rss
            self.send(control.Heartbeat(used.user + used.system, rss, self.note.busy_s()))
            if self._log is not None:
                self._log.keep_small()

    def _survived(self, keys: Sequence[bytes]) -> None:
        """Tell the server that suspects were worked on and nothing happened."""
        self.send(control.Survived(tuple(keys)))


def run_worker(start: WorkerStart, pipe: socket.socket) -> None:
    """Be a worker process: the target of every multiprocessing.Process that wherein makes."""
    _claim_descriptors()
    log = WorkerLog(start.indexes[0].id, start.type)
    editors = log.begin()
    faulthandler.enable(2)
    _watch_parent()
    _environment(start)
    if editors is None:
        logs.set_up(start.settings.log_level)
    else:
        logs.set_up(start.settings.log_level, kept=2, seen=editors)
    context = WorkerContext(start, pipe, log)
    _signals(context)
    _end_with_threads(start)
    DBWorkerManager.configure(start=context.ask_for_database)
    for work, name in ((context.listen, "wherein-control"), (context.beat, "wherein-heartbeat")):
        threading.Thread(target=work, name=name, daemon=True).start()
    code = 0
    try:
        importlib.import_module(_ENTRIES[start.type]).main(context)
    except Exception as error:  # noqa: BLE001 - the boundary of the process, which logs it
        _tell(f"the {start.type.value} worker failed", error)
        if isinstance(error, WhereinError):
            context.send(control.LogTail(str(error)))  # written for people, unlike the log
        code = 1
    logging.shutdown()
    # Daemon threads may sit in native code; nothing of value is left to unwind.
    os._exit(code)


def _end_with_threads(start: WorkerStart) -> None:
    """End the process when one of its threads fails: it would beat on, and do half of its work."""

    def end(failure: threading.ExceptHookArgs) -> None:
        if issubclass(failure.exc_type, SystemExit):
            return
        name = failure.thread.name if failure.thread is not None else "a thread"
        _tell(f"the {start.type.value} worker failed in {name}", failure.exc_value)
        logging.shutdown()
        os._exit(1)

    threading.excepthook = end


def _tell(what: str, error: BaseException | None) -> None:
    """Log why this process ends; with a traceback, but for the command line's person."""
    log = logger.isEnabledFor(logging.WARNING)
    logger.error("%s: %s", what, error, exc_info=error if log else None)


def _claim_descriptors() -> None:
    """Read nothing from the editor and write nothing to it, whatever a library prints."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)


def _watch_parent() -> None:
    parent = mp.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel
    if sys.platform == "linux":
        import fcntl

        # SIGKILL, where SIGIO would do for a running process, ends one that is stopped as well.
        fcntl.fcntl(sentinel, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(sentinel, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(sentinel, fcntl.F_GETFL)
        fcntl.fcntl(sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)

    def watch() -> None:
        wait([sentinel])
        os._exit(3)

    threading.Thread(target=watch, name="wherein-parent", daemon=True).start()


def _environment(start: WorkerStart) -> None:
    """One thread for native libraries, a low priority for background work, private files."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.umask(0o077)
    priority.settle(start)
    if os.name == "posix":
        _limits(start)


def _limits(start: WorkerStart) -> None:
    """Leave no core dump, which would hold a person's code, and bound what a file can cost."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if start.type is WorkerType.FILE_WATCHER and sys.maxsize > 1 << 32:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = PARSER_BYTES if most < 0 else min(PARSER_BYTES, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _signals(context: WorkerContext) -> None:
    def terminate(_number: int, _frame: FrameType | None) -> None:
        # A handler must not take a lock that the main thread may hold: another thread does it.
        threading.Thread(target=context.stop, daemon=True).start()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, terminate)


def wait_until(moment: float, context: WorkerContext) -> bool:
    """Sleep until a time.monotonic() moment; True when the worker should stop instead."""
    return context.stopping.wait(max(0.0, moment - time.monotonic()))
