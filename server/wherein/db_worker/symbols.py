"""Vectors of symbols: what a model reads of each, and in memory those of each chunk.

A chunk's own vector is of all its text; that of `Uploader.retry def retry(self, failed):` is of
what it is for. Every symbol has one, and a chunk counts the best of the symbols that start in it.
The path is left out on purpose: chunk vectors and the file-name rule have it, with it questions
about one function lose, and without it equal signatures share a vector and a rename embeds none.
Runs in the database process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from wherein.db_worker.codec import Floats, decode
from wherein.domain import EmbedItem
from wherein.indexing.header import input_key


class NewSymbol(NamedTuple):
    """A symbol as it was stored; `chunk` is the one that it starts in."""

    id: int
    chunk: int
    key: bytes


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
    """Chunk id -> the stored vectors (int8 and a scale) of its symbols, one behind the other.

    One thread changes it and any thread may ask: values are replaced, never changed, and a chunk's
    id is never used again.
    """

    def __init__(self, dim: int = 0) -> None:
        self._dim = dim
        self._of: dict[int, bytes] = {}

    def add(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Take vectors as (chunk, stored form)."""
        for chunk, data in rows:
            self._of[chunk] = self._of.get(chunk, b"") + data

    def remove(self, first: int, end: int) -> None:
        """Forget the chunks with ids in [first, end)."""
        for chunk in range(first, end):
            self._of.pop(chunk, None)

    def best(self, chunks: Sequence[int], query: Floats) -> Floats:
        """Return, for each chunk, the best cosine of its symbols with the query, at least 0."""
        best: Floats = np.zeros(len(chunks), np.float32)
        found = [(i, data) for i, c in enumerate(chunks) if (data := self._of.get(c))]
        if found:
            cosines = decode([data for _, data in found], self._dim) @ query
            counts = [len(data) // (self._dim + 4) for _, data in found]
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
            best[[i for i, _ in found]] = np.maximum.reduceat(cosines, starts)
        return np.maximum(best, 0)
