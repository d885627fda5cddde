"""What an owner answers to the processes that joined its index. Runs in the hosting process.

The questions come through the database worker and up its control pipe; see
`db_worker/relay.py`.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Sequence
from typing import Protocol

import msgspec

from wherein.errors import WhereinError, WorkerUnavailable, to_fault
from wherein.folder import Folder
from wherein.ipc import control
from wherein.ipc.pending import Pending
from wherein.near import Near
from wherein.status import Facts
from wherein.workers.handle import WorkerHandle, WorkerStatus

_encode = msgspec.msgpack.Encoder().encode


class Owner(Protocol):
    """What of `IndexHost` is used here."""

    open_files: Near

    def sync(
        self,
        folder: Folder,
        paths: Sequence[bytes] = (),
        *,
        rebuild: bool = False,
        deadline_s: float = 0.0,
    ) -> Pending[int]:
        """Bring the index up to the disk."""

    def facts(self, folder: Folder) -> Facts:
        """Return what is known of a folder."""

    def worker_status(self) -> list[WorkerStatus]:
        """Describe the workers."""

    def hint(self, files: Sequence[tuple[Folder, bytes]]) -> None:
        """Tell the watcher of files that may have changed."""

    def set_paused(self, *, paused: bool, onward: bool = True) -> None:
        """Hold background work, or go on with it."""

    def hand_over(self, folder: Folder) -> None:
        """Give an index up if it is kept for one command only."""


def answer(
    owner: Owner, folder: Folder | None, via: WorkerHandle, message: control.OwnerAsked
) -> None:
    """Do what was asked of `folder`'s owner and send the answer down; does not block."""
    asked = message.asked
    said: object = None
    if folder is None:
        changing = to_fault(WorkerUnavailable("The index is changing hands"))
        via.send(control.OwnerSays(message.request, changing))
        return
    try:
        if asked.what == "sync":
            pending = owner.sync(
                folder, asked.paths, rebuild=asked.rebuild, deadline_s=asked.wait_s
            )
            pending.future.add_done_callback(lambda done: via.send(_synced(message.request, done)))
            return
        if asked.what == "facts":
            said = owner.facts(folder)
        elif asked.what == "workers":
            said = owner.worker_status()
        elif asked.what == "hint":
            owner.hint([(folder, path) for path in asked.paths])
        elif asked.what == "near":
            owner.open_files.heard(folder, asked)
        elif asked.what in ("pause", "resume"):
            owner.set_paused(paused=asked.what == "pause", onward=False)
        else:
            owner.hand_over(folder)
    except WhereinError as error:
        via.send(control.OwnerSays(message.request, to_fault(error)))
    else:
        via.send(control.OwnerSays(message.request, None, _encode(said)))


def _synced(request: int, done: concurrent.futures.Future[int]) -> control.OwnerSays:
    error = None if done.cancelled() else done.exception()
    if done.cancelled() or error is not None:
        return control.OwnerSays(request, to_fault(error or WorkerUnavailable("It was cancelled")))
    return control.OwnerSays(request, None, _encode(done.result()))
