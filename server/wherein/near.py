"""The files that are open in the editors of an index, those of the windows that joined it too.

What is near them is embedded first. Runs in the hosting process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Final

from wherein.asking import AskOwner
from wherein.folder import Folder
from wherein.ipc import control

_WINDOWS: Final = 64  # whose open files are kept in mind; who told last comes first


class Near:
    """Open files, by the process that has them open. `send` reaches the vectorization worker."""

    def __init__(self, send: Callable[[control.Near], object]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._open: dict[tuple[int, str], tuple[bytes, ...]] = {}

    def tell(self, folders: Sequence[Folder], files: Sequence[tuple[Folder, bytes]]) -> None:
        """Say which files of these folders are open in this process's editor."""
        for folder in folders:
            paths = tuple(path for its, path in files if its is folder)
            asked = AskOwner("near", paths, asker=os.getpid())
            # Whoever owns the index next, this process too, hears of it as soon as it serves.
            folder.database.keep_near(asked, now=not folder.owned)
            if folder.owned:
                self.heard(folder, asked)

    def heard(self, folder: Folder, asked: AskOwner) -> None:
        """Note what one process has open in a folder that is owned here."""
        with self._lock:
            self._open.pop((asked.asker, folder.paths.id), None)
            if asked.paths:
                self._open[asked.asker, folder.paths.id] = asked.paths
            while len(self._open) > _WINDOWS:
                del self._open[next(iter(self._open))]
        self._send(self.message())

    def message(self) -> control.Near:
        """Return what the vectorization worker is told."""
        with self._lock:
            newest = reversed(self._open.items())
            return control.Near(
                tuple((root, path) for (_, root), open_ in newest for path in open_)
            )
