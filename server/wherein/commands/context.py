"""What a command is given: the folders of this server, and nothing of how they are served.

A command reaches an index through `CodeDatabase` only. Runs in the server process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from wherein.database.code_database import CodeDatabase
from wherein.errors import InvalidParams
from wherein.settings import Settings
from wherein.status import Facts


class CommandFolder(Protocol):
    """One open folder."""

    @property
    def root(self) -> str:
        """The folder's canonical path."""

    def require(self) -> CodeDatabase:
        """Return its database. Raises StorageError when the index cannot be used."""

    async def look(self, deadline_s: float) -> Facts:
        """Return what is known of the folder: what is new within so many seconds, else the last."""

    async def hint(self, paths: Sequence[bytes]) -> None:
        """Say that files may have changed on disk, without waiting for the index to follow."""

    def sync(self, paths: Sequence[bytes] = (), *, rebuild: bool = False) -> Awaitable[int]:
        """Bring the index up to the disk; the answer is the commit number."""


class Reindexing(msgspec.Struct):
    """A background job that reads and writes every file of its folders again."""

    number: int
    roots: list[str]
    task: asyncio.Task[None]


class CommandContext(Protocol):
    """What commands may use of the server."""

    reindexing: Reindexing | None
    """The last reindex job, finished or not."""

    @property
    def settings(self) -> Settings:
        """The settings of now."""

    @property
    def folders(self) -> Sequence[CommandFolder]:
        """The open folders."""

    def find(self, uri: str) -> CommandFolder | None:
        """Return the open folder that has this URI."""

    def path_in(self, folder: CommandFolder, uri: str) -> bytes | None:
        """Return the path of a file as the folder's index names it; None when it lies outside."""

    async def set_paused(self, *, paused: bool) -> None:
        """Hold background work, or go on with it."""

    async def worker_status(self) -> Sequence[msgspec.Struct]:
        """Describe the worker processes, those of other owners included."""


def chosen(context: CommandContext, uri: str | None) -> list[CommandFolder]:
    """Return the folder that a request names, or all of them. Raises InvalidParams for others."""
    if uri is None:
        return list(context.folders)
    folder = context.find(uri)
    if folder is None:
        raise InvalidParams("folder: not one of the folders that are open here")
    return [folder]


def holding(context: CommandContext, uri: str) -> tuple[CommandFolder, bytes]:
    """Return the innermost open folder that a file lies in, and its path in there.

    Raises InvalidParams for a file that lies in none.
    """
    inside = [
        (folder, path)
        for folder in context.folders
        if (path := context.path_in(folder, uri)) is not None
    ]
    if not inside:
        raise InvalidParams("uri: not a file below the folders that are open here")
    return min(inside, key=lambda pair: len(pair[1]))
