"""Indexes whose directory is removed while they are in use. Runs in the hosting process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

from wherein.errors import StorageError
from wherein.folder import Folder
from wherein.ipc import control
from wherein.workers.handle import WorkerHandle

logger = logging.getLogger(__name__)


def notice(
    folders: Sequence[Folder], token: bytes, retire: Callable[[Folder, float], None]
) -> None:
    """Make the lock of an owned index anew where it was removed; retire where another took it."""
    for folder in folders:
        try:
            if folder.owned and not folder.lock.keep(token):
                retire(folder, 0.0)
        except StorageError as error:
            logger.warning("an index cannot be made anew: %s", error)


def fill(message: control.Up, watcher: WorkerHandle) -> None:
    """Have an index that is being rebuilt filled from the disk; nobody waits for the answer."""
    if isinstance(message, control.State) and message.name == "rebuilding" and message.reason:
        watcher.send(control.Sync(0, message.root))


def look_again(folders: Sequence[Folder], served: Collection[str], watcher: WorkerHandle) -> None:
    """Have folders looked at whose database worker is another than before: so may be the index.

    What an index that was removed lacks is seen by a whole look only. `served` are ids of indexes.
    """
    for folder in folders:
        if folder.paths.id in served and folder.facts.reconciled:
            watcher.send(control.Hint(folder.paths.id, ()))
