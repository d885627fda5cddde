"""WorkerManager: the only place that starts, stops, registers and restarts worker processes.

Lives in the process that hosts the index: the language server, or the command line.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import util
from typing import Final

import msgspec

from wherein.errors import StorageError, WorkerUnavailable
from wherein.ipc import control
from wherein.paths import IndexPaths, runtime_dir
from wherein.settings import Settings
from wherein.workers import supervision
from wherein.workers.handle import WorkerHandle, WorkerState, WorkerStatus
from wherein.workers.quarantine import Casebook, clear_note, read_note
from wherein.workers.start import WatchMode, WorkerStart, WorkerType
from wherein.workers.supervision import MEMORY_BYTES, TICK_S, RestartPolicy, Vigil

logger = logging.getLogger(__name__)

STOP_S: Final = 1.2  # editors kill at 2 s; the whole shutdown must fit into 1.5

Listener = Callable[[WorkerHandle, control.Up], None]


def ignore(_handle: WorkerHandle, _message: control.Up) -> None:
    """Listen to nothing."""


class WorkerManager:
    """Starts and stops workers; the methods are those of the design, and no others."""

    _instance: WorkerManager | None = None
    _instance_lock = threading.Lock()

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._workers: list[WorkerHandle] = []
        self._policies: dict[int, RestartPolicy] = {}
        self._timers: set[threading.Timer] = set()
        self._closed = False
        self.asked_at = float("-inf")  # time.monotonic() when a person asked for something
        self._cases = {kind: Casebook() for kind in WorkerType}
        self._watcher: threading.Thread | None = None
        # Before multiprocessing's own exit handler, which would wait for ever for a live worker.
        self._finalizer = util.Finalize(
            None, self.stop_all_workers, args=(STOP_S,), exitpriority=100
        )

    @classmethod
    def get_instance(cls) -> WorkerManager:
        """Return this process's manager."""
        with cls._instance_lock:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    def start_file_watcher_worker(
        self,
        indexes: Sequence[IndexPaths],
        token: bytes,
        settings: Settings,
        *,
        mode: WatchMode = WatchMode.FOLLOW,
        listener: Listener = ignore,
    ) -> WorkerHandle:
        """Start the process that scans and watches these folders; returns without waiting."""
        start = WorkerStart(WorkerType.FILE_WATCHER, tuple(indexes), token, settings, mode)
        return self._start(start, listener)

    def start_vectorization_worker(
        self,
        indexes: Sequence[IndexPaths],
        token: bytes,
        settings: Settings,
        *,
        mode: WatchMode = WatchMode.FOLLOW,
        listener: Listener = ignore,
    ) -> WorkerHandle:
        """Start the process that embeds chunks and queries; returns without waiting."""
        start = WorkerStart(WorkerType.VECTORIZATION, tuple(indexes), token, settings, mode)
        return self._start(start, listener)

    def register_worker(self, handle: WorkerHandle) -> None:
        """Take charge of a worker: it is listed, restarted by policy, and stopped with the rest."""
        with self._lock:
            if self._closed:
                raise WorkerUnavailable("The server is shutting down")
            self._workers.append(handle)
            self._policies[id(handle)] = RestartPolicy()
            if self._watcher is None:
                self._watcher = threading.Thread(
                    target=self._keep_vigil, name="wherein-vigil", daemon=True
                )
                self._watcher.start()

    def stop_worker_type(self, worker_type: WorkerType, timeout: float = STOP_S) -> None:
        """Stop all workers of a type; one that has not gone after `timeout` seconds is killed."""
        self._stop([worker_type], timeout)

    def stop_all_workers(self, timeout: float = STOP_S) -> None:
        """Stop everything within `timeout` seconds: watcher, then vectorization, then database."""
        with self._lock:
            self._closed = True
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()
        self._stop(list(WorkerType), timeout)
        with self._lock:
            self._closed = False
            self._cases = {kind: Casebook() for kind in WorkerType}

    def get_worker_status(self) -> list[WorkerStatus]:
        """Describe every worker that was registered and not stopped."""
        with self._lock:
            return [handle.status() for handle in self._workers]

    def _start(self, start: WorkerStart, listener: Listener) -> WorkerHandle:
        handle = WorkerHandle(
            start, daemon=True, listener=self._through(listener), on_death=self._died
        )
        self.register_worker(handle)
        self._launch(handle)
        return handle

    def _prepare(self, handle: WorkerHandle) -> None:
        """Tell a worker that is to start where it writes what it is at, and what to beware of."""
        note = ""  # without one nothing is left out, and all else works
        try:
            note = str(runtime_dir() / f"{handle.start_args.indexes[0].id}.{handle.type.value}")
        except StorageError as error:
            logger.warning("what the %s worker has in hand is not noted: %s", handle.type, error)
        handle.start_args = msgspec.structs.replace(
            handle.start_args, note=note, care=self._cases[handle.type].care()
        )
        clear_note(note)  # of the incarnation before, or of another server's

    def _launch(self, handle: WorkerHandle) -> None:
        """Start a worker; one that the system does not let start is treated as one that died."""
        self._prepare(handle)
        try:
            handle.launch()
        except WorkerUnavailable:
            self._died(handle)

    def _stop(self, types: Sequence[WorkerType], timeout: float) -> None:
        """Ask all first, in order, then wait: the watcher's last writes still find a database."""
        with self._lock:
            leaving = [h for t in types for h in self._workers if h.type is t]
        self._stop_handles(leaving, timeout)

    def _stop_handles(self, leaving: Sequence[WorkerHandle], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with self._lock:
            self._workers = [h for h in self._workers if h not in leaving]
            for handle in leaving:
                self._policies.pop(id(handle), None)
        early = [h for h in leaving if h.type is not WorkerType.DATABASE]
        late = [h for h in leaving if h.type is WorkerType.DATABASE]
        for group, until in ((early, deadline - timeout * 0.4), (late, deadline)):
            for handle in group:
                handle.begin_stop()
            for handle in group:
                handle.finish_stop(until)

    def _keep_vigil(self) -> None:
        """Kill workers that have been silent for too long; they are started again as any dead."""
        vigil = Vigil(time.monotonic())
        while True:
            time.sleep(TICK_S)  # the vigil looks at clocks: nothing wakes it earlier
            import psutil  # after the start, as in `runtime`

            try:
                patience = supervision.patience(psutil.getloadavg()[0], os.cpu_count() or 1)
                self._look_at_all(vigil, time.monotonic(), patience)
            except Exception:  # one look that fails is not the last one
                logger.exception("the workers could not be looked at")

    def _look_at_all(self, vigil: Vigil, now: float, patience: float) -> None:
        vigil.tick(now)
        with self._lock:
            alive = (WorkerState.STARTING, WorkerState.READY)
            watched = [h for h in self._workers if h.state in alive]
        for handle in watched:
            starting = handle.state is WorkerState.STARTING
            silence = vigil.silent(
                handle.type, handle.heard_at, now, starting=starting, patience=patience
            )
            if silence is not None:
                handle.kill(f"did not answer for {silence:.0f} s and was killed")
            elif (used := handle.status().rss) > MEMORY_BYTES[handle.type]:
                handle.kill(f"used {used >> 20:,} MB of memory and was killed")
            elif handle.busy_s > supervision.BUSY_S * patience:
                handle.kill(f"was stuck for {handle.busy_s:.0f} s and was killed")

    def _died(self, handle: WorkerHandle) -> None:
        """Start a dead worker again, after a pause; a database worker waits until it is wanted."""
        logger.warning("the %s worker %s", handle.type.value, handle.last_error)
        self._suspect(handle)
        with self._lock:
            policy = self._policies.get(id(handle))
            if policy is None or self._closed:
                handle.rest_until(0.0)
                return
            delay = policy.died(time.monotonic())
            if delay is None:
                handle.fail(f"stopped too often; the last time it {handle.last_error}")
                delay = supervision.GIVEN_UP_S
            handle.rest_until(time.monotonic() + delay)
            if handle.type is not WorkerType.DATABASE:
                self._restart_in(delay, handle)

    def _suspect(self, handle: WorkerHandle) -> None:
        """Remember what a dead worker had in hand; a second time, alone, it is left out."""
        units = read_note(handle.start_args.note) if handle.start_args.note else []
        guilty = self._cases[handle.type].died(units)
        if guilty is not None:
            logger.warning("left out: %s ended the %s worker twice", guilty.name, handle.type.value)

    def _through(self, listener: Listener) -> Listener:
        """Hear what is for the manager before the listener hears everything."""

        def hear(handle: WorkerHandle, message: control.Up) -> None:
            if isinstance(message, control.Survived):
                self._cases[handle.type].survived(message.keys)
            listener(handle, message)

        return hear

    def _restart_in(self, delay: float, handle: WorkerHandle) -> None:
        timer = threading.Timer(delay, self._restart, (handle,))
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

    def _restart(self, handle: WorkerHandle) -> None:
        with self._lock:
            self._timers = {t for t in self._timers if t.is_alive()}
            gone = handle.state in (WorkerState.DEAD, WorkerState.FAILED)
            if self._closed or handle not in self._workers or not gone:
                return
            handle.restarts += 1
            self._launch(handle)

    def _try_failed_again(self) -> None:
        """Start what was given up a while ago: somebody asks for it."""
        with self._lock:
            self.asked_at = time.monotonic()
            for handle in self._workers:
                given_up = handle.state is WorkerState.FAILED
                rested = self.asked_at - handle.entered_at >= supervision.ASKED_AGAIN_S
                if given_up and rested and handle.type is not WorkerType.DATABASE:
                    self._restart(handle)


def left_out(manager: WorkerManager) -> list[str]:
    """Name the files and chunks that killed a worker twice and are not touched any more."""
    return [name for cases in manager._cases.values() for name in cases.names()]


def asked(manager: WorkerManager) -> None:
    """Say that a person asks for something: workers that were given up get another chance."""
    manager._try_failed_again()
