"""The file-watcher worker: scans, watches, reads, chunks, and writes to the index.

For an editor it follows the disk; for one command line call (`once`) it reconciles when asked and
watches nothing. Its main thread does all the work; watchdog's threads only gather hints.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Final

from wherein.errors import WhereinError
from wherein.indexing.ignore import IgnoreRules
from wherein.ipc import control
from wherein.paths import IndexPaths
from wherein.workers.folder_indexer import FolderIndexer, excludes_of
from wherein.workers.known_root import identity
from wherein.workers.rhythm import WATCH_AGAIN_S, Rhythm, Sleep
from wherein.workers.runtime import WorkerContext
from wherein.workers.start import WatchMode
from wherein.workers.watching import Hints, Watch

logger = logging.getLogger(__name__)

QUIET_S: Final = 0.15  # a save is several events; look when they have stopped
LONGEST_S: Final = 1.0  # but not later than this after the first
ROOT_S: Final = 2.0  # nobody tells when the folder itself is moved away or comes back
_REPORT_S: Final = 0.1


class _Poke:
    """Wakes the main loop: there are hints."""


class WatchedFolder:
    """One folder with its indexer, its hints, and when to look next."""

    def __init__(
        self, index: IndexPaths, context: WorkerContext, inbox: queue.SimpleQueue[object]
    ) -> None:
        self._context = context
        settings = context.start.settings
        self.id = index.id
        self.indexer = FolderIndexer(
            index, settings, self._report, context.stopping.is_set, context.note
        )
        self.hints = Hints(lambda: inbox.put(_Poke()), self._is_rule_file)
        self.watch = Watch(index.root, excludes_of(index, settings), self.hints)
        self.reconciled = False
        self.next_look = time.monotonic()
        self._pause_until = 0.0  # the database could not be written to
        self._rhythm = Rhythm()
        self._sleep = Sleep(time.monotonic(), time.time())
        self._watching = threading.Lock()
        self._watched_at = time.monotonic()
        self._followed_for: IgnoreRules | None = None  # rules that a look found, not an event
        self._root = identity(index.root)
        self._root_look = time.monotonic() + ROOT_S
        self._reported_at = 0.0
        self._told = ""
        self._told_missing = False

    def follow(self) -> None:
        """Start watching on a thread of its own; then look once more for what was missed."""

        self._watched_at = time.monotonic()
        self._followed_for = None

        def begin() -> None:
            with self._watching:
                self.watch.stop()
                if self._root is not None:
                    self.watch.start()
            self.hints.add(None)

        threading.Thread(target=begin, name="wherein-watch", daemon=True).start()

    def due(self, now: float) -> float:
        """Return how many seconds from now this folder wants attention, 0 for at once."""
        return max(0.0, min(self._settled(), self._root_look) - now)

    def _settled(self) -> float:
        """Return the time.monotonic() at which the disk is to be looked at."""
        if not self.hints.waiting:
            return max(self.next_look, self._pause_until)
        settled = min(self.hints.last_at + QUIET_S, self.hints.first_at + LONGEST_S)
        return max(min(self.next_look, settled), self._pause_until)

    def look(self) -> None:
        """Do what the hints and the clock ask for; the database being away is no failure."""
        if time.monotonic() >= self._root_look:
            self._look_at_root()
        if self._settled() > time.monotonic():
            return
        paths, whole = self.take_hints()
        try:
            if whole or self.indexer.root_missing or time.monotonic() >= self.next_look:
                self.reconcile(paths)
            else:
                self.indexer.update(paths)
        except WhereinError as error:
            logger.warning("indexing stopped: %s", error)
            for path in paths:
                self.hints.add(path)
            self.hints.add(None)
            self._pause_until = time.monotonic() + self._rhythm.after_failure()

    def take_hints(self) -> tuple[set[bytes], bool]:
        """Take the hints; where a rule file is one, directories that were not watched may count."""
        paths, whole = self.hints.take()
        if any(self._is_rule_file(path) for path in paths):
            whole = True
            if self._context.start.mode is WatchMode.FOLLOW:
                self.follow()
        return paths, whole

    def _is_rule_file(self, path: bytes) -> bool:
        return self.indexer.rules.is_rule_file(path)

    def reconcile(
        self, first: set[bytes] | tuple[bytes, ...] = (), *, rebuild: bool = False
    ) -> int:
        """Reconcile, say so, and set the time of the next one."""
        commit = self.indexer.reconcile(first, rebuild=rebuild)
        self.reconciled = True
        self._tell_trouble()
        self._report("idle", 0, 0)
        following = self._context.start.mode is WatchMode.FOLLOW
        blind = self.watch.trouble or self.indexer.root_missing or self.indexer.held_up
        polling = following and bool(blind)
        now = time.monotonic()
        self.next_look = now + self._rhythm.after_look(
            found=self.indexer.changes > 0, polling=polling
        )
        if polling and self.watch.trouble and now - self._watched_at > WATCH_AGAIN_S:
            self.follow()  # a limit may have been raised
        elif following and self._is_watching_by_other_rules():
            self.follow()
            self._followed_for = self.indexer.rules
        return commit

    def _is_watching_by_other_rules(self) -> bool:
        rules, before = self.indexer.rules, self._followed_for
        if self._watching.locked() or (before is not None and before.agrees(rules)):
            return False  # it begins, and the look after that compares; or it was tried
        return self.watch.outdated_by(rules)

    def _look_at_root(self) -> None:
        """Notice a folder that is gone, is back, or is another one under the same name."""
        now = time.monotonic()
        if self._sleep.happened(now, time.time(), now - self._root_look + ROOT_S):
            self.hints.add(None)  # whatever happened meanwhile, nobody told
        self._root_look = now + ROOT_S
        found, before = identity(self.indexer.paths.root), self._root
        self._root = found
        if found != before:
            self.hints.add(None)
        if found != before or (found is not None and self.watch.ended):
            self.follow()

    def _tell_trouble(self) -> None:
        if self.watch.trouble != self._told and not self._watching.locked():
            self._told = self.watch.trouble
            self._context.send(control.State("watch_polling", self._told, self.id))
        if self.indexer.root_missing != self._told_missing:
            self._told_missing = self.indexer.root_missing
            gone = "The folder or its disk is not there. The index is kept until it returns"
            self._context.send(
                control.State("root_missing", gone if self._told_missing else "", self.id)
            )

    def _report(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if phase != "indexing" or now - self._reported_at >= _REPORT_S:
            self._reported_at = now
            self._context.send(control.Progress(self.id, phase, done, total, self.reconciled))


def main(context: WorkerContext) -> None:
    """Keep the indexes equal to the disk until told to stop."""
    inbox: queue.SimpleQueue[object] = context.inbox  # type: ignore[assignment] # pokes come too
    folders = [WatchedFolder(index, context, inbox) for index in context.start.indexes]
    once = context.start.mode is WatchMode.ONCE
    context.send(control.Ready(""))
    for folder in folders:
        if once:
            folder.next_look = float("inf")
        else:
            folder.follow()
    paused = context.start.settings.paused
    while not context.stopping.is_set():
        now = time.monotonic()
        wait = None if once or paused else min((f.due(now) for f in folders), default=None)
        try:
            message = inbox.get(timeout=wait)
        except queue.Empty:
            message = None
        if isinstance(message, control.Sync):
            _sync(context, folders, message)
        elif isinstance(message, control.Hint):
            _hint(folders, message)
        elif isinstance(message, control.Pause | control.Resume):
            paused = isinstance(message, control.Pause)
        if not once and not paused:
            _look_where_due(context, folders)
    for folder in folders:
        folder.watch.stop()
        folder.indexer.close()


def _look_where_due(context: WorkerContext, folders: list[WatchedFolder]) -> None:
    for folder in folders:
        if folder.due(time.monotonic()) <= 0 and not context.stopping.is_set():
            folder.look()


def _hint(folders: list[WatchedFolder], message: control.Hint) -> None:
    """Take what an editor says has changed, as if it were an event of the file system."""
    for folder in folders:
        if folder.id == message.root:
            for path in message.paths or (None,):
                folder.hints.add(path)


def _sync(context: WorkerContext, folders: list[WatchedFolder], message: control.Sync) -> None:
    """Reconcile one folder now and tell the commit that holds it."""
    for folder in folders:
        if folder.id == message.root:
            folder.take_hints()
            try:
                commit = folder.reconcile(message.paths, rebuild=message.rebuild)
            except WhereinError as error:
                folder.hints.add(None)
                context.send(control.Synced(message.request, 0, str(error)))
            else:
                context.send(control.Synced(message.request, commit, ""))
            return
    context.send(control.Synced(message.request, 0, "This folder is not watched"))
