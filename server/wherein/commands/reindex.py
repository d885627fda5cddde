"""The command `wherein/reindex`: read and write every file again, in the background. In the server.

There is one such job at a time; asking again while it runs names the same job.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from wherein.commands.context import CommandContext, CommandFolder, Reindexing, chosen
from wherein.errors import UsageError, WhereinError

logger = logging.getLogger(__name__)


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The folder's URI; all folders without one."""

    folder: str | None = None


class Result(msgspec.Struct, frozen=True):
    """A job runs now; `already` says that it had been started before."""

    started: bool
    job: int
    already: bool
    folders: list[str]


async def run(context: CommandContext, params: Params) -> Result:
    """Start the job, or name the one that runs."""
    folders = chosen(context, params.folder)
    job = context.reindexing
    if job is not None and not job.task.done():
        return Result(started=True, job=job.number, already=True, folders=job.roots)
    if not folders:
        raise UsageError("No folder is open. Open the folder of a project first")
    for folder in folders:
        folder.require()
    number = 1 if job is None else job.number + 1
    task = asyncio.create_task(_work(folders), name=f"reindex {number}")
    roots = [folder.root for folder in folders]
    context.reindexing = Reindexing(number, roots, task)
    return Result(started=True, job=number, already=False, folders=roots)


async def _work(folders: list[CommandFolder]) -> None:
    for folder in folders:
        try:
            await folder.sync(rebuild=True)
        except WhereinError as error:
            logger.warning("reindexing stopped: %s", error)
