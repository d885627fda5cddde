"""One folder, owned by this process for one command: the workers, and waiting for them.

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
from wherein.errors import WhereinError, WorkerUnavailable
from wherein.host import Folder, IndexHost
from wherein.ipc.pending import Pending
from wherein.settings import Settings
from wherein.terminal import signals
from wherein.terminal.progress import Progress
from wherein.terminal.streams import say
from wherein.workers.handle import WorkerState
from wherein.workers.start import WatchMode, WorkerType

T = TypeVar("T")

OWNER_PATIENCE_S: Final = 2.0  # another command line gives the index up soon; an editor does not
RETRY_S: Final = 0.1
TICK_S: Final = 0.1
PARK_S: Final = 0.2  # how long the database parks one wait for vectors
COUNT_EVERY_S: Final = 0.25  # counters for the progress line
SILENT_S: Final = 60.0  # a worker without a heartbeat for so long is stuck
STALLED_S: Final = 120.0  # no new vector for so long: go on with words


class Session:
    """Owns one index from `with` to the end of it. Raises IndexBusy when it cannot."""

    def __init__(self, root: str, settings: Settings) -> None:
        self._root = root
        self._changed = threading.Event()
        self._host = IndexHost(settings, WatchMode.ONCE, self._changed.set)
        self._progress = Progress()
        self._stats: Pending[IndexStats] | None = None
        self._counted_at = 0.0
        self._done = False
        self._synced: concurrent.futures.Future[int] | None = None

    def __enter__(self) -> Session:
        try:
            self._own()
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
            self._synced = self._host.sync(self.folder).future

    def wait_words(self) -> None:
        """Wait until everything on disk is found by words. Raises WhereinError when it cannot."""
        self.start_sync()
        if self._synced is not None:
            self.wait(self._synced)

    def wait_vectors(self) -> str:
        """Wait until every chunk has its vector; return why words alone must do, "" if not so."""
        left, moved_at = -1, time.monotonic()
        while True:
            facts = self.folder.facts
            reason = facts.troubles.get("lexical_only") or self._trouble(WorkerType.VECTORIZATION)
            if reason:
                return reason
            self._changed.clear()
            if not facts.model:
                self._changed.wait(TICK_S)
                self._show()
                continue
            stats = self.wait(self.database.wait_vectors(PARK_S).future)
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
            self._show()

    def count(self) -> IndexStats:
        """Read the counters now."""
        stats = self.wait(self.database.stats().future)
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
            for worker in (WorkerType.FILE_WATCHER, WorkerType.DATABASE):
                trouble = self._trouble(worker)
                if trouble:
                    raise WorkerUnavailable(trouble)
            self._show()
        return future.result()

    def _own(self) -> None:
        until = time.monotonic() + OWNER_PATIENCE_S
        with signals.held():
            self._host.open([self._root])
            if self.folder.owned:
                self._begin()
                return
        while time.monotonic() < until:
            time.sleep(RETRY_S)
            with signals.held():
                if self._host.retry():
                    self._begin()
                    return
        self.folder.require()

    def _begin(self) -> None:
        """Start the database worker too, at once: the others will want it."""
        self._stats = self.folder.database.stats()

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
        for status in self._host.worker_status():
            if status.type != worker.value:
                continue
            if status.state == WorkerState.FAILED.value:
                return f"The {name} worker {status.last_error}"
            if status.heartbeat_age is not None and status.heartbeat_age > SILENT_S:
                return f"The {name} worker (process {status.pid}) does not answer"
        return ""
