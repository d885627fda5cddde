"""From token ids to vectors, with numpy alone. Runs in the vectorization worker.

A document's vector is the sum of its tokens' rows, each weighted by the square root of how often
the token occurs, scaled to unit length. The place and the name of a chunk count several times, and
the end of its text less than its beginning. The square root keeps a name that is repeated twenty
times from drowning the rest; the model was trained so.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from wherein.embedding.embedder import EmbedResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# How often the tokens of a chunk's place, of its name and of its text count; the model is trained
# with the same numbers. How they were chosen is in MODEL_CARD.md.
OFTEN = (4.0, 10.0, 1.0)
# The first tokens of a text count whole: its documentation or its head. Later ones count less, the
# 30th 0.6, but never less than this.
_LATE = 0.2
_HALFWAY = 30.0
# Shorter sums than this are rounding noise of cancelled rows, not a direction.
_MIN_NORM = 1e-6


def split_header(header: str) -> tuple[str, str]:
    """Cut a header into where the chunk lies, path and enclosing names, and its own last name.

    A header without a name is all place. What belongs to which decides how often it counts.
    """
    path, _, symbol = header.partition(" ")
    owner, _, name = symbol.rpartition(".")
    return f"{path} {owner}" if owner else path, name


def earliness(positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how much tokens count that stand at these positions (from 0) of a text."""
    return _LATE + (1.0 - _LATE) / (1.0 + positions / _HALFWAY)


class TokenTable:
    """The rows of a static model, kept as small as they were stored (int8 rows stay int8).

    `rows` is n x dim of any number type. Token t has row `mapping[t]` (or t), scaled by
    `weights[t]` (or 1). Tokens equal to `unknown` carry no meaning and are left out. Holds scratch
    arrays of one entry a token, so it serves one thread at a time.

    Measured: with 40,000 x 256 int8 rows, widening the few rows of a block to float32 is as fast as
    a float32 table and needs 30 MB less.
    """

    def __init__(
        self,
        rows: NDArray[Any],
        weights: NDArray[Any] | None,
        mapping: NDArray[Any] | None,
        unknown: int | None,
    ) -> None:
        self.tokens = len(rows) if mapping is None else len(mapping)
        self._rows = rows
        self._weights = None if weights is None else weights.astype(np.float32)
        self._mapping = mapping
        self._unknown = unknown
        self._seen = np.zeros(self.tokens, dtype=np.bool_)
        self._column = np.zeros(self.tokens, dtype=np.int64)

    @property
    def dim(self) -> int:
        """How many numbers a row has."""
        return int(self._rows.shape[1])

    @property
    def finite(self) -> bool:
        """Whether every number is finite; one NaN would reach all documents of a block."""
        parts = [self._rows] if self._weights is None else [self._rows, self._weights]
        return all(part.dtype.kind == "i" or bool(np.isfinite(part).all()) for part in parts)

    def pool(
        self,
        places: Sequence[list[int]],
        names: Sequence[list[int]],
        texts: Sequence[list[int]],
    ) -> NDArray[np.float32]:
        """Sum the rows of each document: n x dim, not yet of unit length.

        `places[i]`, `names[i]` and `texts[i]` are the token ids of document i. Memory: 8 bytes x
        documents x distinct tokens, so call it with blocks of about a hundred documents.
        """
        count = len(texts)
        lists = [*places, *names, *texts]
        lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
        total = int(lengths.sum())
        ids = np.fromiter(itertools.chain.from_iterable(lists), dtype=np.int64, count=total)
        distinct = self._distinct(ids)
        width = len(distinct)
        if not width:
            return np.zeros((count, self.dim), dtype=np.float32)
        # One matrix of counts times one matrix of rows: several times faster than segment sums.
        first_cell = np.tile(np.arange(count, dtype=np.int64) * width, len(OFTEN))
        cells = np.repeat(first_cell, lengths) + self._column[ids]
        times = np.repeat(np.repeat(np.asarray(OFTEN, dtype=np.float64), count), lengths)
        of_texts = lengths[-count:]
        starts = np.cumsum(of_texts) - of_texts
        first = total - int(of_texts.sum())
        times[first:] *= earliness(np.arange(total - first) - np.repeat(starts, of_texts))
        if self._unknown is not None:
            times[ids == self._unknown] = 0.0
        counts = np.bincount(cells, weights=times, minlength=count * width)
        factors = np.sqrt(counts).astype(np.float32).reshape(count, width)
        if self._weights is not None:
            factors *= self._weights[distinct]
        rows = self._rows[distinct if self._mapping is None else self._mapping[distinct]]
        return factors @ rows.astype(np.float32, copy=False)

    def _distinct(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """List the known tokens among the ids and number their columns, without sorting."""
        self._seen[ids] = True
        if self._unknown is not None:
            self._seen[self._unknown] = False
            self._column[self._unknown] = 0  # its count is 0: any column will do
        distinct = np.flatnonzero(self._seen)
        self._seen[distinct] = False
        self._column[distinct] = np.arange(len(distinct))
        return distinct


def unit_rows(vectors: NDArray[Any]) -> EmbedResult:
    """Scale each row to unit length; a row not finite or without length is failed, and zeros."""
    with np.errstate(invalid="ignore", over="ignore"):
        rows = np.array(vectors, dtype=np.float32, ndmin=2)
        norms = np.linalg.norm(rows, axis=1)
        good = np.isfinite(norms) & (norms > _MIN_NORM)
        rows /= np.where(good, norms, 1.0)[:, None].astype(np.float32)
    rows[~good] = 0.0
    return EmbedResult(rows, [int(index) for index in np.flatnonzero(~good)])
