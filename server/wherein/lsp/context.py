"""The folders of this server as commands see them, under the names that the client uses.

Runs in the server process. A client may have opened a folder through a symbolic link: the index
knows the canonical path, and the client gets back the one it gave.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import Final

import msgspec

from wherein.commands.context import CommandFolder, Reindexing
from wherein.database.code_database import CodeDatabase
from wherein.domain import IndexStats
from wherein.errors import IndexBusy, UsageError, WhereinError
from wherein.folder import Folder
from wherein.host import IndexHost
from wherein.lsp.convert import Places, file_path
from wherein.paths import relative_to
from wherein.settings import Settings
from wherein.status import Facts

_OTHERS_S: Final = 2.0  # for another owner to list its workers


class ServedFolder:
    """One open folder, for commands."""

    def __init__(self, host: IndexHost, folder: Folder) -> None:
        self._host = host
        self.folder = folder

    @property
    def root(self) -> str:
        """The folder's canonical path."""
        return self.folder.root

    def require(self) -> CodeDatabase:
        """Return its database. Raises StorageError when the index cannot be used."""
        return self._host.require(self.folder)

    async def look(self, deadline_s: float) -> Facts:
        """Return what is known of the folder: what is new within so many seconds, else the last."""
        counting = self.folder.database.stats(deadline_s)
        if not self.folder.owned:
            try:
                await self.folder.ask_facts(deadline_s)
            except IndexBusy as problem:
                self.folder.refused(problem)
            except WhereinError:
                pass  # busy or slow: the last facts say so
        stats: IndexStats | None = None
        with contextlib.suppress(WhereinError):
            stats = await counting
        return self._host.facts(self.folder, stats)

    async def hint(self, paths: Sequence[bytes]) -> None:
        """Tell the watcher of files that may have changed."""
        await asyncio.to_thread(self._host.hint, [(self.folder, path) for path in paths])

    async def sync(self, paths: Sequence[bytes] = (), *, rebuild: bool = False) -> int:
        """Bring the index up to the disk; the answer is the commit number."""
        # In a thread: the host waits for a worker that is being stopped.
        return await (await asyncio.to_thread(self._host.sync, self.folder, paths, rebuild=rebuild))


class ServerContext:
    """What commands may use of the server. `names` maps canonical paths to the client's first own.

    `buffers` are the texts that stand in for files, by the folder's root and the file's path.
    """

    def __init__(self, host: IndexHost) -> None:
        self.host = host
        self.names: dict[str, bytes] = {}
        self._opened: dict[str, list[bytes]] = {}  # by canonical path: all that the client uses
        self.buffers: dict[tuple[str, bytes], bytes] = {}
        self.reindexing: Reindexing | None = None

    @property
    def settings(self) -> Settings:
        """The settings of now."""
        return self.host.settings

    @property
    def folders(self) -> list[ServedFolder]:
        """The open folders."""
        return [ServedFolder(self.host, folder) for folder in self.host.folders]

    def find(self, uri: str) -> ServedFolder | None:
        """Return the open folder that has this URI."""
        try:
            path = file_path(uri)
        except UsageError:
            return None
        real = os.path.realpath(os.fsdecode(path))
        for folder in self.folders:
            if path in self._opened.get(folder.root, ()) or real == folder.root:
                return folder
        return None

    def name(self, root: str, path: bytes) -> None:
        """Note that the client opened a folder by this path."""
        paths = self._opened.setdefault(root, [])
        if path not in paths:
            paths.append(path)
        self.names[root] = paths[0]

    def forget(self, uri: str) -> str | None:
        """Note that the client closed a folder; returns its root when no name of it is left."""
        folder = self.find(uri)
        if folder is None:
            return None
        paths = self._opened.get(folder.root, [])
        if len(paths) > 1:
            path = file_path(uri)
            paths.remove(path if path in paths else paths[-1])
            self.names[folder.root] = paths[0]
            return None
        self._opened.pop(folder.root, None)
        self.names.pop(folder.root, None)
        return folder.root

    def path_in(self, folder: CommandFolder, uri: str) -> bytes | None:
        """Return the path of a file as the folder's index names it; None when it lies outside."""
        try:
            path = file_path(uri)
        except UsageError:
            return None
        for name in self._opened.get(folder.root, ()):
            if inside := relative_to(os.fsdecode(name), path):
                return inside
        return relative_to(folder.root, path)

    def locate(self, uri: str) -> tuple[Folder, bytes] | None:
        """Return the folder that a file belongs to, the innermost, and its path in the index."""
        return next(iter(self.places_of(uri)), None)

    def places_of(self, uri: str) -> list[tuple[Folder, bytes]]:
        """Return the folders that a file lies in, the innermost first, with its paths there."""
        found = [
            (served.folder, path)
            for served in self.folders
            if (path := self.path_in(served, uri)) is not None
        ]
        return sorted(found, key=lambda pair: len(pair[1]))

    async def set_paused(self, *, paused: bool) -> None:
        """Hold background work, or go on with it; in a thread, as the host may wait for a stop."""
        await asyncio.to_thread(self.host.set_paused, paused=paused)

    async def worker_status(self) -> Sequence[msgspec.Struct]:
        """Describe the worker processes, those of other owners included."""
        found = {status.pid or -n: status for n, status in enumerate(self.host.worker_status(), 1)}
        for folder in self.host.folders:
            if not folder.owned:
                with contextlib.suppress(WhereinError):
                    others = await folder.ask_workers(_OTHERS_S)
                    found |= {status.pid or -len(found): status for status in others}
        return list(found.values())

    def places(self, encoding: str) -> Places:
        """Make what turns hits into URIs and ranges, for one reply."""
        return Places(dict(self.names), encoding, dict(self.buffers))
