"""The second opinion: the best answers compared once more, with another model. Database process.

What a slow model reads of a chunk is kept under the hash of just that, so that a question asks it
about new code only. It may be late, or not there: then the answer keeps its order and says so.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import apsw
import numpy as np

from wherein.db_worker import meaning, missing, snippets
from wherein.db_worker.embedders import EmbedNow
from wherein.db_worker.meaning import Cancelled, EmbedQuery
from wherein.domain import EmbedItem, QueryVector, VectorBatch
from wherein.errors import ModelError, WhereinError
from wherein.indexing.header import input_key
from wherein.ranking.fusion import Candidate
from wherein.ranking.plain import plain

#: How many of the best are compared once more.
TOP: Final = 20
#: With fewer done in time the order stays; else those that are done are ordered among themselves.
FEWEST: Final = 5
#: What each model's nearness gives, from the farthest of them to the nearest, as a share of the
#: best score: the model in use, and the second one. .2 each lose .012 on the development set where
#: .1 lose .006: a best score has grown by what rules add.
OWN: Final = 0.1
OTHER: Final = 0.1
RULE: Final = "second opinion"

_LATE: Final = "The second model did not answer in time; this is the order without it."
_GONE: Final = "The second model cannot be asked now; this is the order without it."


class Opinion(NamedTuple):
    """Candidates in their new order, how many vectors were made, and a sentence on what failed."""

    best: list[Candidate]
    made: int = 0
    note: str = ""


class Second:
    """Asks the second model, for one reader. `keep` takes finished vectors and does not block."""

    def __init__(
        self,
        root: str,
        embed_query: EmbedQuery,
        embed_now: EmbedNow,
        keep: Callable[[VectorBatch], None],
    ) -> None:
        self._root = root
        self._embed_query = embed_query
        self._embed_now = embed_now
        self._keep = keep

    def ask(self, text: str) -> concurrent.futures.Future[QueryVector]:
        """Ask for the question's vector, ahead of time."""
        return self._embed_query(text)

    def reorder(
        self,
        conn: apsw.Connection,
        best: list[Candidate],
        waiting: concurrent.futures.Future[QueryVector],
        deadline: float,
        cancelled: Cancelled,
    ) -> Opinion:
        """Put the first candidates into the order that both models give."""
        try:
            question = _result(waiting, deadline, cancelled)
        except ModelError as error:
            return Opinion(best, 0, f"{error} This is the order without a second model.")
        except (WhereinError, concurrent.futures.CancelledError):
            return Opinion(best, 0, _GONE)
        if question is None:
            return Opinion(best, 0, _LATE)
        top = best[:TOP]
        items = self._items(top)
        known = missing.known(conn, question, {item.key for item in items.values()})
        lacking = list({i.key: i for i in items.values() if i.key not in known}.values())
        made = self._make(lacking, deadline, cancelled) if lacking else None
        if made is not None and made.fingerprint == question.fingerprint:
            rows = np.frombuffer(made.vectors, dtype="<f4").reshape(-1, made.dim)
            known.update(zip(made.keys, rows, strict=True))
        numbers = np.frombuffer(question.vector, dtype="<f4")
        near = {
            c.id: float(known[items[c.id].key] @ numbers)
            for c in top
            if c.id in items and items[c.id].key in known
        }
        count = len(made.keys) if made else 0
        done = next((i for i, c in enumerate(top) if c.id in items and c.id not in near), len(top))
        if done < min(FEWEST, len(top)):
            return Opinion(best, count, _LATE)
        return Opinion([*_together(top[:done], near), *best[done:]], count)

    def _items(self, top: Sequence[Candidate]) -> dict[int, EmbedItem]:
        """Make what the model reads of each candidate whose file is as it was indexed."""
        texts = snippets.texts(self._root, [(c.path, c.symbol, c.span, c.key) for c in top])
        items = {}
        for c, text in zip(top, texts, strict=True):
            if text is not None:
                header, body = plain(c.path, c.symbol, text)
                items[c.id] = EmbedItem(input_key(header, body), header, body)
        return items

    def _make(
        self, lacking: list[EmbedItem], deadline: float, cancelled: Cancelled
    ) -> VectorBatch | None:
        left = max(1, int((deadline - time.monotonic()) * 1_000))
        future = self._embed_now(lacking, left)
        future.add_done_callback(missing.keeping(self._keep))
        try:
            return _result(future, deadline + missing.GRACE_S, cancelled)
        except (WhereinError, concurrent.futures.CancelledError):
            return None


def _together(top: list[Candidate], near: dict[int, float]) -> list[Candidate]:
    """Add what both models say to the scores, and sort by them."""
    own = _shares([c.cosine for c in top])
    other = _shares([near.get(c.id) for c in top])
    most = max((c.score for c in top), default=0.0)
    places = {c.id: place for place, c in enumerate(top)}
    for c, mine, theirs in zip(top, own, other, strict=True):
        c.score += most * (OWN * mine + OTHER * theirs)
    ordered = sorted(top, key=lambda c: -c.score)
    for place, c in enumerate(ordered):
        if place < places[c.id]:
            c.rules.append(RULE)
    return ordered


def _shares(values: Sequence[float | None]) -> list[float]:
    """Return where each value lies from the lowest to the highest, the mean for what is unknown."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if high <= low:
        return [0.0] * len(values)
    mean = sum(known) / len(known)
    return [((mean if v is None else v) - low) / (high - low) for v in values]


def _result(
    future: concurrent.futures.Future[meaning.T], deadline: float, cancelled: Cancelled
) -> meaning.T | None:
    """Wait for an answer, looking whether it is still wanted; None when it is late."""
    while True:
        try:
            return future.result(max(0.0, min(meaning.SLICE_S, deadline - time.monotonic())))
        except concurrent.futures.TimeoutError:
            meaning.check(cancelled)
            if time.monotonic() >= deadline:
                return None
