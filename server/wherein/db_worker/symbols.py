"""Vectors of symbols: what a model reads of each, and in memory those of each chunk.

A chunk's own vector is of all its text; that of `Uploader.retry def retry(self, failed):` is of
what it is for. Every symbol has one, and a chunk counts the best of the symbols that start in it.
The path is left out on purpose: chunk vectors and the file-name rule have it, with it questions
about one function lose, and without it equal signatures share a vector and a rename embeds none.
Runs in the database process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from wherein.db_worker.codec import Floats, decode, weighted
from wherein.domain import EmbedItem, Symbol
from wherein.indexing.header import input_key

#: A symbol counts in full while its first line is at most half of it, and not at all when it is
#: nothing else.
_STEEPNESS: Final = 2.0


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


class SymbolVectors:
    """Chunk id -> the stored vectors of its symbols, one behind the other, each times its weight.

    One thread changes it and any thread may ask: values are replaced, never changed, and a chunk's
    id is never used again.
    """

    def __init__(self, dim: int = 0) -> None:
        self._dim = dim
        self._of: dict[int, bytes] = {}

    def add(self, rows: Iterable[tuple[int, float, bytes]]) -> None:
        """Take vectors as (chunk, weight, stored form)."""
        for chunk, weight, data in rows:
            self._of[chunk] = self._of.get(chunk, b"") + weighted(data, weight)

    def remove(self, first: int, end: int) -> None:
        """Forget the chunks with ids in [first, end)."""
        for chunk in range(first, end):
            self._of.pop(chunk, None)

    def best(self, chunks: Sequence[int], query: Floats) -> Floats:
        """Return for each chunk the best weighted cosine of its symbols with the query, or 0."""
        best: Floats = np.zeros(len(chunks), np.float32)
        found = [(i, data) for i, c in enumerate(chunks) if (data := self._of.get(c))]
        if found:
            cosines = decode([data for _, data in found], self._dim) @ query
            counts = [len(data) // (self._dim + 4) for _, data in found]
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
            best[[i for i, _ in found]] = np.maximum.reduceat(cosines, starts)
        return np.maximum(best, 0)
