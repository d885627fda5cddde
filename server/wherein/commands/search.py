"""The command `wherein/search`: one question to the index of each folder. Runs in the server.

One frame goes to each folder's database. The answers of several folders are merged by reciprocal
rank, since scores of two indexes do not compare.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from wherein.commands.context import CommandContext, CommandFolder, chosen
from wherein.domain import Coverage, Kind, Mode, Quality, SearchHit, SearchQuery, SearchResponse
from wherein.errors import UsageError, WhereinError
from wherein.settings import Settings

MAX_QUERY: Final = 4096  # characters
MAX_LIMIT: Final = 100
MAX_SNIPPET_LINES: Final = 100
MAX_FILTERS: Final = 100
_RANK_OFFSET: Final = 60  # the usual constant of reciprocal rank fusion

Filters = Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_FILTERS)]


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A question and its filters; `folder` is a URI. Numbers out of range are brought into it.

    `quality` asks a second model for its opinion of the best answers, or not; None: as it is set.
    """

    query: Annotated[str, msgspec.Meta(max_length=MAX_QUERY)]
    limit: int = 10
    paths: Filters = ()
    languages: Filters = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=MAX_FILTERS)] = ()
    mode: Mode = Mode.HYBRID
    folder: str | None = None
    snippet_lines: int = 3
    wait_fresh: bool = False
    quality: bool | None = None


class Found(msgspec.Struct, frozen=True):
    """A hit and the folder it lies in. `score` orders the whole answer."""

    root: str
    hit: SearchHit
    score: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The answer over all folders, best first; `commit` is the newest that it reflects."""

    found: list[Found]
    coverage: Coverage
    notes: list[str]
    commit: int
    timings_us: dict[str, int]  # microseconds of each stage, of the slowest folder


async def run(context: CommandContext, params: Params) -> Result:
    """Ask every chosen folder at once.

    A folder that cannot answer becomes a note; its error is raised when no folder can.
    """
    folders = chosen(context, params.folder)
    if not folders:
        raise UsageError("No folder is open. Open the folder of a project first")
    query = SearchQuery(
        text=params.query,
        limit=min(max(params.limit, 1), MAX_LIMIT),
        paths=params.paths,
        languages=params.languages,
        kinds=tuple(kind.value for kind in params.kinds),
        mode=params.mode,
        embed_ms=context.settings.answer_budget_ms,
        quality=quality_of(params.quality, context.settings),
        snippet_lines=min(max(params.snippet_lines, 0), MAX_SNIPPET_LINES),
    )
    answers = await asyncio.gather(
        *(_ask(folder, query, fresh=params.wait_fresh) for folder in folders),
        return_exceptions=True,
    )
    return merged(folders, answers, query.limit)


def quality_of(asked: bool | None, settings: Settings) -> Quality:
    """Return when to ask the second model, by what this question says and by the setting."""
    if asked is None:
        return Quality(settings.quality)
    return Quality.ON if asked else Quality.OFF


async def _ask(folder: CommandFolder, query: SearchQuery, *, fresh: bool) -> SearchResponse:
    if fresh:
        await folder.sync()
    answer = await folder.require().search(query)
    stale = list(dict.fromkeys(hit.path for hit in answer.hits if hit.stale))
    if stale:
        await folder.hint(stale)
    return answer


def merged(
    folders: Sequence[CommandFolder],
    answers: Sequence[SearchResponse | BaseException],
    limit: int,
) -> Result:
    """Put together what the folders gave, in their order; errors become notes, if any answered."""
    answered: list[tuple[str, SearchResponse]] = []
    problems: list[WhereinError] = []
    for folder, answer in zip(folders, answers, strict=True):
        if isinstance(answer, SearchResponse):
            answered.append((folder.root, answer))
        elif isinstance(answer, WhereinError):
            problems.append(answer)
        else:
            raise answer
    if not answered:
        raise problems[0]
    return merge(answered, limit, [str(problem) for problem in problems])


def merge(answers: list[tuple[str, SearchResponse]], limit: int, problems: list[str]) -> Result:
    """Put the answers of the folders into one; a single one keeps its order and scores."""
    if len(answers) == 1:
        ((root, answer),) = answers
        found = [Found(root, hit, hit.score) for hit in answer.hits]
    else:
        found = [
            Found(root, hit, 1 / (_RANK_OFFSET + rank))
            for root, answer in answers
            for rank, hit in enumerate(answer.hits, start=1)
        ]
        found.sort(key=lambda item: -item.score)
    notes = [note for _, answer in answers for note in answer.notes] + problems
    return Result(
        found=found[:limit],
        coverage=Coverage(
            files=sum(answer.coverage.files for _, answer in answers),
            chunks=sum(answer.coverage.chunks for _, answer in answers),
            vectors=sum(answer.coverage.vectors for _, answer in answers),
            made=sum(answer.coverage.made for _, answer in answers),
        ),
        notes=list(dict.fromkeys(notes)),
        commit=max(answer.commit for _, answer in answers),
        timings_us=max((a.timings_us for _, a in answers), key=lambda t: t.get("total", 0)),
    )
