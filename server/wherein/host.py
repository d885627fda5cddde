"""IndexHost: the owner's side of one or more folders, for the language server and the command line.

It takes the owner locks, starts the workers through WorkerManager, answers what they ask for, and
keeps the facts that they push. Methods may be called from any thread; none waits for a worker
unless it says so.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence

import attrs

from wherein.database.code_database import CodeDatabase
from wherein.database.db_worker_manager import DBWorkerManager
from wherein.database.drivers.base import DriverConfig
from wherein.domain import IndexStats
from wherein.errors import IndexBusy, StorageError, WhereinError, WorkerUnavailable
from wherein.ipc import control
from wherein.ipc.pending import Pending
from wherein.ownership.lock import OwnerLock, read_owner
from wherein.paths import IndexPaths, index_paths
from wherein.settings import Settings
from wherein.status import Facts
from wherein.workers.database_starter import DatabaseStarter
from wherein.workers.handle import WorkerHandle, WorkerState, WorkerStatus
from wherein.workers.manager import WorkerManager, asked
from wherein.workers.start import WatchMode, WorkerType

logger = logging.getLogger(__name__)

SYNC_S = 120.0


class Folder:
    """One workspace folder. `owned` says whether this process runs its workers."""

    def __init__(self, paths: IndexPaths) -> None:
        self.paths = paths
        self.lock = OwnerLock(paths)
        self.facts = Facts()
        self.unusable = ""  # why the index's directory cannot be used
        self.database = CodeDatabase(DriverConfig("sqlite", paths.directory))

    @property
    def root(self) -> str:
        """The folder's canonical path."""
        return self.paths.root

    @property
    def owned(self) -> bool:
        """True when this process owns the index."""
        return self.lock.held

    def require(self) -> CodeDatabase:
        """Return the database of an owned folder. Raises IndexBusy naming the owner's pid."""
        if not self.owned:
            if self.unusable:
                raise StorageError(self.unusable)
            owner = read_owner(self.paths)
            who = f"process {owner.pid}" if owner else "another process"
            raise IndexBusy(
                f"The index of this folder is in use by {who}. Close it there, or wait for it"
            )
        return self.database


