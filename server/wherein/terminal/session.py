"""One folder for the time of one command: owned with its workers, or joined; and waiting for it.

Every wait here looks at the workers a few times a second, so that a worker that is gone or silent
ends the command with a sentence instead of a hang. Main thread only.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
from types import TracebackType
from typing import Final, TypeVar

from wherein.database.code_database import CodeDatabase
from wherein.domain import IndexStats
from wherein.errors import IndexBusy, WhereinError, WorkerUnavailable
from wherein.folder import Folder
from wherein.host import IndexHost
from wherein.ipc.pending import Pending
from wherein.settings import Settings
from wherein.status import Facts
from wherein.terminal import signals
from wherein.terminal.progress import Progress
from wherein.terminal.streams import say
from wherein.workers.handle import WorkerState
from wherein.workers.start import WatchMode, WorkerType

T = TypeVar("T")

WHOLE_DAY_S: Final = 86_400.0  # indexing takes as long as it takes: silence ends a wait, not time
OWNER_SILENT_S: Final = 20.0  # a process that keeps the index and says nothing for so long is stuck
TICK_S: Final = 0.1
PARK_S: Final = 0.2  # how long the database parks one wait for vectors
COUNT_EVERY_S: Final = 0.25  # counters for the progress line
SILENT_S: Final = 60.0  # a worker without a heartbeat for so long is stuck
STALLED_S: Final = 120.0  # no new vector for so long: go on with words


class Session:
    """Owns one index from `with` to the end of it, or joins the process that does."""

    def __init__(self, root: str, settings: Settings) -> None:
        self._root = root
        self._changed = threading.Event()
        self._host = IndexHost(settings, WatchMode.ONCE, self._changed.set)
        self._progress = Progress()
        self._stats: Pending[IndexStats] | None = None
        self._counted_at = 0.0
        self._done = False
        self._synced: concurrent.futures.Future[int] | None = None
        self._asked: concurrent.futures.Future[Facts] | None = None
        self._asked_at = 0.0
        self._heard_at = time.monotonic()  # when the owner, if it is not us, last said something

    def __enter__(self) -> Session:
        try:
            with signals.held():
                self._host.open([self._root])
                self._stats = self.folder.require().stats()  # starts the database worker, at once
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def database(self) -> CodeDatabase:
        """The index."""
        return self.folder.require()

    @property
    def folder(self) -> Folder:
        """The folder, with the facts that its workers pushed."""
        return self._host.folders[0]

    def start_sync(self) -> None:
        """Ask for the index to be brought up to what is on disk; `wait_words` waits for it."""
        if self._synced is None:
            self._synced = self._host.sync(self.folder, deadline_s=WHOLE_DAY_S).future

    def wait_words(self) -> None:
        """Wait until everything on disk is found by words. Raises WhereinError when it cannot."""
        self.start_sync()
        if self._synced is not None:
            self.wait(self._synced)

    def wait_vectors(self) -> str:
        """Wait until every chunk has its vector; return why words alone must do, "" if not so."""
        left, moved_at = -1, time.monotonic()
        while True:
            self._hear_owner()
            facts = self.folder.facts
            reason = facts.no_vectors() or self._trouble(WorkerType.VECTORIZATION)
            if reason:
                return reason
            self._changed.clear()
            if not facts.model:
                self._changed.wait(TICK_S)
                self._show()
                continue
            stats = self.wait(self.database.wait_vectors(PARK_S, WHOLE_DAY_S).future)
            self._note(stats)
            if stats.fingerprint == facts.model:
                if stats.pending == 0:
                    return ""
            else:
                self._changed.wait(TICK_S / 5)  # the model is there but has not asked for work yet
            if stats.pending != left:  # chunks, and after them their symbols
                left, moved_at = stats.pending, time.monotonic()
            elif time.monotonic() - moved_at > STALLED_S:
                return f"No vector was made in {STALLED_S:.0f} s. Words still work"

    def wait_model(self, timeout: float) -> None:
        """Wait until a question can be embedded, at most `timeout` seconds, or never will be."""
        until = time.monotonic() + timeout
        while not self.folder.facts.model and time.monotonic() < until:
            if self.folder.facts.troubles.get("lexical_only") or self._trouble(
                WorkerType.VECTORIZATION
            ):
                return
            self._changed.clear()
            self._changed.wait(TICK_S)
            self._hear_owner()
            self._show()

    def count(self) -> IndexStats:
        """Read the counters now."""
        stats = self.wait(self.database.stats(WHOLE_DAY_S).future)
        self._note(stats)
        return stats

    def show_done(self) -> None:
        """Let the progress line end with what was done."""
        with contextlib.suppress(WhereinError):
            self.count()
        self._done = True
        self._progress.finish(self.folder.facts)

    def wait(self, future: concurrent.futures.Future[T]) -> T:
        """Wait for an answer, showing progress; raises its error, or that a worker is gone."""
        while not concurrent.futures.wait([future], TICK_S).done:
            self._hear_owner()
            for worker in (WorkerType.FILE_WATCHER, WorkerType.DATABASE):
                trouble = self._trouble(worker)
                if trouble:
                    raise WorkerUnavailable(trouble)
            self._show()
        return future.result()

    def _hear_owner(self) -> None:
        """Ask the process that owns the index, when that is not this one, for what it knows.

        Raises WorkerUnavailable when it has been silent for long.
        """
        now = time.monotonic()
        if self.folder.owned:
            self._heard_at = now
            return
        if self._asked is not None and self._asked.done():
            pending, self._asked = self._asked, None
            error = pending.exception()
            if error is None:
                self._heard_at = now
            elif isinstance(error, IndexBusy):
                raise error
        elif self._asked is None and now - self._asked_at > COUNT_EVERY_S:
            self._asked_at = now
            self._asked = self.folder.ask_facts(OWNER_SILENT_S).future
        if now - self._heard_at > OWNER_SILENT_S:
            raise WorkerUnavailable(
                f"Process {self.folder.facts.owner_pid} keeps the index of this folder and does "
                "not answer. End it, or wait for it"
            )

    def _close(self) -> None:
        signals.ignore()
        if self._host.folders:
            self._progress.finish(self.folder.facts)
        self._host.close()

    def _note(self, stats: IndexStats) -> None:
        if stats.recovered and self.folder.facts.stats is None:
            say(stats.recovered)
        self._host.facts(self.folder, stats)
        self._counted_at = time.monotonic()

    def _show(self) -> None:
        """Show progress with counters that are a fraction of a second old."""
        if self._stats is not None and self._stats.future.done():
            pending, self._stats = self._stats, None
            if pending.future.exception() is None:
                self._note(pending.future.result())
        if self._done:
            return
        if self._stats is None and time.monotonic() - self._counted_at > COUNT_EVERY_S:
            self._counted_at = time.monotonic()
            self._stats = self.database.stats()
        self._progress.update(self.folder.facts)

    def _trouble(self, worker: WorkerType) -> str:
        """Say what is wrong with a worker, "" for nothing."""
        name = worker.value.replace("_", " ")
        if not self.folder.owned:
            trouble = self.folder.facts.failed_workers.get(worker.value, "")
            return f"The {name} worker {trouble}" if trouble else ""
        for status in self._host.worker_status():
            if status.type != worker.value:
                continue
            if status.state == WorkerState.FAILED.value:
                return f"The {name} worker {status.last_error}"
            if status.heartbeat_age is not None and status.heartbeat_age > SILENT_S:
                return f"The {name} worker (process {status.pid}) does not answer"
        return ""
