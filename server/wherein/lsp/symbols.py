"""workspace/symbol: definitions by name and, where the query reads like a question, by meaning.

Runs in the server process.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lsprotocol import types

from wherein.commands import search
from wherein.domain import FoundSymbol, SymbolQuery
from wherein.errors import WhereinError
from wherein.lsp import convert
from wherein.lsp.context import ServedFolder, ServerContext

LIMIT: Final = 100
_QUESTION_WORDS: Final = 3
_MAX_QUERY: Final = search.MAX_QUERY


async def workspace_symbols(
    context: ServerContext, query: str, encoding: str
) -> list[types.WorkspaceSymbol]:
    """Answer the editor's symbol box. Raises a folder's error when no folder can answer."""
    folders = context.folders
    if not query.strip() or len(query) > _MAX_QUERY or not folders:
        return []
    answers = await asyncio.gather(
        *(_by_name(folder, query) for folder in folders), return_exceptions=True
    )
    found: list[tuple[str, FoundSymbol]] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            if not isinstance(answer, WhereinError):
                raise answer
        else:
            found += answer
    if all(isinstance(answer, BaseException) for answer in answers):
        raise next(answer for answer in answers if isinstance(answer, BaseException))
    places = context.places(encoding)
    if not found and len(query.split()) >= _QUESTION_WORDS:
        meant = await search.run(context, search.Params(query=query, snippet_lines=0))
        return await asyncio.to_thread(
            lambda: [convert.symbol_of_hit(hit, places) for hit in meant.found]
        )
    return await asyncio.to_thread(
        lambda: [convert.symbol_of(root, symbol, places) for root, symbol in found[:LIMIT]]
    )


async def _by_name(folder: ServedFolder, query: str) -> list[tuple[str, FoundSymbol]]:
    answer = await folder.require().find_symbols(SymbolQuery(query, LIMIT))
    return [(folder.root, symbol) for symbol in answer.symbols]
