"""The command `wherein/workers`: the worker processes that serve the folders. Runs in the server.

Those of a folder that this server has joined are its owner's; each row names the process.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherein.commands.context import CommandContext
from wherein.settings import camel


class Params(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Nothing is asked for."""


class Result(msgspec.Struct, frozen=True):
    """Each worker's `WorkerStatus`, with the names that go over the wire."""

    workers: list[dict[str, Any]]


async def run(context: CommandContext, params: Params) -> Result:
    """List the workers."""
    rows = [msgspec.to_builtins(status) for status in await context.worker_status()]
    return Result([{camel(name): value for name, value in row.items()} for row in rows])
