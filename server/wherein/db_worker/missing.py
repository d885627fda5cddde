"""Candidates that have no vector yet: theirs are made while the asker waits, and kept.

A slow model takes minutes for a project and a hundredth of a second for a chunk, so what the words
found is compared by meaning from the first question on. Which vectors there are is asked of the
database and not of memory: that knows chunks, and here their symbols count too. Database process
only.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import apsw
import numpy as np

from wherein.db_worker import codec, meaning, snippets, symbols
from wherein.db_worker.codec import Floats
from wherein.db_worker.embedders import EmbedNow
from wherein.db_worker.meaning import Cancelled
from wherein.db_worker.schema import id_list, query
from wherein.domain import EmbedItem, QueryVector, VectorBatch
from wherein.errors import WhereinError
from wherein.ranking import fusion, rules
from wherein.ranking.fusion import Candidate
from wherein.ranking.query import Question

if TYPE_CHECKING:
    from wherein.db_worker.second import Second

#: Candidates that are looked at, best first: as many as a fast model makes within the budget.
MOST: Final = 150
#: From this share of vectors on, those that are there give the measure of nearness.
TRUSTED: Final = 0.25
#: Over the budget: the answer's way back, and the slice that was begun last.
GRACE_S: Final = 0.25
_FLOOR: Final = 0.25

_MODEL: Final = "SELECT id FROM models WHERE fingerprint = ?"
# CROSS JOIN keeps this order: each file's own range of symbols.
_SYMBOLS: Final = """SELECT s.chunk, s.key, s.weight, s.qualified, s.signature
    FROM files f CROSS JOIN symbols s ON s.id >= f.first_symbol AND s.id < f.end_symbol
    WHERE f.id IN (SELECT value FROM carray(?)) AND s.weight > 0 ORDER BY s.id"""
_KNOWN: Final = """SELECT key, data, crc FROM vectors
    WHERE model = ? AND key IN (SELECT value FROM carray(?))"""


class Made(NamedTuple):
    """How near the candidates are whose chunk has a vector now, and how many were made for that."""

    near: dict[int, float]
    made: int

    def apply(self, candidates: Iterable[Candidate]) -> bool:
        """Take over what is known now; says whether there was anything."""
        for c in candidates:
            if c.id in self.near:
                c.cosine = self.near[c.id]
                c.meant = True
        return bool(self.near)

    def floor(self) -> float:
        """Return the nearness that counts as nothing, where there is no other measure.

        The words chose these, so their lowest quarter is about as near as the upper half of all
        chunks: the answers are as good as with the floor of all.
        """
        return float(np.quantile(list(self.near.values()), _FLOOR)) if self.near else 0.0


class _Named(NamedTuple):
    key: bytes
    weight: float
    item: EmbedItem


class Maker:
    """Makes what is missing, for one reader. `keep` takes finished vectors and does not block.

    `second` is asked for its opinion of what was found, where a question wants that.
    """

    def __init__(
        self,
        root: str,
        embed_now: EmbedNow,
        keep: Callable[[VectorBatch], None],
        second: Second | None = None,
    ) -> None:
        self._root = root
        self._embed_now = embed_now
        self._keep = keep
        self.second = second

    def complete(
        self,
        conn: apsw.Connection,
        candidates: Sequence[Candidate],
        vector: QueryVector,
        budget_ms: int,
        cancelled: Cancelled,
    ) -> Made:
        """Compare candidates, best first, with a question, making vectors until time is up."""
        pool = candidates[:MOST]
        named = _symbols(conn, pool)
        keys = {c.key for c in pool} | {one.key for some in named.values() for one in some}
        vectors = known(conn, vector, keys)
        wanted = self._wanted(pool, named, vectors)
        made = self._make(wanted, budget_ms, cancelled) if wanted else None
        if made is not None and made.fingerprint == vector.fingerprint:
            rows = np.frombuffer(made.vectors, dtype="<f4").reshape(-1, made.dim)
            vectors.update(zip(made.keys, rows, strict=True))
        return Made(_nearness(pool, named, vectors, vector), len(made.keys) if made else 0)

    def _wanted(
        self, pool: Sequence[Candidate], named: dict[int, list[_Named]], known: dict[bytes, Floats]
    ) -> list[EmbedItem]:
        """List the inputs to embed: those of the best candidate first, its symbols behind it."""
        places = [(c.path, c.symbol, c.span, c.key) for c in pool]
        wanted: dict[bytes, EmbedItem] = {}
        lacking = [i for i, c in enumerate(pool) if c.key not in known]
        texts = snippets.texts(self._root, [places[i] for i in lacking])
        text_of = dict(zip(lacking, texts, strict=True))
        for i, c in enumerate(pool):
            text = text_of.get(i)
            if text is not None:
                wanted.setdefault(c.key, snippets.model_input(places[i], text))
            for one in named.get(c.id, ()):
                if one.key not in known:
                    wanted.setdefault(one.key, one.item)
        return list(wanted.values())

    def _make(
        self, wanted: list[EmbedItem], budget_ms: int, cancelled: Cancelled
    ) -> VectorBatch | None:
        """Ask for vectors. Who cancels does not stop that: the next question wants them too."""
        future = self._embed_now(wanted, budget_ms)
        future.add_done_callback(keeping(self._keep))
        until = time.monotonic() + budget_ms / 1_000 + GRACE_S
        while True:
            try:
                return future.result(meaning.SLICE_S)
            except concurrent.futures.TimeoutError:
                meaning.check(cancelled)
                if time.monotonic() > until:
                    return None  # what comes yet is kept for the next question
            except (WhereinError, concurrent.futures.CancelledError):
                return None


def keeping(
    keep: Callable[[VectorBatch], None],
) -> Callable[[concurrent.futures.Future[VectorBatch]], None]:
    """Return what hands finished vectors on to be kept, whenever they come."""

    def done(future: concurrent.futures.Future[VectorBatch]) -> None:
        if not future.cancelled() and future.exception() is None and future.result().keys:
            keep(future.result())

    return done


def likely(
    question: Question, candidates: Sequence[Candidate], alpha: float, floor: float
) -> list[Candidate]:
    """Put candidates into the order that they would have now, and leave them as they are."""
    drafts = [replace(c, rules=[]) for c in candidates]
    fusion.fuse(drafts, alpha, floor)
    rules.apply_rules(question, drafts)
    by_id = {c.id: c for c in candidates}
    return [by_id[draft.id] for draft in fusion.ordered(drafts)]


def _symbols(conn: apsw.Connection, pool: Iterable[Candidate]) -> dict[int, list[_Named]]:
    """Return the symbols of each candidate that a model reads."""
    chunks = {c.id for c in pool}
    found: dict[int, list[_Named]] = {}
    rows: list[tuple[Any, ...]] = query(conn, _SYMBOLS, (id_list({c.file for c in pool}),))
    for chunk, key, weight, qualified, signature in rows:
        if chunk in chunks:
            item = symbols.model_input(key, qualified, signature)
            found.setdefault(chunk, []).append(_Named(key, weight, item))
    return found


def known(conn: apsw.Connection, vector: QueryVector, keys: Iterable[bytes]) -> dict[bytes, Floats]:
    """Return the stored vectors of the question's model; those that it failed on are zeros."""
    model = query(conn, _MODEL, (vector.fingerprint,))
    wanted = tuple(keys)
    if not model or not wanted:
        return {}
    rows = query(conn, _KNOWN, (model[0][0], apsw.carray(wanted)))
    nothing: Floats = np.zeros(vector.dim, np.float32)
    found = dict.fromkeys((key for key, data, _ in rows if data is None), nothing)
    sound = [(key, data) for key, data, crc in rows if data and codec.crc(data) == crc]
    if sound:
        decoded = codec.decode([data for _, data in sound], vector.dim)
        found.update(zip((key for key, _ in sound), decoded, strict=True))
    return found


def _nearness(
    pool: Iterable[Candidate],
    named: dict[int, list[_Named]],
    known: dict[bytes, Floats],
    vector: QueryVector,
) -> dict[int, float]:
    """Return what `Scan.of` would say of the candidates whose chunk has a vector."""
    question: Floats = np.frombuffer(vector.vector, dtype="<f4")
    if not known:
        return {}
    keys = list(known)
    cosines = dict(
        zip(keys, (np.stack([known[key] for key in keys]) @ question).tolist(), strict=True)
    )
    near: dict[int, float] = {}
    for c in pool:
        if c.key in cosines:
            best = max(
                (cosines.get(n.key, 0.0) * n.weight for n in named.get(c.id, ())), default=0.0
            )
            near[c.id] = cosines[c.key] + vector.symbol_weight * max(0.0, best)
    return near
