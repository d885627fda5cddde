"""Vectors of symbols: what a model reads of each, and in memory those of each chunk.

A chunk's own vector is of all its text; that of `Uploader.retry def retry(self, failed):` is of
what it is for. Every symbol has one, and a chunk counts the best of the symbols that start in it.
The path is left out on purpose: chunk vectors and the file-name rule have it, with it questions
about one function lose, and without it equal signatures share a vector and a rename embeds none.
Runs in the database process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherein.db_worker.codec import Floats, decoded
from wherein.domain import EmbedItem, Symbol
from wherein.indexing.header import input_key

#: New vectors are kept apart up to so many, or this share of the others.
TAIL: Final = 2_048
TAIL_SHARE: Final = 0.05
#: A symbol counts in full while its first line is at most half of it, and not at all when it is
#: nothing else.
_STEEPNESS: Final = 2.0


Row = tuple[int, float, bytes]  # chunk, weight, stored form


class NewSymbol(NamedTuple):
    """A symbol as it was stored; `chunk` is the one that it starts in, `weight` what it counts.

    One of weight 0 needs no vector.
    """

    id: int
    chunk: int
    key: bytes
    weight: float


def weight_of(symbol: Symbol) -> float:
    """Return what a symbol's vector counts, 0 to 1: less where its first line is most of it.

    A declaration without a body or an accessor on one line has said all that in its chunk already,
    and to count it twice lifts it above the code that does the work: questions about C++, Go and
    Rust lost by that.
    """
    size = max(1, symbol.end_byte - symbol.start_byte)
    share = min(1.0, len(symbol.signature.encode("utf-8", "replace")) / size)
    return min(1.0, _STEEPNESS * (1.0 - share))


def model_text(qualified: str, signature: str) -> str:
    """Return what a model reads of a symbol, with no header."""
    return f"{qualified} {signature}"


def model_key(qualified: str, signature: str) -> bytes:
    """Return the key of a symbol's vector; no chunk has the same, for every chunk has a path."""
    return input_key("", model_text(qualified, signature))


def model_input(key: bytes, qualified: str, signature: str) -> EmbedItem:
    """Return what the embedder is given."""
    return EmbedItem(key, "", model_text(qualified, signature))


class _Rows(NamedTuple):
    """Vectors side by side, by chunk: stored forms as n x (dim + 4) bytes, chunk ids, weights."""

    stored: NDArray[np.int8]
    chunks: NDArray[np.int64]
    weights: Floats

    @staticmethod
    def of(rows: Iterable[Row], dim: int) -> _Rows:
        """Put rows of a few chunks in order."""
        ordered = sorted(rows, key=itemgetter(0))
        stored = np.frombuffer(b"".join(row[2] for row in ordered), np.int8)
        return _Rows(
            stored.reshape(-1, dim + 4),
            np.fromiter((row[0] for row in ordered), np.int64, len(ordered)),
            np.fromiter((row[1] for row in ordered), np.float32, len(ordered)),
        )

    def best(self, chunks: NDArray[np.int64], query: Floats) -> Floats:
        """Return for each chunk the best weighted cosine of its symbols, or 0."""
        best: Floats = np.zeros(len(chunks), np.float32)
        first = np.searchsorted(self.chunks, chunks, "left")
        counts = np.searchsorted(self.chunks, chunks, "right") - first
        (found,) = np.nonzero(counts)
        if len(found):
            first, counts = first[found], counts[found]
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
            rows = np.arange(counts.sum()) + np.repeat(first - starts, counts)
            cosines = (decoded(self.stored[rows]) @ query) * self.weights[rows]
            best[found] = np.maximum.reduceat(cosines, starts)
        return np.maximum(best, 0)


class SymbolVectors:
    """The vectors of symbols by the chunk that each starts in, each with its weight.

    One thread changes it and any thread may ask: what is there is replaced, never changed, and a
    chunk's id is never used again. New ones wait in a tail until there are many. Kept as plain
    arrays, 0.27 KB a symbol: as one string a chunk they took twice that, and what was freed between
    them stayed with the process.
    """

    def __init__(self, dim: int = 0) -> None:
        self._dim = dim
        self._parts = (_Rows.of((), dim), _Rows.of((), dim))  # replaced together
        self._new: list[Row] = []
        self._gone: list[tuple[int, int]] = []

    def __len__(self) -> int:
        """How many vectors take room, removed ones included."""
        base, tail = self._parts
        return len(base.chunks) + len(tail.chunks)

    def load(self, rows: Iterable[Row]) -> None:
        """Take these and no others."""
        parts, batch = [_Rows.of((), self._dim)], []
        for row in rows:
            batch.append(row)
            if len(batch) == TAIL:
                parts.append(_Rows.of(batch, self._dim))
                batch = []
        parts.append(_Rows.of(batch, self._dim))
        self._parts = (_joined(parts), _Rows.of((), self._dim))
        self._new, self._gone = [], []

    def add(self, rows: Iterable[Row]) -> None:
        """Take more, as (chunk, weight, stored form)."""
        self._new += rows
        base, _ = self._parts
        if len(self._new) > max(TAIL, TAIL_SHARE * len(base.chunks)):
            self._merge()
        else:
            self._parts = (base, _Rows.of(self._new, self._dim))

    def remove(self, first: int, end: int) -> None:
        """Forget the chunks with ids in [first, end), which nobody asks for any more."""
        self._gone.append((first, end))
        if len(self._gone) > TAIL:
            self._merge()

    def best(self, chunks: Sequence[int], query: Floats) -> Floats:
        """Return for each chunk the best weighted cosine of its symbols with the query, or 0."""
        wanted = np.asarray(chunks, np.int64)
        base, tail = (part.best(wanted, query) for part in self._parts)
        return np.maximum(base, tail)

    def _merge(self) -> None:
        both = _joined([self._parts[0], _Rows.of(self._new, self._dim)])
        keep = np.ones(len(both.chunks), np.bool_)
        for first, end in self._gone:
            keep[slice(*np.searchsorted(both.chunks, (first, end)))] = False
        if not keep.all():
            both = _Rows(both.stored[keep], both.chunks[keep], both.weights[keep])
        self._new, self._gone = [], []
        self._parts = (both, _Rows.of((), self._dim))


def _joined(parts: Sequence[_Rows]) -> _Rows:
    chunks = np.concatenate([part.chunks for part in parts])
    order = np.argsort(chunks, kind="stable")
    stored, weights = (np.concatenate([part[at] for part in parts]) for at in (0, 2))
    if bool((np.diff(chunks) < 0).any()):
        return _Rows(stored[order], chunks[order], weights[order])
    return _Rows(stored, chunks, weights)
