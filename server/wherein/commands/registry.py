"""The table of commands: how each is called, what it takes, and what runs it. In the server.

A new command is a module beside this one and a row here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from wherein.commands import (
    explain,
    pause,
    reindex,
    search,
    similar,
    status,
    symbols,
    sync,
    why,
    workers,
)
from wherein.commands.context import CommandContext


class Command(msgspec.Struct, frozen=True):
    """One row: `method` is its request, `name` its workspace/executeCommand command.

    `of_text`: the answer depends on what is in the editor's buffers.
    """

    method: str
    name: str
    params: type[msgspec.Struct]
    run: Callable[[CommandContext, Any], Awaitable[msgspec.Struct]]
    of_text: bool = False


COMMANDS: Final = (
    Command("wherein/search", "wherein.search", search.Params, search.run, of_text=True),
    Command("wherein/similar", "wherein.similar", similar.Params, similar.run, of_text=True),
    Command("wherein/symbols", "wherein.symbols", symbols.Params, symbols.run, of_text=True),
    Command("wherein/explain", "wherein.explain", explain.Params, explain.run, of_text=True),
    Command("wherein/why", "wherein.why", why.Params, why.run),
    Command("wherein/status", "wherein.status", status.Params, status.run),
    Command("wherein/workers", "wherein.workers", workers.Params, workers.run),
    Command("wherein/sync", "wherein.sync", sync.Params, sync.run),
    Command("wherein/reindex", "wherein.reindex", reindex.Params, reindex.run),
    Command("wherein/pause", "wherein.pause", pause.Params, pause.pause),
    Command("wherein/resume", "wherein.resume", pause.Params, pause.resume),
)
