"""The vectors in memory: rows that one thread changes and any thread may compare.

They are as on disk, an int8 a number and a scale, and with each its sketch: a third of what float32
takes, and a scan reads the sketches only (docs/adr/0020). The base is sorted by path; new vectors
go to an unsorted tail, removed ones are marked, and `merge` brings both into the base. A `Snapshot`
never changes: rows are appended behind its end, and the marks are copied before they are changed.
Numbers of one model only. Runs in the database process only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wherein.db_worker.codec import Floats, Stored
from wherein.db_worker.sketches import Bits, sketch, words_of
from wherein.db_worker.spread import Spread
from wherein.db_worker.symbols import SymbolVectors
from wherein.domain import Kind

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: The tail may hold this many rows, or this share of the base, before it is merged.
TAIL_ROWS: Final = 4_096
TAIL_SHARE: Final = 0.05
#: Bytes of floats that are made together. Larger arrays are taken from the system one by one (see
#: `memory`), which takes six times as long.
_PIECE: Final = 96 << 10

KIND_CODES: Final = {kind.value: code for code, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Block:
    """Rows side by side: vectors, chunk ids, file ids, kind codes, and which are not removed.

    A vector is `values`, int8, times its scale; `bits` (2 x words x rows) and `excess` its sketch.
    """

    values: NDArray[np.int8]
    scales: Floats
    bits: Bits
    excess: NDArray[np.int32]
    ids: Ints
    files: Ints
    kinds: NDArray[np.uint8]
    alive: Bools

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def empty(rows: int, dim: int) -> Block:
        """Make room for rows."""
        return Block(
            np.empty((rows, dim), np.int8),
            np.empty(rows, np.float32),
            np.empty((2, words_of(dim), rows), np.uint64),
            np.empty(rows, np.int32),
            np.empty(rows, np.int64),
            np.empty(rows, np.int64),
            np.empty(rows, np.uint8),
            np.ones(rows, np.bool_),
        )

    def first(self, rows: int) -> Block:
        """Return a view of the first rows."""
        return Block(
            self.values[:rows], self.scales[:rows], self.bits[:, :, :rows], self.excess[:rows],
            self.ids[:rows], self.files[:rows], self.kinds[:rows], self.alive[:rows],
        )  # fmt: skip

    def put(self, start: int, stored: Stored) -> None:
        """Set the vectors of rows from `start` on, of their stored forms, n x (4 + dim)."""
        rows = slice(start, start + len(stored))
        self.values[rows] = stored[:, 4:]
        self.scales[rows] = stored[:, :4].copy().view("<f4")[:, 0]
        self.bits[:, :, rows], self.excess[rows] = sketch(self.values[rows])

    def take(self, rows: Ints, other: Block, which: Bools) -> None:
        """Set these rows to those of another block that `which` marks."""
        self.values[rows], self.scales[rows] = other.values[which], other.scales[which]
        self.bits[:, :, rows], self.excess[rows] = other.bits[:, :, which], other.excess[which]
        self.ids[rows], self.files[rows] = other.ids[which], other.files[which]
        self.kinds[rows] = other.kinds[which]

    def floats(self, rows: Ints | slice) -> Floats:
        """Return the vectors of some rows."""
        found: Floats = self.values[rows].astype(np.float32)
        found *= self.scales[rows, None]
        return found

    def cosines(self, rows: Ints, query: Floats) -> Floats:
        """Compare a query with the vectors of some rows."""
        found = np.empty(len(rows), np.float32)
        step = max(1, _PIECE // (4 * max(1, len(query))))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            np.matmul(self.values[part].astype(np.float32), query, out=found[start:][: len(part)])
        found *= self.scales[rows]
        return found


@dataclass(frozen=True)
class Snapshot:
    """The vectors at one moment. `by_id` orders the base's rows by chunk id.

    `symbols` is of the same model, and with `spread` what goes on changing.
    """

    fingerprint: str
    dim: int
    commit: int
    base: Block
    tail: Block
    by_id: Ints
    symbols: SymbolVectors
    spread: Spread

    @property
    def live(self) -> int:
        """Number of vectors that are not removed."""
        return int(np.count_nonzero(self.base.alive) + np.count_nonzero(self.tail.alive))


class Matrix:
    """The writer's side: append, remove, merge; `snapshot` is for everybody. One writing thread."""

    def __init__(self, fingerprint: str = "", dim: int = 0, commit: int = 0) -> None:
        nothing = Block.empty(0, dim)
        self._room = Block.empty(TAIL_ROWS if dim else 0, dim)
        self.snapshot = Snapshot(
            fingerprint, dim, commit, nothing, nothing, np.empty(0, np.int64),
            SymbolVectors(dim), Spread(),
        )  # fmt: skip

    def take_symbols(self, symbols: SymbolVectors) -> None:
        """Take the vectors of symbols in place of those that are there."""
        self.snapshot = replace(self.snapshot, symbols=symbols)

    def load(self, base: Block, commit: int) -> None:
        """Take rows that are sorted by path already, in place of what is there."""
        self.snapshot = replace(
            self.snapshot, base=base, by_id=np.argsort(base.ids), commit=commit,
            tail=Block.empty(0, self.snapshot.dim),
        )  # fmt: skip

    def append(
        self, ids: Sequence[int], files: Sequence[int], kinds: Sequence[str], stored: Stored
    ) -> None:
        """Add vectors of chunks that have none in here, in their stored form."""
        now = len(self.snapshot.tail)
        end = now + len(ids)
        if end > len(self._room):
            bigger = Block.empty(max(2 * len(self._room), end, TAIL_ROWS), self.snapshot.dim)
            bigger.take(np.arange(now), self._room.first(now), np.ones(now, np.bool_))
            self._room = bigger
        self._room.put(now, stored)
        self._room.ids[now:end] = ids
        self._room.files[now:end] = files
        self._room.kinds[now:end] = [KIND_CODES[kind] for kind in kinds]
        # The marks of removed rows are per snapshot, so they are carried over, not shared.
        alive = np.concatenate([self.snapshot.tail.alive, np.ones(len(ids), np.bool_)])
        self.snapshot = replace(self.snapshot, tail=replace(self._room.first(end), alive=alive))

    def remove(self, first: int, end: int) -> int:
        """Mark the chunks with ids in [first, end) as removed; returns how many were there."""
        base, tail = self.snapshot.base, self.snapshot.tail
        low, high = np.searchsorted(base.ids, (first, end), sorter=self.snapshot.by_id)
        in_base = self.snapshot.by_id[low:high]
        in_base = in_base[base.alive[in_base]]
        in_tail = np.flatnonzero((tail.ids >= first) & (tail.ids < end) & tail.alive)
        if len(in_base):
            alive = base.alive.copy()
            alive[in_base] = False
            base = replace(base, alive=alive)
        if len(in_tail):
            alive = tail.alive.copy()
            alive[in_tail] = False
            tail = replace(tail, alive=alive)
        self.snapshot = replace(self.snapshot, base=base, tail=tail)
        self.snapshot.symbols.remove(first, end)
        return len(in_base) + len(in_tail)

    def reflects(self, commit: int) -> None:
        """Say which commit the rows are level with."""
        self.snapshot = replace(self.snapshot, commit=commit)

    def wants_merge(self) -> bool:
        """Say whether the tail or the removed rows outgrew their share."""
        base, tail = self.snapshot.base, self.snapshot.tail
        limit = max(TAIL_ROWS, TAIL_SHARE * len(base))
        return len(tail) > limit or len(base) - int(base.alive.sum()) > limit

    def merge(self, rank: Ints) -> None:
        """Bring the tail into the base and drop removed rows; `rank[file id]` orders by path."""
        parts = (self.snapshot.base, self.snapshot.tail)
        ids = np.concatenate([p.ids[p.alive] for p in parts])
        files = np.concatenate([p.files[p.alive] for p in parts])
        order = np.lexsort((ids, rank[files])) if len(ids) else np.empty(0, np.int64)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        base = Block.empty(len(ids), self.snapshot.dim)
        done = 0
        for part in parts:
            count = int(np.count_nonzero(part.alive))
            base.take(place[done : done + count], part, part.alive)
            done += count
        self._room = Block.empty(TAIL_ROWS, self.snapshot.dim)
        self.load(base, self.snapshot.commit)
