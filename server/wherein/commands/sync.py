"""The command `wherein/sync`: what is on disk now is searchable after the reply. In the server."""

from __future__ import annotations

import asyncio

import msgspec

from wherein.commands.context import CommandContext, chosen
from wherein.errors import UsageError


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The folder's URI (all folders without one), and URIs of files to look at first."""

    folder: str | None = None
    paths: tuple[str, ...] = ()


class FolderRow(msgspec.Struct, frozen=True):
    """A folder and the commit number that holds what was on its disk."""

    folder: str
    commit: int


class Result(msgspec.Struct, frozen=True):
    """A row for each folder."""

    folders: list[FolderRow]


async def run(context: CommandContext, params: Params) -> Result:
    """Reconcile the folders, all at once. Raises the first error of any of them."""
    folders = chosen(context, params.folder)
    if not folders:
        raise UsageError("No folder is open. Open the folder of a project first")
    waiting = []
    for folder in folders:
        inside = (context.path_in(folder, uri) for uri in params.paths)
        waiting.append(folder.sync([path for path in inside if path]))
    commits = await asyncio.gather(*waiting)
    return Result([FolderRow(f.root, c) for f, c in zip(folders, commits, strict=True)])
