"""The command `wherein/similar`: code like that of a place, or like a text. Runs in the server.

One frame goes to the index that the file is in; a text of no file is asked of every folder.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Final

import msgspec

from wherein.commands import search
from wherein.commands.context import CommandContext, CommandFolder, chosen
from wherein.commands.ranges import Range
from wherein.domain import Kind, SearchQuery, SearchResponse, SimilarQuery
from wherein.errors import InvalidParams, UsageError
from wherein.paths import to_uri

_UINT: Final = 2**31 - 1  # of the protocol
MAX_TEXT: Final = 1 << 18  # characters; only the first of them count
BUDGET_MS: Final = 1_000  # for the model, which may be a slow one and may be in the middle of work


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A place: a file by `uri`, or by `path` below `folder` (a URI), and whole lines of it.

    Without `range` all of the file; an empty range stands for the definition around it. `text` is
    what stands there now, where that differs from the disk, or all there is without a file.
    """

    uri: str | None = None
    path: str | None = None
    range: Range | None = None
    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] | None = None
    limit: int = 10
    paths: search.Filters = ()
    languages: search.Filters = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=search.MAX_FILTERS)] = ()
    folder: str | None = None
    snippet_lines: int = 3


async def run(context: CommandContext, params: Params) -> search.Result:
    """Ask the folder that the file is in.

    Raises InvalidParams when the file is in no folder or its index does not have it.
    """
    folders = chosen(context, params.folder)
    if not folders:
        raise UsageError("No folder is open. Open the folder of a project first")
    query = SimilarQuery(
        search=SearchQuery(
            text="",
            limit=min(max(params.limit, 1), search.MAX_LIMIT),
            paths=params.paths,
            languages=params.languages,
            kinds=tuple(kind.value for kind in params.kinds),
            budget_ms=BUDGET_MS,
            snippet_lines=min(max(params.snippet_lines, 0), search.MAX_SNIPPET_LINES),
        ),
        text=params.text or "",
    )
    if params.uri is not None or params.path is not None:
        folder, path = _locate(context, params, folders)
        start, end, around = _lines(params.range)
        query = msgspec.structs.replace(
            query, path=path, start_line=start, end_line=end, around=around
        )
        answer = await folder.require().similar(query)
        return search.merge([(folder.root, answer)], query.search.limit, [])
    if not params.text:
        raise InvalidParams("uri: name a file (by uri or path), or give a text")
    if params.range is not None:
        raise InvalidParams("range: belongs to a file; name it by uri or path")
    answers = await asyncio.gather(
        *(_ask(folder, query) for folder in folders), return_exceptions=True
    )
    return search.merged(folders, answers, query.search.limit)


async def _ask(folder: CommandFolder, query: SimilarQuery) -> SearchResponse:
    return await folder.require().similar(query)


def _locate(
    context: CommandContext, params: Params, folders: list[CommandFolder]
) -> tuple[CommandFolder, bytes]:
    """Find the innermost folder that a file is in, and its path there."""
    if params.uri is not None and params.path is not None:
        raise InvalidParams("path: give either uri or path")
    found: list[tuple[CommandFolder, bytes]] = []
    field = "uri" if params.uri is not None else "path"
    for folder in folders:
        uri = params.uri
        if uri is None:
            uri = to_uri(os.fsencode(f"{folder.root}/{params.path}"))
        path = context.path_in(folder, uri)
        if path:
            found.append((folder, path))
    if not found:
        raise InvalidParams(f"{field}: not a file in a folder that is open here")
    if field == "path" and len(found) > 1:
        raise InvalidParams("folder: say which folder the path is below")
    return min(found, key=lambda pair: len(pair[1]))


def _lines(span: Range | None) -> tuple[int, int, bool]:
    """Turn a range into lines from 1, both included, and whether it stands for what is around."""
    if span is None:
        return 0, 0, False
    start, end = span.start, span.end
    numbers = (start.line, start.character, end.line, end.character)
    if min(numbers) < 0 or max(numbers) > _UINT:
        raise InvalidParams(
            "range: lines and characters are counted from 0 and are no larger than 2^31 - 1"
        )
    if (end.line, end.character) < (start.line, start.character):
        raise InvalidParams("range: ends before it begins")
    last = end.line
    if end.character == 0 and end.line > start.line:
        last -= 1  # a selection of whole lines ends at the start of the next one
    return start.line + 1, last + 1, start == end
