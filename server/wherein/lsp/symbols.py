"""workspace/symbol: definitions by name and, where the query reads like a question, by meaning.

Runs in the server process.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lsprotocol import types

from wherein.commands import search, symbols
from wherein.lsp import convert
from wherein.lsp.context import ServerContext

LIMIT: Final = 100
_QUESTION_WORDS: Final = 3


async def workspace_symbols(
    context: ServerContext, query: str, encoding: str
) -> list[types.WorkspaceSymbol]:
    """Answer the editor's symbol box. Raises a folder's error when no folder can answer."""
    if not query.strip() or len(query) > symbols.MAX_QUERY or not context.folders:
        return []
    found = (await symbols.run(context, symbols.Params(query=query, limit=LIMIT))).found
    places = context.places(encoding)
    if not found and len(query.split()) >= _QUESTION_WORDS:
        meant = await search.run(context, search.Params(query=query, snippet_lines=0))
        return await asyncio.to_thread(
            lambda: [convert.symbol_of_hit(hit, places) for hit in meant.found]
        )
    return await asyncio.to_thread(
        lambda: [convert.symbol_of(each.root, each.symbol, places) for each in found]
    )