class IndexHost:
    """The folders of this process and the workers that serve them.

    `on_change` is called, on any thread, after a fact changed.
    """

    def __init__(
        self,
        settings: Settings,
        mode: WatchMode = WatchMode.FOLLOW,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.folders: list[Folder] = []
        self._settings = settings
        self._mode = mode
        self._on_change = on_change
        self._token = secrets.token_bytes(32)
        self._manager = WorkerManager.get_instance()
        self._indexes: dict[str, IndexPaths] = {}
        self._watcher: WorkerHandle | None = None
        self._vectorizer: WorkerHandle | None = None
        self._lock = threading.RLock()
        self._ids = itertools.count(1)
        self._syncs: dict[int, tuple[control.Sync, concurrent.futures.Future[int]]] = {}
        self._near: tuple[tuple[str, bytes], ...] = ()
        self._paused = settings.paused
        self._closed = False
        DBWorkerManager.configure(
            start=DatabaseStarter(self._manager, self._indexes, self._token, settings, self._listen)
        )

    @property
    def settings(self) -> Settings:
        """The settings of now."""
        return self._settings

    def open(self, roots: Sequence[str]) -> None:
        """Take the folders that are free and start their workers; returns without waiting.

        Raises StorageError when an index directory cannot be used.
        """
        known = {folder.root for folder in self.folders}
        for root in roots:
            paths = index_paths(root)
            if paths.root not in known:
                known.add(paths.root)
                self.folders.append(Folder(paths))
        self.retry()

    def retry(self) -> bool:
        """Try again to own the folders that others own; True when one was won.

        Raises StorageError, after the others were tried, when a folder's directory cannot be used.
        """
        won = False
        problem: StorageError | None = None
        with self._lock:
            if self._closed:
                return False
            for folder in self.folders:
                if folder.owned:
                    continue
                try:
                    taken = folder.lock.acquire(self._token)
                except StorageError as error:
                    problem = error
                    folder.unusable = folder.facts.troubles["read_only"] = str(error)
                    continue
                if folder.unusable:
                    folder.unusable = ""
                    folder.facts.troubles.pop("read_only", None)
                if taken:
                    self._indexes[folder.paths.directory] = folder.paths
                    folder.facts.owner_pid = None
                    won = True
                else:
                    owner = read_owner(folder.paths)
                    folder.facts.owner_pid = owner.pid if owner else 0
            if won:
                self._start_workers()
        if won:
            self._on_change()
        if problem is not None:
            raise problem
        return won

    def close_folder(self, root: str) -> None:
        """Give a folder up; its workers go on for the others. May wait for a stop."""
        with self._lock:
            leaving = [f for f in self.folders if f.root == root]
            self.folders = [f for f in self.folders if f.root != root]
            for folder in leaving:
                folder.database.close()
                self._indexes.pop(folder.paths.directory, None)
            if any(folder.owned for folder in leaving):
                self._start_workers()
        for folder in leaving:
            folder.lock.release()

    def sync(
        self, folder: Folder, paths: Sequence[bytes] = (), *, rebuild: bool = False
    ) -> Pending[int]:
        """Bring the index up to what is on disk now; the answer is the commit number.

        `rebuild` makes the index anew, while the old one answers. Raises IndexBusy when not owned.
        """
        folder.require()
        asked(self._manager)
        number = next(self._ids)
        future: concurrent.futures.Future[int] = concurrent.futures.Future()
        message = control.Sync(number, folder.paths.id, tuple(paths), rebuild)
        with self._lock:
            self._syncs[number] = (message, future)
            watcher = self._watcher
        if watcher is not None and watcher.state is WorkerState.READY:
            watcher.send(message)  # else it is sent when the watcher is ready
        return Pending(future, "sync", SYNC_S, lambda: self._forget_sync(number))

    def near(self, files: Sequence[tuple[Folder, bytes]]) -> None:
        """Say which files are open in the editor: those near them are embedded first."""
        self._near = tuple((folder.paths.id, path) for folder, path in files)
        if self._vectorizer is not None:
            self._vectorizer.send(control.Near(self._near))

    def hint(self, files: Sequence[tuple[Folder, bytes]]) -> None:
        """Tell the watcher of files that may have changed; it looks at the disk."""
        paths: dict[str, list[bytes]] = {}
        for folder, path in files:
            paths.setdefault(folder.paths.id, []).append(path)
        if self._watcher is not None:
            for root, changed in paths.items():
                self._watcher.send(control.Hint(root, tuple(changed)))

    def set_paused(self, *, paused: bool) -> None:
        """Stop background work, or go on with it. Searching and the user's own sync go on."""
        with self._lock:
            self._paused = paused
            message: control.Down = control.Pause() if paused else control.Resume()
            for handle in (self._watcher, self._vectorizer):
                if handle is not None:
                    handle.send(message)
            self._mark_paused()
        self._on_change()

    def take_settings(self, settings: Settings) -> None:
        """Take new settings: the workers that they are about are started anew. May wait for a stop.

        Searching goes on meanwhile. `paused` counts when it is another than before.
        """
        with self._lock:
            before, self._settings = self._settings, settings
            if self._closed:
                return
            if settings.paused != before.paused:
                self.set_paused(paused=settings.paused)
            changed = {f.name for f in attrs.fields(Settings) if _differ(settings, before, f.name)}
            if changed & {"exclude", "max_file_kib", "log_level"}:
                self._start_watcher()
            if changed & {"model", "log_level"}:
                self._start_vectorizer()
        self._on_change()

    def facts(self, folder: Folder, stats: IndexStats | None = None) -> Facts:
        """Return the folder's facts, newer counters from the database noted with their time."""
        facts = folder.facts
        if stats is not None:
            facts.stats, facts.stats_at = stats, time.time()
        facts.failed_workers = {
            status.type: status.last_error
            for status in self.worker_status()
            if status.state == WorkerState.FAILED.value
        }
        return facts

    def worker_status(self) -> list[WorkerStatus]:
        """Describe the workers of this process."""
        return self._manager.get_worker_status()

    def close(self, timeout: float = 1.2) -> None:
        """Stop all workers within `timeout` seconds and give the folders up."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._manager.stop_all_workers(timeout)
        for folder in self.folders:
            folder.database.close()
            folder.lock.release()
        for _, future in self._syncs.values():
            if not future.done():
                future.set_exception(WorkerUnavailable("The server is shutting down"))

    def _start_workers(self) -> None:
        """Start watcher and vectorization for what is owned now; others are replaced."""
        self._mark_paused()
        self._start_watcher()
        self._start_vectorizer()

    def _start_watcher(self) -> None:
        self._manager.stop_worker_type(WorkerType.FILE_WATCHER)
        self._watcher = None
        owned = [folder for folder in self.folders if folder.owned]
        for folder in owned:
            folder.facts.phase, folder.facts.reconciled = "starting", False
        if owned:
            self._watcher = self._manager.start_file_watcher_worker(
                [folder.paths for folder in owned],
                self._token,
                attrs.evolve(self._settings, paused=self._paused),
                mode=self._mode,
                listener=self._listen,
            )

    def _start_vectorizer(self) -> None:
        self._manager.stop_worker_type(WorkerType.VECTORIZATION)
        self._vectorizer = None
        owned = [folder for folder in self.folders if folder.owned]
        for folder in owned:
            folder.facts.model = ""
            folder.facts.troubles.pop("lexical_only", None)
        if owned:
            self._vectorizer = self._manager.start_vectorization_worker(
                [folder.paths for folder in owned],
                self._token,
                attrs.evolve(self._settings, paused=self._paused),
                listener=self._listen,
            )

    def _mark_paused(self) -> None:
        for folder in self.folders:
            if self._paused and folder.owned:
                folder.facts.troubles["paused"] = "Paused by you"
            else:
                folder.facts.troubles.pop("paused", None)

    def _listen(self, handle: WorkerHandle, message: control.Up) -> None:
        """Take what a worker sent; runs on that worker's reader thread."""
        if isinstance(message, control.NeedDatabase):
            threading.Thread(
                target=self._give_database, args=(handle, message), daemon=True
            ).start()
        elif isinstance(message, control.Ready):
            self._ready(handle, message)
        elif isinstance(message, control.Synced):
            self._synced(message)
        else:
            for folder in self.folders:
                _note(folder, message)
            self._fill(message)
        self._on_change()

    def _fill(self, message: control.Up) -> None:
        """Have an index that is being rebuilt filled from the disk; nobody waits for the answer."""
        if not isinstance(message, control.State) or message.name != "rebuilding":
            return
        if message.reason and self._watcher is not None:
            self._watcher.send(control.Sync(0, message.root))

    def _give_database(self, handle: WorkerHandle, message: control.NeedDatabase) -> None:
        """Answer a worker that wants a database, through the driver as a command would."""
        endpoint, error = "", "This process does not own that index"
        for folder in self.folders:
            if os.fsencode(folder.paths.directory) == message.db_path:
                try:
                    endpoint, error = folder.require().connect(), ""
                except WhereinError as problem:
                    error = str(problem)
        handle.send(control.DatabaseAt(message.request, endpoint, error))

    def _ready(self, handle: WorkerHandle, message: control.Ready) -> None:
        pid = handle.process.pid if handle.process is not None else None
        served = {index.id for index in handle.start_args.indexes}
        with self._lock:
            for folder in self.folders:
                if folder.paths.id in served and pid is not None:
                    folder.lock.announce(handle.type.value, message.endpoint, pid)
            if self._paused and handle.type is not WorkerType.DATABASE:
                handle.send(control.Pause())
            if handle.type is WorkerType.VECTORIZATION and self._near:
                handle.send(control.Near(self._near))
            elif handle.type is WorkerType.FILE_WATCHER:
                for waiting, _ in self._syncs.values():
                    handle.send(waiting)

    def _synced(self, message: control.Synced) -> None:
        with self._lock:
            known = self._syncs.pop(message.request, None)
        if known is None or known[1].done():
            return
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            if message.error:
                known[1].set_exception(WorkerUnavailable(message.error))
            else:
                known[1].set_result(message.commit)

    def _forget_sync(self, number: int) -> None:
        with self._lock:
            self._syncs.pop(number, None)


def _differ(one: Settings, other: Settings, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _note(folder: Folder, message: control.Up) -> None:
    """Keep what a worker said of a folder, or of all of them."""
    facts = folder.facts
    if isinstance(message, control.ModelReady):
        facts.model = message.fingerprint
        facts.troubles.pop("lexical_only", None)
    elif isinstance(message, control.State) and message.root in ("", folder.paths.id):
        if message.reason:
            facts.troubles[message.name] = message.reason
        else:
            facts.troubles.pop(message.name, None)
    elif isinstance(message, control.Progress) and message.root == folder.paths.id:
        facts.phase, facts.reconciled = message.phase, message.reconciled
        facts.done, facts.total = message.done, message.total
