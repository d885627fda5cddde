"""The command `wherein/explain`: why a place is where it is among the answers. In the server.

The question is asked again with as many answers as there can be, and the place is looked up.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from wherein.commands import search
from wherein.commands.context import CommandContext, holding
from wherein.domain import Kind, Mode, SearchHit, SearchQuery

_ALL: Final = 1_000  # more answers than these nobody gets
_WAYS: Final = {
    "name": "Its name, or its file's, is in the question",
    "words": "It has words of the question: {terms}",
    "meaning": "It is among the nearest by meaning (cosine {cosine:.2f})",
}


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A question with its filters, and a file's URI with a line in it, from 1.

    Without a line the file's best answer is explained.
    """

    query: Annotated[str, msgspec.Meta(max_length=search.MAX_QUERY)]
    uri: str
    line: int | None = None
    paths: search.Filters = ()
    languages: search.Filters = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=search.MAX_FILTERS)] = ()
    mode: Mode = Mode.HYBRID


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the place is among the answers, and what brought it there.

    `rank` counts from 1, None when it is not among them; `of` is how many there are. `words` is
    the score by words, `cosine` that of its text with its best symbol's share added (None: not
    compared), `score` what fusion
    and rules made of both. `terms` are the question's words that are in it.
    """

    sentences: list[str]
    of: int
    rank: int | None = None
    symbol: str = ""
    kind: str = ""
    start_line: int = 0
    end_line: int = 0
    score: float = 0.0
    words: float = 0.0
    cosine: float | None = None
    via: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


async def run(context: CommandContext, params: Params) -> Result:
    """Explain one place. Raises InvalidParams when it lies in no open folder."""
    folder, path = holding(context, params.uri)
    answer = await folder.require().search(
        SearchQuery(
            text=params.query,
            limit=_ALL,
            paths=params.paths,
            languages=params.languages,
            kinds=tuple(kind.value for kind in params.kinds),
            mode=params.mode,
        )
    )
    for rank, hit in enumerate(answer.hits, start=1):
        here = params.line is None or hit.start_line <= params.line <= hit.end_line
        if hit.path == path and here:
            return _explained(rank, hit, len(answer.hits), answer.notes)
    missing = f"It is not among the {len(answer.hits):,} answers to this question"
    return Result(sentences=[missing, *answer.notes], of=len(answer.hits))


def _explained(rank: int, hit: SearchHit, of: int, notes: list[str]) -> Result:
    known = {"terms": ", ".join(hit.terms), "cosine": hit.cosine or 0.0}
    sentences = [f"Number {rank} of {of:,} answers, with a score of {hit.score:.2f}"]
    sentences += [_WAYS[way].format(**known) for way in hit.via]
    if hit.rules:
        sentences.append(f"Rules that moved it: {', '.join(hit.rules)}")
    return Result(
        sentences=[*sentences, *notes],
        of=of,
        rank=rank,
        symbol=hit.symbol,
        kind=hit.kind.value,
        start_line=hit.start_line,
        end_line=hit.end_line,
        score=hit.score,
        words=hit.words,
        cosine=hit.cosine,
        via=hit.via,
        rules=hit.rules,
        terms=hit.terms,
    )
