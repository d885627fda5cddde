"""Words and meaning made one score, and the list in its final order. Pure; database process only.

Fused by score, not by rank: reciprocal ranks lose .03 on the development set and make vectors
useless. The numbers are from the same set; docs of the ablation say what each one gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

#: Share of meaning in the score of a sentence, and of a name.
SENTENCE_ALPHA: Final = 0.75
SYMBOL_ALPHA: Final = 0.3
#: What each further chunk of a file is multiplied by, over the best so many.
DECAY: Final = 0.7
DECAY_OVER: Final = 300
#: What nearness adds once more among the best so many, as a share of the best score. Functions
#: asked for by what they do gain .013, the development set nothing; .2 costs it .008.
NEAREST: Final = 0.1
NEAREST_OVER: Final = 20


@dataclass(slots=True)
class Candidate:
    """A chunk that may be an answer. `score` is what fusion and rules make of it."""

    id: int
    file: int
    path: bytes
    language: str
    symbol: str
    kind: str
    definitions: tuple[str, ...]
    span: tuple[int, int, int, int]  # start byte, end byte, first line, last line
    key: bytes
    words: float = 0.0  # BM25
    cosine: float | None = None  # its text and its best symbol; None: no vector yet
    meant: bool = False  # among the nearest by meaning
    score: float = 0.0
    share: float = 1.0  # of each bonus; what rules lowered gets less
    rules: list[str] = field(default_factory=list)

    def lower(self, factor: float, rule: str) -> None:
        """Lower the score, and what later rules add to it."""
        self.score *= factor
        self.share *= factor
        self.rules.append(rule)

    def add(self, bonus: float) -> None:
        """Raise the score by the share of a bonus that is left."""
        self.score += self.share * bonus


def fuse(candidates: Iterable[Candidate], alpha: float, floor: float) -> None:
    """Set each score to (1 - alpha) x words + alpha x meaning, scaled so that the best is 1.

    `floor` is the nearness that counts as nothing: the third quartile of all chunks.
    """
    pool = list(candidates)
    most = max((c.words for c in pool), default=0.0)
    nearest = max((c.cosine for c in pool if c.cosine is not None), default=floor)
    spread = nearest - floor
    for c in pool:
        by_words = c.words / most if most > 0 else 0.0
        by_meaning = 0.0
        if c.cosine is not None and spread > 1e-6:
            by_meaning = max(0.0, c.cosine - floor) / spread
        c.score = (1 - alpha) * by_words + alpha * by_meaning
    scale_to_one(pool)


def scale_to_one(candidates: Iterable[Candidate]) -> None:
    """Divide all scores by the best."""
    pool = list(candidates)
    best = max((c.score for c in pool), default=0.0)
    if best > 0:
        for c in pool:
            c.score /= best


def ordered(candidates: Iterable[Candidate], decay: float = DECAY) -> list[Candidate]:
    """Return the candidates best first, each further chunk of a file lowered once more.

    Equal scores keep a fixed order, by path and place, so the same index gives the same answer.
    """
    ranked = sorted(candidates, key=place)
    seen: dict[int, int] = {}
    for c in ranked[:DECAY_OVER]:
        before = seen.get(c.file, 0)
        seen[c.file] = before + 1
        c.score *= decay**before
    return sorted(ranked, key=place)


def nearest_first(ranked: list[Candidate]) -> list[Candidate]:
    """Return the list with its head put in order once more, the nearest by meaning a little up.

    Rules about files lift whatever a file has; among the few that are left, meaning tells which of
    its functions it is. A chunk with no vector gets nothing.
    """
    head = ranked[:NEAREST_OVER]
    known = [c.cosine for c in head if c.cosine is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if high - low < 1e-6:
        return ranked
    bonus = NEAREST * max(c.score for c in head) / (high - low)
    for c in head:
        if c.cosine is not None:
            c.score += bonus * (c.cosine - low)
    return sorted(head, key=place) + ranked[NEAREST_OVER:]


def place(c: Candidate) -> tuple[float, bytes, int]:
    """Return what candidates are sorted by: the best score first, then path and place."""
    return -c.score, c.path, c.span[0]
