"""The command `wherein/symbols`: definitions by name, as typed. Runs in the server process."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import msgspec

from wherein.commands.context import CommandContext, CommandFolder, chosen
from wherein.domain import FoundSymbol, SymbolQuery
from wherein.errors import UsageError, WhereinError

MAX_QUERY: Final = 4096  # characters
MAX_LIMIT: Final = 1_000


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A name or a part of one; `Uploader.ret` asks for `ret` inside `Uploader`. A folder's URI."""

    query: Annotated[str, msgspec.Meta(max_length=MAX_QUERY)]
    limit: int = 100
    folder: str | None = None


class Found(msgspec.Struct, frozen=True):
    """A symbol and the folder it lies in."""

    root: str
    symbol: FoundSymbol


class Result(msgspec.Struct, frozen=True):
    """Symbols, best match first within each folder; sentences on folders that did not answer."""

    found: list[Found]
    notes: list[str]


async def run(context: CommandContext, params: Params) -> Result:
    """Ask every chosen folder at once; their answers take turns.

    A folder that cannot answer becomes a note; its error is raised when no folder can.
    """
    folders = chosen(context, params.folder)
    if not folders:
        raise UsageError("No folder is open. Open the folder of a project first")
    limit = min(max(params.limit, 1), MAX_LIMIT)
    answers = await asyncio.gather(
        *(_ask(folder, SymbolQuery(params.query, limit)) for folder in folders),
        return_exceptions=True,
    )
    ranked: list[tuple[int, Found]] = []
    problems: list[WhereinError] = []
    for answer in answers:
        if isinstance(answer, WhereinError):
            problems.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            ranked += enumerate(answer)
    if len(problems) == len(folders):
        raise problems[0]
    ranked.sort(key=lambda pair: pair[0])
    return Result([found for _, found in ranked][:limit], [str(problem) for problem in problems])


async def _ask(folder: CommandFolder, query: SymbolQuery) -> list[Found]:
    answer = await folder.require().find_symbols(query)
    return [Found(folder.root, symbol) for symbol in answer.symbols]
