"""A sketch of each vector, two bits a number, and which rows of many may be near a question by it.

A sketch keeps of each number whether it is negative and whether it is large, so it stands for -3,
-1, 1 or 3. The question is rounded to three bits a number. A product of the two is a sum of counted
bits: 64 B a vector of 256 numbers are read instead of 1 KB, and what takes the time is counting.
Only rows that seem near are then compared in full; measured in docs/performance.md. Database
process only.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wherein.db_worker.codec import Floats

Bits = NDArray[np.uint64]

_WORD: Final = 64
#: A number is large above 6/5 of its vector's mean; .9 to 1.4 are level.
_LARGE: Final = (6, 5)
#: Bits a number of the question. Of the true first 100 among 105,000 chunks, the best 4,096 by
#: sketch have .993 with two bits, .998 with three, .999 with four.
_QUESTION_BITS: Final = 3
_LEVELS: Final = 2**_QUESTION_BITS - 1
#: Shares of a question's largest number that are tried as its largest level.
_CLIPS: Final = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3)
#: Rows that are counted together, so that what is between stays in the processor's cache.
_TOGETHER: Final = 32_768


def words_of(dim: int) -> int:
    """Return how many words one bit of each number takes."""
    return -(-dim // _WORD)


def sketch(values: NDArray[np.int8]) -> tuple[Bits, NDArray[np.int32]]:
    """Return the sketches of n stored vectors: 2 x words x n bits, and what each has in excess.

    The first bit of a number says that it is large, or negative and not large; the second that it
    is not negative: together they are 0 to 3 in the order of -3, -1, 1, 3. Counted so, from nought,
    products with a question come out too large by half the excess and what is the same for all.
    """
    sizes = np.abs(values)  # at most 127
    means = _LARGE[0] * sizes.sum(axis=1, dtype=np.int32) // (_LARGE[1] * values.shape[1])
    large = sizes > np.minimum(means, 127)[:, None].astype(np.int8)
    positive = values >= 0
    low = large == positive
    sums = 2 * np.count_nonzero(positive, axis=1) + np.count_nonzero(low, axis=1)
    excess = _LEVELS * (sums - 3 * values.shape[1])  # at most nought, so that no nearness is less
    return np.stack([_packed(low), _packed(positive)]), excess.astype(np.int32)


class SketchedQuestion:
    """A question's vector as sketches are compared with it."""

    def __init__(self, query: Floats) -> None:
        steps = _rounded(query)
        self._dim = len(query)
        self._bits = [_packed((steps >> k & 1)[None] == 1)[:, 0] for k in range(_QUESTION_BITS)]

    def nearness(self, bits: Bits, excess: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return how near sketches are, at least 0; comparable for one question only."""
        rows = bits.shape[2]
        found = np.empty(rows, np.int32)
        room = _Room.of_thread(self._dim)
        for start in range(0, rows, _TOGETHER):
            part = slice(start, min(rows, start + _TOGETHER))
            near = found[part]
            near[:] = self._counted(bits[:, :, part], room)
            near *= 2
            near -= excess[part]
        return found

    def _counted(self, bits: Bits, room: _Room) -> NDArray[Any]:
        """Return the sums of products of levels, counted from nought on both sides."""
        rows = bits.shape[2]
        met, ones = room.met[:, :rows], room.ones[:, :rows]
        total, counts = room.total[:rows], room.counts[:rows]
        total[:] = 0
        for question in reversed(self._bits):  # the highest bit first
            np.left_shift(total, 1, out=total)
            for value in (0, 1):
                np.bitwise_and(bits[value], question[:, None], out=met)
                np.bitwise_count(met, out=ones)
                np.add.reduce(ones, axis=0, dtype=counts.dtype, out=counts)
                np.left_shift(counts, value, out=counts)
                np.add(total, counts, out=total)
        return total


class _Room:
    """Where one thread counts. Arrays of this size made anew each time cost as much as the work."""

    def __init__(self, words: int, counter: type[Any]) -> None:
        self.made_for = (words, counter, _TOGETHER)
        self.met = np.empty((words, _TOGETHER), np.uint64)
        self.ones = np.empty((words, _TOGETHER), np.uint8)
        self.counts = np.empty(_TOGETHER, counter)
        self.total = np.empty(_TOGETHER, counter)

    @staticmethod
    def of_thread(dim: int) -> _Room:
        """Return this thread's, of the size that vectors of this length need."""
        counter = np.uint16 if 3 * _LEVELS * dim < 1 << 16 else np.uint32
        room: _Room | None = getattr(_threads, "room", None)
        if room is None or room.made_for != (words_of(dim), counter, _TOGETHER):
            room = _threads.room = _Room(words_of(dim), counter)
        return room


_threads: Final = threading.local()


def _rounded(query: Floats) -> NDArray[np.int64]:
    """Return a question's numbers as levels 0 to 7, which stand for -7, -5 up to 7."""
    largest = float(np.abs(query).max(initial=0.0)) or 1.0
    best, found = -1.0, np.zeros(len(query), np.int64)
    for clip in _CLIPS:
        step = 2 * largest * clip / _LEVELS
        levels = (np.floor(query / step) + (_LEVELS + 1) // 2).clip(0, _LEVELS)
        meant = 2 * levels - _LEVELS
        fits = float(meant @ query / np.linalg.norm(meant))
        if fits > best:
            best, found = fits, levels.astype(np.int64)
    return found


def _packed(bits: NDArray[np.bool_]) -> Bits:
    """Pack n x dim bits into words x n, nought behind the end."""
    rows, dim = bits.shape
    padded = np.zeros((rows, words_of(dim) * _WORD // 8), np.uint8)
    packed = np.packbits(bits, axis=1)
    padded[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(padded.view(np.uint64).T)
