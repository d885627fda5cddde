"""One worker as the server sees it: its process, control pipe, state, and the stop ladder.

The only module that makes a multiprocessing.Process. A handle outlives its process: after a death
the same handle starts the next one, so that restarts and errors stay visible.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import math
import multiprocessing as mp
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import msgspec

from wherein.errors import UNREADABLE, WhereinError, WorkerUnavailable
from wherein.ipc import control, frames
from wherein.ipc.outbox import Outbox
from wherein.workers.runtime import run_worker
from wherein.workers.start import WorkerStart, WorkerType
from wherein.workers.worker_log import last_words, log_file

logger = logging.getLogger(__name__)

# `spawn`, never `fork`: threads, SQLite and the owner lock do not survive a fork.
_spawn = mp.get_context("spawn")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(control.Up).decode
_LOOK_S = 1.0  # a wait looks so often whether what it waits for is still to come


class WorkerState(str, enum.Enum):
    """Where a worker is in its life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DEAD = "dead"  # died, will be started again
    FAILED = "failed"  # died too often


class WorkerStatus(msgspec.Struct, frozen=True):
    """What `get_worker_status` says of one worker. Times in seconds, memory in bytes."""

    type: str
    pid: int | None
    state: str
    since: float  # unix time of the last change of state
    heartbeat_age: float | None  # seconds since the last heartbeat of a live worker
    restarts: int
    cpu_s: float
    rss: int
    last_error: str
    index: str  # id of the index, for a database worker
    host: int  # pid of the process that runs the worker


def failed(workers: Sequence[WorkerStatus], index: str) -> dict[str, str]:
    """Return type -> last error of the given-up workers of an index; only some have one index."""
    return {
        worker.type: worker.last_error
        for worker in workers
        if worker.state == WorkerState.FAILED.value and worker.index in ("", index)
    }


