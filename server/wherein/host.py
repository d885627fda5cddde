"""IndexHost: the folders of one language server or command line, owned or joined.

It takes the owner locks, starts the workers of what it owns through WorkerManager, answers what
they ask for, and keeps the facts that they push. Where another process owns an index it starts
nothing, asks that one, and is ready to be elected. Methods may be called from any thread; none
waits for a worker unless it says so.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

import attrs

from wherein import removed
from wherein.answering import answer
from wherein.asking import AskOwner
from wherein.database.code_database import CodeDatabase
from wherein.database.db_worker_manager import DBWorkerManager
from wherein.domain import IndexStats
from wherein.errors import StorageError, WhereinError, WorkerUnavailable
from wherein.folder import Folder
from wherein.ipc import control
from wherein.ipc.pending import Pending
from wherein.keeper import Keeper
from wherein.near import Near
from wherein.paths import IndexPaths, index_paths
from wherein.settings import Settings
from wherein.status import Facts
from wherein.syncs import Syncs, settle
from wherein.workers.database_starter import DatabaseStarter
from wherein.workers.handle import WorkerHandle, WorkerState, WorkerStatus, failed
from wherein.workers.manager import WorkerManager, asked, left_out
from wherein.workers.start import WatchMode, WorkerType

logger = logging.getLogger(__name__)

SYNC_S: Final = 120.0
# After giving an index up, so long it is left to the one for whom that was done.
HAND_OVER_REST_S: Final = 3.0
OUTDATED_REST_S: Final = 10.0


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
        self._keeper = Keeper(
            lambda: list(self.folders), self.retry, stays=mode is WatchMode.FOLLOW
        )
        self._watcher: WorkerHandle | None = None
        self._vectorizer: WorkerHandle | None = None
        self._lock = threading.RLock()
        self._syncs = Syncs()
        self.open_files = Near(lambda told: self._vectorizer and self._vectorizer.send(told))
        self._paused = settings.paused
        self._closed = False
        self._starter = DatabaseStarter(
            self._manager,
            self._indexes,
            self._token,
            settings,
            self._listen,
            elsewhere=self._keeper.find,
        )
        DBWorkerManager.configure(start=self._starter)

    @property
    def settings(self) -> Settings:
        """The settings of now."""
        return self._settings

    def open(self, roots: Sequence[str]) -> None:
        """Take the folders that are free and start their workers, join the others; never waits.

        Raises StorageError when an index directory cannot be used.
        """
        known = {folder.root for folder in self.folders}
        for root in roots:
            paths = index_paths(root)
            if paths.root not in known:
                known.add(paths.root)
                folder = Folder(paths, brief=self._mode is WatchMode.ONCE)
                folder.database.on_lost(self._keeper.lost)
                self.folders.append(folder)
        try:
            self.retry()
        finally:
            self._keeper.watch()

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
                if folder.owned or time.monotonic() < folder.rests_until:
                    continue
                try:
                    taken = folder.lock.acquire(self._token)
                except StorageError as error:
                    problem = error
                    folder.unusable = folder.facts.troubles["read_only"] = str(error)
                    continue
                if taken:
                    if not self._indexes:  # else what was said of our own folders counts
                        self._paused = folder.paused_elsewhere(self._paused)
                    self._indexes[folder.paths.directory] = folder.paths
                    folder.became_ours()
                    won = True
                else:
                    folder.became_anothers()
            if won:
                self._start_workers()
        if won:
            self._on_change()
        if problem is not None:
            raise problem
        return won

    def close_folders(self, roots: Collection[str]) -> None:
        """Give folders up; their workers go on for the others. May wait for a stop."""
        with self._lock:
            leaving = [f for f in self.folders if f.root in roots]
            self.folders = [f for f in self.folders if f.root not in roots]
            for folder in leaving:
                folder.database.close()
            self._give_up(leaving)

    def sync(
        self,
        folder: Folder,
        paths: Sequence[bytes] = (),
        *,
        rebuild: bool = False,
        deadline_s: float = SYNC_S,
    ) -> Pending[int]:
        """Bring the index up to what is on disk now; the answer is the commit number.

        `rebuild` makes the index anew, while the old one answers. Another owner is asked for it.
        """
        removed.notice(self.folders, self._token, self._retire)
        folder.require()
        if not folder.owned:
            return folder.ask_sync(tuple(paths), deadline_s, rebuild=rebuild)
        asked(self._manager)
        with self._lock:
            message, done = self._syncs.add(folder.paths.id, paths, deadline_s, rebuild=rebuild)
            watcher = self._watcher
        if watcher is not None and watcher.state is WorkerState.READY:
            watcher.send(message)  # else it is sent when the watcher is ready
        return Pending(done, "sync", deadline_s, lambda: self._syncs.forget(message.request))

    def require(self, folder: Folder) -> CodeDatabase:
        """Return a folder's database because a person asks for something.

        Workers that were given up get another chance. Raises StorageError when there is none.
        """
        asked(self._manager)
        removed.notice(self.folders, self._token, self._retire)
        return folder.require()

    def near(self, files: Sequence[tuple[Folder, bytes]]) -> None:
        """Say which files are open in the editor: those near them are embedded first."""
        self.open_files.tell(self.folders, files)

    def hint(self, files: Sequence[tuple[Folder, bytes]]) -> None:
        """Tell the watcher of files that may have changed; it looks at the disk."""
        for folder in {folder for folder, _ in files}:
            changed = tuple(path for its, path in files if its is folder)
            if not folder.owned:
                folder.database.ask_owner(AskOwner("hint", changed))
            elif self._watcher is not None:
                self._watcher.send(control.Hint(folder.paths.id, changed))

    def set_paused(self, *, paused: bool, onward: bool = True) -> None:
        """Stop background work, or go on with it. Searching and the user's own sync go on.

        `onward`: the owners of joined folders are asked too; one of them may be who asks.
        """
        with self._lock:
            self._paused = paused
            message: control.Down = control.Pause() if paused else control.Resume()
            for handle in (self._watcher, self._vectorizer):
                if handle is not None:
                    handle.send(message)
            self._mark_paused()
        for folder in self.folders if onward else ():
            if not folder.owned:
                folder.ask_pause(paused=paused)
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
            old, new = attrs.asdict(before, recurse=False), attrs.asdict(settings, recurse=False)
            changed = {name for name, value in new.items() if value != old[name]}
            if changed & {"exclude", "max_file_kib", "log_level"}:
                self._start_watcher()
            if changed & {"model", "quality_model", "pause_on_battery", "log_level"}:
                self._start_vectorizer()
        self._on_change()

    def facts(self, folder: Folder, stats: IndexStats | None = None) -> Facts:
        """Return the folder's facts, newer counters from the database noted with their time."""
        facts = folder.facts
        if stats is not None:
            folder.count(stats, time.time())
        if not folder.owned:
            return facts
        facts.left_out = left_out(self._manager)
        facts.failed_workers = failed(self.worker_status(), folder.paths.id)
        return facts

    def worker_status(self) -> list[WorkerStatus]:
        """Describe the workers of this process."""
        return self._manager.get_worker_status()

    def close(self, timeout: float = 1.2) -> None:
        """Stop all workers within `timeout` seconds and give the folders up."""
        # A change of settings holds the lock while it waits for a stop, which may take as long.
        free = self._lock.acquire(timeout=timeout * 0.1)
        closed, self._closed = self._closed, True
        if free:
            self._lock.release()
        if closed:
            return
        self._keeper.close()
        self._manager.stop_all_workers(timeout)
        for folder in self.folders:
            folder.database.close()
            folder.lock.release()
        for _, future in self._syncs.take():
            settle(future, WorkerUnavailable("The server is shutting down"))

    def _start_workers(self) -> None:
        """Start watcher and vectorization for what is owned now; others are replaced."""
        self._mark_paused()
        self._start_watcher()
        self._start_vectorizer()

    def _start_watcher(self) -> None:
        self._manager.stop_worker_type(WorkerType.FILE_WATCHER)
        for folder in self._kept():
            folder.facts.phase, folder.facts.reconciled = "starting", False
        self._watcher = self._anew(self._manager.start_file_watcher_worker)

    def _start_vectorizer(self) -> None:
        self._manager.stop_worker_type(WorkerType.VECTORIZATION)
        for folder in self._kept():
            folder.facts.forget_model()
        self._vectorizer = self._anew(self._manager.start_vectorization_worker)

    def _anew(self, start: Callable[..., WorkerHandle]) -> WorkerHandle | None:
        """Start a worker for what is owned now; None where that is nothing."""
        if self._closed or not (kept := self._kept()):
            return None
        return start(
            [folder.paths for folder in kept],
            self._token,
            attrs.evolve(self._settings, paused=self._paused),
            mode=self._mode,
            listener=self._listen,
        )

    def _kept(self) -> list[Folder]:
        """Return the folders that workers are for: not one that is just being given up."""
        return [f for f in self.folders if f.paths.directory in self._indexes]

    def _mark_paused(self) -> None:
        for folder in self.folders:
            if folder.owned:
                folder.mark_paused(paused=self._paused)

    def _listen(self, handle: WorkerHandle, message: control.Up) -> None:
        """Take what a worker sent; runs on that worker's reader thread."""
        removed.notice(self.folders, self._token, self._retire)
        if isinstance(message, control.NeedDatabase):
            threading.Thread(
                target=self._give_database, args=(handle, message), daemon=True
            ).start()
        elif isinstance(message, control.Ready):
            self._ready(handle, message)
        elif isinstance(message, control.Synced):
            self._syncs.done(message)
        elif isinstance(message, control.OwnerAsked):
            answer(self, self._served_by(handle), handle, message)
        elif isinstance(message, control.Outdated):
            self._retire(self._served_by(handle), OUTDATED_REST_S)
        else:
            for folder in self.folders:
                if folder.owned:
                    folder.note(message)
            if self._watcher is not None:
                removed.fill(message, self._watcher)
        self._on_change()

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
            if handle.type is WorkerType.VECTORIZATION:
                handle.send(self.open_files.message())
            elif handle.type is WorkerType.FILE_WATCHER:
                for waiting in self._syncs.waiting():
                    handle.send(waiting)
            elif self._watcher is not None:
                removed.look_again(self.folders, served, self._watcher)

    # -- what other processes own ----------------------------------------------------------------

    def hand_over(self, folder: Folder) -> None:
        """Give an index up if it is kept for one command only: an editor wants it."""
        if self._mode is WatchMode.ONCE:
            self._retire(folder, HAND_OVER_REST_S)

    def _retire(self, folder: Folder | None, rest_s: float) -> None:
        """Give an index up to somebody who waits for it."""

        def go() -> None:
            with self._lock:
                if folder is not None and folder.owned and not self._closed:
                    folder.rests_until = time.monotonic() + rest_s
                    self._give_up([folder])
                    folder.facts = Facts()
                    folder.became_anothers()
            self._keeper.watch()

        # Not here: this is the reader thread of a worker that is to be stopped.
        threading.Thread(target=go, name="wherein-retire", daemon=True).start()

    def _served_by(self, handle: WorkerHandle) -> Folder | None:
        """Return the folder of a database worker, if it is ours."""
        served = handle.start_args.indexes[0].id
        return next((f for f in self.folders if f.paths.id == served and f.owned), None)

    def _give_up(self, folders: Sequence[Folder]) -> None:
        """Stop what serves folders and release them; the next owners are asked what was asked."""
        leaving = [folder for folder in folders if folder.owned]
        for folder in leaving:
            del self._indexes[folder.paths.directory]
        if leaving:
            self._start_workers()
        for folder in leaving:
            self._starter.stop(folder.paths.directory)
            folder.lock.release()
            self._syncs.hand_on(folder.paths.id, folder.ask_sync, SYNC_S)
