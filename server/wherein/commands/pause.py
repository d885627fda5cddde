"""The commands `wherein/pause` and `wherein/resume`: hold background work, go on. In the server.

While paused nothing is scanned, read or embedded; questions are answered from what is indexed, and
the person's own `wherein/sync` and `wherein/reindex` still work.
"""

from __future__ import annotations

import msgspec

from wherein.commands.context import CommandContext
from wherein.errors import UsageError, WhereinError


class Params(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Nothing is asked for: all folders of this server are meant."""


class Result(msgspec.Struct, frozen=True):
    """How it is now."""

    paused: bool


async def pause(context: CommandContext, params: Params) -> Result:
    """Hold background work. Raises IndexBusy when another process does the work of all folders."""
    return await _set(context, paused=True)


async def resume(context: CommandContext, params: Params) -> Result:
    """Go on with background work."""
    return await _set(context, paused=False)


async def _set(context: CommandContext, *, paused: bool) -> Result:
    if not context.folders:
        raise UsageError("No folder is open. Open the folder of a project first")
    problems = []
    for folder in context.folders:
        try:
            folder.require()
        except WhereinError as problem:
            problems.append(problem)
    if len(problems) == len(context.folders):
        raise problems[0]
    await context.set_paused(paused=paused)
    return Result(paused)
