"""How the hosting process gets a database worker: the way that DBWorkerManager is configured with.

A part of WorkerManager in a file of its own; runs in the hosting process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from wherein.errors import WorkerUnavailable
from wherein.paths import IndexPaths
from wherein.settings import Settings
from wherein.workers import supervision
from wherein.workers.handle import WorkerHandle, WorkerState
from wherein.workers.manager import STOP_S, Listener, WorkerManager, ignore
from wherein.workers.start import WorkerStart, WorkerType

DATABASE_START_S: Final = 30.0  # a busy machine takes as long to import


def _nowhere(_db_path: str) -> str:
    """Know of no other owner."""
    raise WorkerUnavailable("This process does not own that index")


class DatabaseStarter:
    """What `DBWorkerManager` is configured with in the hosting process: start one, or find it.

    `indexes` are the indexes this process owns, by database path. For others `elsewhere` finds the
    endpoint of their owner's worker, or gives "" when the index has become ours meanwhile.
    """

    def __init__(
        self,
        manager: WorkerManager,
        indexes: dict[str, IndexPaths],
        token: bytes,
        settings: Settings,
        listener: Listener = ignore,
        *,
        elsewhere: Callable[[str], str] = _nowhere,
    ) -> None:
        self._manager = manager
        self._indexes = indexes
        self._token = token
        self._settings = settings
        self._listener = listener
        self._elsewhere = elsewhere
        self._lock = threading.Lock()
        self._handles: dict[str, WorkerHandle] = {}

    def __call__(self, db_path: str) -> str:
        """Return the endpoint of the live database worker of an index, starting it if need be.

        Raises WorkerUnavailable when the index is not owned here or the worker does not come up.
        """
        if db_path not in self._indexes:
            endpoint = self._elsewhere(db_path)
            if endpoint:
                return endpoint
        with self._lock:
            index = self._indexes.get(db_path)
            if index is None:
                raise WorkerUnavailable("This process does not own that index")
            handle = self._handles.get(db_path)
            if handle is None or handle.state is WorkerState.STOPPED:
                handle = self._make(db_path, index)
                self._manager._prepare(handle)
                handle.launch()
        # The lock is not held while somebody waits: another index may be given up meanwhile.
        if handle.state in (WorkerState.DEAD, WorkerState.FAILED):
            self._again(handle)
        if not handle.wait_ready(DATABASE_START_S):
            raise WorkerUnavailable(
                f"The database worker did not start: {handle.last_error or 'no answer'}"
            )
        return handle.endpoint

    def stop(self, db_path: str) -> None:
        """Stop the database worker of an index that is given up."""
        with self._lock:
            handle = self._handles.pop(db_path, None)
        if handle is not None:
            self._manager._stop_handles([handle], STOP_S)

    def _make(self, db_path: str, index: IndexPaths) -> WorkerHandle:
        start = WorkerStart(WorkerType.DATABASE, (index,), self._token, self._settings)
        handle = WorkerHandle(
            start,
            daemon=False,  # multiprocessing must not end it before what uses it has stopped
            listener=self._manager._through(self._listener),
            on_death=self._manager._died,  # the manager's own starter
        )
        self._manager.register_worker(handle)
        self._handles[db_path] = handle
        return handle

    def _again(self, handle: WorkerHandle) -> None:
        """Start a dead worker again after its pause; one that was given up only now and then.

        Workers ask for it all the time: that is no reason until it has rested for long. A person's
        request is one.
        """
        handle.rest()  # the asker's own thread waits
        given_up_at, now = handle.entered_at, time.monotonic()
        asked = self._manager.asked_at >= given_up_at + supervision.ASKED_AGAIN_S
        rested = now - given_up_at >= supervision.GIVEN_UP_S
        if handle.state is WorkerState.FAILED and not (asked or rested):
            raise WorkerUnavailable(f"The database worker {handle.last_error}")
        with self._lock:
            if handle.state is WorkerState.STOPPED:
                raise WorkerUnavailable("The server is shutting down")
            if handle.state in (WorkerState.DEAD, WorkerState.FAILED):  # nobody was faster
                handle.restarts += 1
                self._manager._prepare(handle)
                handle.launch()
