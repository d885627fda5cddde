"""One question compared with the vectors of an index, or with those that a filter lets through.

By their sketches first; the few thousand that seem nearest, and whatever else is asked for, are
then compared in full. Few vectors are all compared in full. Database process only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherein.db_worker.codec import Floats
from wherein.db_worker.sketches import SketchedQuestion
from wherein.db_worker.symbols import SymbolVectors
from wherein.db_worker.vectors import Block, Bools, Ints, Snapshot

#: So many are compared in full without a look at their sketches.
EXACT: Final = 8_192
#: Of more, the best so many by sketch, or this share; who is lost is in docs/performance.md.
NEAREST: Final = 4_096
NEAREST_SHARE: Final = 1 / 32
#: The floor of meaning is this quantile of about so many chunks, evenly taken.
_FLOOR: Final = 0.75
_FLOOR_SAMPLE: Final = 256
#: The last bits of a product depend on where a row lies in the matrix; copies of code are as near.
_DIGITS: Final = 4


class _Part(NamedTuple):
    """The rows of one block that a filter lets through, all where `keep` is None.

    `by_id` orders the block's rows by chunk id.
    """

    block: Block
    by_id: Ints
    keep: Bools | None
    kept: int

    def seeming(self, question: SketchedQuestion) -> NDArray[np.int32]:
        """Return how near all rows seem, nought for those that are not let through."""
        nearness = question.nearness(self.block.bits, self.block.excess)
        if self.keep is not None:
            nearness *= self.keep
        return nearness

    def rows(self, step: int = 1) -> Ints:
        """Return every so manieth row."""
        if self.keep is None:
            return np.arange(0, len(self.block), step)
        return np.flatnonzero(self.keep)[::step]

    def find(self, wanted: Ints) -> tuple[Ints, Bools]:
        """Return the rows of chunks, and which of the chunks have one here."""
        ids = self.block.ids
        at = np.searchsorted(ids, wanted, sorter=self.by_id)
        rows = self.by_id[np.minimum(at, len(ids) - 1)]
        found = ids[rows] == wanted
        return rows, found if self.keep is None else found & self.keep[rows]


@dataclass(frozen=True)
class Scan:
    """How near the text of chunks is to one query: `cosines` of those compared in full, by `ids`.

    How near a chunk is in the end is this and its best symbol. Symbols are looked up for a few
    chunks only: the nearest by text lose nothing against all chunks.
    """

    ids: Ints
    cosines: Floats
    query: Floats
    symbols: SymbolVectors
    symbol_weight: float
    _parts: tuple[_Part, ...]

    def __len__(self) -> int:
        """How many chunks the filter let through."""
        return sum(part.kept for part in self._parts)

    def top(self, k: int) -> list[int]:
        """Return the k chunks whose text is nearest, nearest first; equal ones by id."""
        count = len(self.ids)
        rows: NDArray[Any] = np.arange(count)
        if k < count:
            rows = np.argpartition(self.cosines, count - k)[count - k :]
        rows = rows[np.lexsort((self.ids[rows], -self.cosines[rows]))]
        found: list[int] = self.ids[rows].tolist()
        return found

    def floor(self) -> float:
        """Return the nearness that counts as nothing: the third quartile of all chunks."""
        if not len(self):
            return 0.0
        step = -(-len(self) // _FLOOR_SAMPLE)
        taken = [part.rows(step) for part in self._parts]
        chunks = [part.block.ids[rows] for part, rows in zip(self._parts, taken, strict=True)]
        cosines = [
            part.block.cosines(rows, self.query)
            for part, rows in zip(self._parts, taken, strict=True)
        ]
        near = self._nearness(np.concatenate(chunks).tolist(), np.concatenate(cosines))
        place = _FLOOR * (len(near) - 1)
        below, above = int(place), min(int(place) + 1, len(near) - 1)
        ordered = np.partition(near, (below, above))  # np.quantile takes five times as long
        return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))

    def of(self, ids: Iterable[int]) -> dict[int, float]:
        """Return how near these chunks are, as far as the filter lets them through."""
        wanted = np.fromiter(ids, np.int64)
        near: dict[int, float] = {}
        for part in self._parts:
            rows, hit = part.find(wanted)
            known: list[int] = wanted[hit].tolist()
            numbers = self._nearness(known, part.block.cosines(rows[hit], self.query))
            near.update(zip(known, numbers.astype(float).tolist(), strict=True))
        return near

    def _nearness(self, chunks: list[int], cosines: Floats) -> Floats:
        exact = cosines + self.symbol_weight * self.symbols.best(chunks, self.query)
        near: Floats = exact.round(_DIGITS)
        return near


def scan(
    snapshot: Snapshot,
    query: Floats,
    symbol_weight: float,
    files: Bools | None = None,
    kinds: Bools | None = None,
) -> Scan:
    """Compare a query with rows of a snapshot: `files` by file id and `kinds` by code say which.

    A file id beyond the end of `files` is one that came after the filter was made: left out.
    """
    parts = []
    for block in (snapshot.base, snapshot.tail):
        keep = _kept(block, files, kinds)
        count = int(np.count_nonzero(keep))
        if count:
            by_id = snapshot.by_id if block is snapshot.base else np.argsort(block.ids)
            all_of_it = count == len(block)
            parts.append(_Part(block, by_id, None if all_of_it else keep, count))
    chosen = _likely(parts, query)
    nothing = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    ids = [part.block.ids[rows] for part, rows in zip(parts, chosen, strict=True)]
    cosines = [part.block.cosines(rows, query) for part, rows in zip(parts, chosen, strict=True)]
    return Scan(
        np.concatenate(nothing[0] + ids), np.concatenate(nothing[1] + cosines), query,
        snapshot.symbols, symbol_weight, tuple(parts),
    )  # fmt: skip


def _kept(block: Block, files: Bools | None, kinds: Bools | None) -> Bools:
    keep = block.alive
    if files is not None:
        known = block.files < len(files)
        keep = keep & known & files[np.where(known, block.files, 0)]
    if kinds is not None:
        keep = keep & kinds[block.kinds]
    return keep


def _likely(parts: list[_Part], query: Floats) -> list[Ints]:
    """Return for each part the rows that may be among the nearest."""
    count = sum(part.kept for part in parts)
    if count <= EXACT:
        return [part.rows() for part in parts]
    question = SketchedQuestion(query)
    seeming = [part.seeming(question) for part in parts]
    together = np.concatenate(seeming)
    wanted = min(count, max(NEAREST, int(NEAREST_SHARE * count)))
    place = len(together) - wanted
    together.partition(place)
    least = max(1, int(together[place]))
    return [np.flatnonzero(nearness >= least) for nearness in seeming]
