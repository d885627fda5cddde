"""The command `wherein/sync`: what is on disk now is searchable after the reply. In the server."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import msgspec

from wherein.commands.context import CommandContext, chosen
from wherein.errors import InvalidParams, UsageError

MAX_PATHS: Final = 1000


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The folder's URI (all folders without one), and URIs of files to look at first."""

    folder: str | None = None
    paths: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_PATHS)] = ()


class FolderRow(msgspec.Struct, frozen=True):
    """A folder and the commit number that holds what was on its disk."""

    folder: str
    commit: int


class Result(msgspec.Struct, frozen=True):
    """A row for each folder."""

    folders: list[FolderRow]


async def run(context: CommandContext, params: Params) -> Result:
    """Reconcile the folders, all at once. Raises the first error of any of them.

    Raises InvalidParams for a path that is in none of them.
    """
    folders = chosen(context, params.folder)
    if not folders:
        raise UsageError("No folder is open. Open the folder of a project first")
    inside: list[list[bytes]] = [[] for _ in folders]
    for uri in params.paths:
        found = [context.path_in(folder, uri) for folder in folders]
        if not any(found):
            raise InvalidParams("paths: one of them is not in a folder that is open here")
        for paths, path in zip(inside, found, strict=True):
            if path:
                paths.append(path)
    commits = await asyncio.gather(
        *(folder.sync(paths) for folder, paths in zip(folders, inside, strict=True))
    )
    return Result([FolderRow(f.root, c) for f, c in zip(folders, commits, strict=True)])
