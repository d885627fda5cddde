"""Why a hit is in the answer, in the words that the answer carries. Pure; database process only."""

from __future__ import annotations

from typing import Final

from wherein.ranking.fusion import Candidate

_BY_NAME: Final = frozenset({"definition", "mention", "symbol name", "file name"})


def via(candidate: Candidate) -> tuple[str, ...]:
    """Return which ways led to a hit: a subset of name, words, meaning, in this order."""
    ways = (
        ("name", not _BY_NAME.isdisjoint(candidate.rules)),
        ("words", candidate.words > 0),
        ("meaning", candidate.meant),
    )
    return tuple(way for way, led in ways if led)