class WorkerHandle:
    """One worker, over all its incarnations.

    `listener` gets every message that comes up, and `on_death` is called once for each death that
    nobody asked for; both on the handle's own reader thread.
    """

    def __init__(
        self,
        start: WorkerStart,
        *,
        daemon: bool,
        listener: Callable[[WorkerHandle, control.Up], None],
        on_death: Callable[[WorkerHandle], None],
    ) -> None:
        self.start_args = start
        self.type: WorkerType = start.type
        self.daemon = daemon
        self.process: BaseProcess | None = None
        self.state = WorkerState.STOPPED
        self.since = time.time()
        self.entered_at = time.monotonic()  # the same moment, by a clock that nobody sets
        self.restarts = 0
        self.last_error = ""
        self.endpoint = ""
        self._beat: control.Heartbeat | None = None
        self._beat_at: float | None = None
        self.heard_at = 0.0  # time.monotonic() of the last heartbeat, or of the start
        self.busy_s = 0.0  # how long it has been at one unit of work, as of its last heartbeat
        self._due_at = 0.0  # time.monotonic() before which a dead worker is not started again
        self._killed_for = ""
        self._told = ""  # by the worker, of its end
        self._listener = listener
        self._on_death = on_death
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._pipe: socket.socket | None = None
        self._outbox: Outbox | None = None
        self._reader: threading.Thread | None = None

    def launch(self) -> None:
        """Start the process; returns at once, the worker says `ready` later.

        Raises WorkerUnavailable, with nothing left behind, when the system does not let it start.
        """
        with self._lock:
            if self.state is WorkerState.STOPPING:
                return
            self._enter(WorkerState.STARTING)
            self.endpoint = ""
            self._beat, self._beat_at = None, None
            self.heard_at = time.monotonic()
            self.busy_s = 0.0
            self._told = ""
            try:
                self._begin()
            except Exception as error:
                why = getattr(error, "strerror", None) or type(error).__name__
                self._enter(WorkerState.DEAD, f"could not be started: {why}")
                raise WorkerUnavailable(
                    f"The {self.type.value.replace('_', ' ')} worker {self.last_error}"
                ) from error

    def _begin(self) -> None:
        """Make the pipe, the process and the thread that reads from it: all of them or none."""
        ours, theirs = socket.socketpair()
        process: BaseProcess | None = None
        outbox: Outbox | None = None
        try:
            process = _spawn.Process(
                target=run_worker,
                args=(self.start_args, theirs),
                name=f"wherein-{self.type.value}",
                daemon=self.daemon,
            )
            process.start()
            outbox = Outbox(frames.prepare(ours), patient=True)  # it may be held up for a minute
            reader = threading.Thread(
                target=self._read, args=(process, ours), name=f"{process.name}-pipe", daemon=True
            )
            reader.start()
        except BaseException:
            if outbox is not None:
                outbox.close()
            ours.close()
            if process is not None and process.pid is not None:
                process.kill()
                process.join(1.0)
                process.close()
            raise
        finally:
            theirs.close()
        self.process, self._pipe, self._outbox, self._reader = process, ours, outbox, reader

    def wait_ready(self, timeout: float) -> bool:
        """Wait until the worker serves; False when it died or did not in time."""
        until = time.monotonic() + timeout
        with self._changed:
            while self.state is WorkerState.STARTING:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return self.state is WorkerState.READY

    def send(self, message: control.Down) -> bool:
        """Send a message down, without waiting; False when the worker is gone, or never reads."""
        outbox = self._outbox
        if outbox is None:
            return False
        try:
            outbox.send(_encode(message))
        except WhereinError:
            return False
        return True

    def begin_stop(self) -> None:
        """Ask the worker to stop, without waiting."""
        with self._lock:
            young = self.state is WorkerState.STARTING and self.daemon
            self._enter(WorkerState.STOPPING)
            process = self.process
        if young and process is not None:
            process.kill()  # it is busy importing, hears nothing yet, and has nothing to lose
        self.send(control.Stop())

    def finish_stop(self, deadline: float) -> None:
        """Wait until `deadline` (time.monotonic()) for a stop that was begun, then kill."""
        process, reader = self.process, self._reader
        if process is not None and reader is not None:
            reader.join(max(0.0, deadline - time.monotonic()))
            if _runs(process):
                logger.warning("the %s worker did not stop and is killed", self.type.value)
                process.kill()
                reader.join(1.0)
        with self._lock:
            self._close_pipe()
            self._enter(WorkerState.STOPPED)

    def kill(self, reason: str) -> None:
        """Kill the process for a reason; what follows is as after any death."""
        process = self.process
        if process is not None and _runs(process):
            self._killed_for = reason
            process.kill()

    def fail(self, reason: str) -> None:
        """Mark as given up, for a reason."""
        with self._lock:
            self._enter(WorkerState.FAILED, reason)

    def rest_until(self, due_at: float) -> None:
        """Say when (time.monotonic()) a dead worker may be started again."""
        with self._lock:
            self._due_at = due_at
            self._changed.notify_all()

    def rest(self) -> None:
        """Wait for the pause after a death, or for the word that there is no other start."""
        with self._changed:
            while self.state is WorkerState.DEAD:
                left = self._due_at - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(min(left, _LOOK_S))

    def status(self) -> WorkerStatus:
        """Describe the worker now."""
        with self._lock:
            alive = self.process is not None and _runs(self.process)
            age = None if self._beat_at is None else time.monotonic() - self._beat_at
            return WorkerStatus(
                type=self.type.value,
                pid=self.process.pid if alive and self.process is not None else None,
                state=self.state.value,
                since=self.since,
                heartbeat_age=round(age, 3) if alive and age is not None else None,
                restarts=self.restarts,
                cpu_s=self._beat.cpu_s if self._beat else 0.0,
                rss=self._beat.rss if self._beat else 0,
                last_error=self.last_error,
                index=self.start_args.indexes[0].id if self.type is WorkerType.DATABASE else "",
                host=os.getpid(),
            )

    def _read(self, process: BaseProcess, pipe: socket.socket) -> None:
        """Read what comes up until the worker is gone; the pipe's end and the sentinel tell."""
        while True:
            try:
                ready = wait([pipe, process.sentinel])
            except (OSError, ValueError):
                break  # a stop that lost patience closed the pipe; the process is reaped below
            if pipe in ready:
                try:
                    message = _decode(frames.read_frame(pipe))
                except (WhereinError, *UNREADABLE, OSError):
                    # Its end is closed: dead, or so broken that it must die.
                    if not wait([process.sentinel], 0.5):
                        process.kill()
                else:
                    self._take(message)
                    continue
            break
        # This thread alone reaps the process; multiprocessing may do it too when it starts another.
        until = time.monotonic() + 5.0
        while process.exitcode is None and time.monotonic() < until:
            process.join(0.05)
        self._gone(process)

    def _take(self, message: control.Up) -> None:
        """Do what a message asks for; what goes wrong in that is not the worker's fault."""
        try:
            self._handle(message)
        except Exception:  # one message that goes wrong must not end the reading of all others
            logger.exception("a message of the %s worker was lost", self.type.value)

    def _handle(self, message: control.Up) -> None:
        if isinstance(message, control.Heartbeat):
            self._beat, self._beat_at = message, time.monotonic()
            self.heard_at = self._beat_at
            self.busy_s = message.busy_s
            return
        if isinstance(message, control.LogTail):
            self._told = message.text
        if isinstance(message, control.Ready):
            with self._lock:
                self.endpoint = message.endpoint
                if self.state is WorkerState.STARTING:
                    self._enter(WorkerState.READY)
        self._listener(self, message)

    def _gone(self, process: BaseProcess) -> None:
        with self._lock:
            if self.process is not process or self.state in (
                WorkerState.STOPPING,
                WorkerState.STOPPED,
            ):
                return
            self._close_pipe()
            how = f"ended with exit code {process.exitcode}"
            if process.exitcode is not None and process.exitcode < 0:
                how = f"was ended by signal {-process.exitcode}"
            log = log_file(self.start_args.indexes[0].id, self.type)
            tail, self._told = self._told or last_words(log, process.pid or 0), ""
            reason, self._killed_for = self._killed_for, ""
            self._due_at = math.inf  # until `on_death` says: nobody who asks gets ahead of it
            self._enter(WorkerState.DEAD, reason or (f"{how}: {tail}" if tail else how))
        self._on_death(self)

    def _enter(self, state: WorkerState, error: str = "") -> None:
        self.state = state
        self.since = time.time()
        self.entered_at = time.monotonic()
        if error:
            self.last_error = error
        self._changed.notify_all()

    def _close_pipe(self) -> None:
        pipe, self._pipe = self._pipe, None
        outbox, self._outbox = self._outbox, None
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.shutdown(socket.SHUT_RDWR)
            pipe.close()
        if outbox is not None:
            outbox.close()


def _runs(process: BaseProcess) -> bool:
    """Say whether a process still runs, without reaping it: that is its reader thread's part."""
    return not wait([process.sentinel], 0)
