"""The vectors in memory: one float32 matrix that one thread changes and any thread may scan.

In memory the vectors are float32, because numpy scans nothing faster. The base is sorted by path,
so that a path filter is a few slices of it; new vectors go to an unsorted tail, removed ones are
marked, and `merge` brings both into the base. A `Snapshot` never changes: rows are appended behind
its end, and the marks are copied before they are changed. Numbers of one model only. Runs in the
database process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherein.db_worker.codec import Floats
from wherein.db_worker.spread import Spread
from wherein.db_worker.symbols import SymbolVectors
from wherein.domain import Kind

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: The tail may hold this many rows, or this share of the base, before it is merged.
TAIL_ROWS: Final = 4_096
TAIL_SHARE: Final = 0.05
#: A filter that leaves less than this share of the rows scans those rows only.
_SELECTIVE: Final = 0.3
_MANY_RUNS: Final = 256
#: The floor of meaning is this quantile of about so many chunks, evenly taken.
_FLOOR: Final = 0.75
_FLOOR_SAMPLE: Final = 256
#: The last bits of a product depend on where a row lies in the matrix; copies of code are as near.
_DIGITS: Final = 4

KIND_CODES: Final = {kind.value: code for code, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Block:
    """Rows side by side: vectors, chunk ids, file ids, kind codes, and which are not removed."""

    vectors: Floats
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
            np.empty((rows, dim), np.float32),
            np.empty(rows, np.int64),
            np.empty(rows, np.int64),
            np.empty(rows, np.uint8),
            np.ones(rows, np.bool_),
        )

    def first(self, rows: int) -> Block:
        """Return a view of the first rows."""
        return Block(
            self.vectors[:rows], self.ids[:rows], self.files[:rows], self.kinds[:rows],
            self.alive[:rows],
        )  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """The matrix at one moment. `by_id` orders the base's rows by chunk id.

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


class _Scanned(NamedTuple):
    """The rows of one block that a scan compared, all of them where `rows` is None.

    `by_id` orders the block's rows by chunk id, and `first` is the place of the first cosine.
    """

    ids: Ints
    by_id: Ints
    rows: Ints | None
    first: int

    def places(self, wanted: Ints) -> tuple[Ints, Bools]:
        """Return where the cosines of chunks are, and which of the chunks have one here."""
        at = np.searchsorted(self.ids, wanted, sorter=self.by_id)
        places = self.by_id[np.minimum(at, len(self.ids) - 1)]
        found = self.ids[places] == wanted
        if self.rows is not None:
            rows = places
            places = np.minimum(np.searchsorted(self.rows, rows), max(0, len(self.rows) - 1))
            found &= self.rows[places] == rows if len(self.rows) else False
        return places + self.first, found


@dataclass(frozen=True)
class Scan:
    """Cosines of one query with the text of every chunk that its filter lets through.

    How near a chunk is in the end is this and its best symbol. Symbols are looked up for a few
    chunks only: the nearest by text lose nothing against all chunks.
    """

    ids: Ints
    cosines: Floats
    query: Floats
    symbols: SymbolVectors
    symbol_weight: float
    _scanned: tuple[_Scanned, ...]

    def __len__(self) -> int:
        return len(self.ids)

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
        if not len(self.ids):
            return 0.0
        step = -(-len(self.ids) // _FLOOR_SAMPLE)
        near = self._nearness(self.ids[::step].tolist(), self.cosines[::step])
        place = _FLOOR * (len(near) - 1)
        below, above = int(place), min(int(place) + 1, len(near) - 1)
        ordered = np.partition(near, (below, above))  # np.quantile takes five times as long
        return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))

    def of(self, ids: Iterable[int]) -> dict[int, float]:
        """Return how near these chunks are, as far as they were scanned."""
        wanted = np.fromiter(ids, np.int64)
        if not len(wanted) or not len(self.ids):
            return {}
        near: dict[int, float] = {}
        for part in self._scanned:
            places, hit = part.places(wanted)
            known: list[int] = wanted[hit].tolist()
            numbers = self._nearness(known, self.cosines[places[hit]]).astype(float).tolist()
            near.update(zip(known, numbers, strict=True))
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
    ids, cosines, scanned, count = [np.empty(0, np.int64)], [np.empty(0, np.float32)], [], 0
    for block in (snapshot.base, snapshot.tail):
        if not block:
            continue
        rows, near = _scan_block(block, query, files, kinds)
        ids.append(block.ids if rows is None else block.ids[rows])
        cosines.append(near)
        by_id = snapshot.by_id if block is snapshot.base else np.argsort(block.ids, kind="stable")
        scanned.append(_Scanned(block.ids, by_id, rows, count))
        count += len(near)
    return Scan(
        np.concatenate(ids), np.concatenate(cosines), query, snapshot.symbols, symbol_weight,
        tuple(scanned),
    )  # fmt: skip


def _scan_block(
    block: Block, query: Floats, files: Bools | None, kinds: Bools | None
) -> tuple[Ints | None, Floats]:
    """Return which rows were compared, None for all of them, and their cosines."""
    keep = block.alive
    if files is not None:
        known = block.files < len(files)
        keep = keep & known & files[np.where(known, block.files, 0)]
    if kinds is not None:
        keep = keep & kinds[block.kinds]
    count = int(np.count_nonzero(keep))
    if count == len(block):
        return None, block.vectors @ query
    rows = np.flatnonzero(keep)
    if count > _SELECTIVE * len(block):
        return rows, (block.vectors @ query)[rows]
    edges = np.flatnonzero(np.diff(rows) > 1) + 1
    if len(edges) >= _MANY_RUNS or not count:
        return rows, block.vectors[rows] @ query
    runs = np.split(rows, edges)
    cosines = [block.vectors[run[0] : run[-1] + 1] @ query for run in runs]
    return rows, np.concatenate(cosines)


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
        self, ids: Sequence[int], files: Sequence[int], kinds: Sequence[str], rows: Floats
    ) -> None:
        """Add vectors of chunks that have none in here."""
        now = len(self.snapshot.tail)
        end = now + len(ids)
        if end > len(self._room):
            bigger = Block.empty(max(2 * len(self._room), end, TAIL_ROWS), self.snapshot.dim)
            for old, new in zip(vars(self._room).values(), vars(bigger).values(), strict=True):
                new[:now] = old[:now]
            self._room = bigger
        self._room.vectors[now:end] = rows
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
        kinds = np.concatenate([p.kinds[p.alive] for p in parts])
        order = np.lexsort((ids, rank[files])) if len(ids) else np.empty(0, np.int64)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        base = Block.empty(len(ids), self.snapshot.dim)
        base.ids[:], base.files[:], base.kinds[:] = ids[order], files[order], kinds[order]
        done = 0
        for part in parts:
            count = int(part.alive.sum())
            base.vectors[place[done : done + count]] = part.vectors[part.alive]
            done += count
        self._room = Block.empty(TAIL_ROWS, self.snapshot.dim)
        self.load(base, self.snapshot.commit)
