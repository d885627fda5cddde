"""Keeper: stays joined to indexes that other processes own, and tries to own them when those go.

Runs in a hosting process, on a thread of its own that is started with the first such index.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from wherein.asking import AskOwner
from wherein.errors import StorageError, WhereinError, WorkerUnavailable
from wherein.folder import Folder
from wherein.ipc import transport
from wherein.ownership.joining import BRIEF_S, Pace, find_owner
from wherein.ownership.lock import read_owner


class Keeper:
    """Looks after the folders of `folders()` that this process does not own.

    `retry` tries for their locks. With `stays`, a command line that owns for long is asked to go.
    """

    def __init__(
        self, folders: Callable[[], Sequence[Folder]], retry: Callable[[], object], *, stays: bool
    ) -> None:
        self._folders = folders
        self._retry = retry
        self._stays = stays
        self._pace = Pace()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """Go on with the folders as they are now: there may be one that is not ours."""
        with self._lock:
            if self._thread is None and not all(folder.owned for folder in self._folders()):
                self._thread = threading.Thread(
                    target=self._keep, name="wherein-keeper", daemon=True
                )
                self._thread.start()

    def lost(self) -> None:
        """Note, on any thread, that a connection to a database worker broke."""
        self._pace.lost(time.monotonic())
        self._wake.set()

    def close(self) -> None:
        """Try for nothing any more."""
        self._closing.set()
        self._wake.set()

    def find(self, db_path: str) -> str:
        """Return where the database worker of another owner listens; "" once the index is ours.

        Raises WorkerUnavailable when there is no such folder, or no answer from its owner.
        """
        folder = next((f for f in self._folders() if f.paths.directory == db_path), None)
        if folder is None:
            raise WorkerUnavailable("This process does not own that index")
        return find_owner(folder.paths, _answers, lambda: folder.owned, self._closing)

    def _keep(self) -> None:
        while not self._closing.is_set():
            for folder in self._folders():
                if not folder.owned and not folder.unusable:
                    self._stay_joined(folder)
            self._wake.wait(self._pace.pause(time.monotonic()))
            if self._wake.is_set():  # somebody went: those who notice do not all try at once
                self._wake.clear()
                self._closing.wait(self._pace.pause(time.monotonic()))
            # What is wrong with a directory was told when its folder was opened.
            with contextlib.suppress(StorageError):
                self._retry()

    def _stay_joined(self, folder: Folder) -> None:
        """Keep a connection, whose end tells that the owner went; ask a brief owner to go."""
        if not folder.database.connected:
            folder.database.stats()  # connects on a thread of its own
        owner = read_owner(folder.paths)
        brief = owner is not None and owner.brief and time.time() - owner.since > BRIEF_S
        if brief and self._stays:
            folder.database.ask_owner(AskOwner("retire"))


def _answers(endpoint: str) -> bool:
    """Say whether something listens at an endpoint."""
    try:
        transport.connect(endpoint).close()
    except WhereinError:
        return False
    return True
