"""A file as rows of bytes, and how runs of rows are cut into pieces; used by the chunker.

Rows count from 0 and end at a line feed, as tree-sitter counts them. All cuts lie between rows, so
that every line of a file is in exactly one piece.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

# A piece of code that is found as one: 750 to 1,500 bytes rank alike, 3,000 rank worse.
LIMIT = 1500
# The rest of a split that is shorter than this stays with the piece before it.
TAIL = 300
# Lines longer than this are not code that somebody wrote.
LONG_LINE = 10_000

_MARK = b"\xef\xbb\xbf"


class Lines:
    """The rows of one file's source data."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.rows = data.split(b"\n")
        if self.rows[0].startswith(_MARK):
            self.first_byte = len(_MARK)
        else:
            self.first_byte = 0
        self.starts = [0, *accumulate([len(row) + 1 for row in self.rows])]

    def __len__(self) -> int:
        return len(self.rows)

    def row_of(self, byte: int) -> int:
        """Find the row that a byte offset lies in."""
        return bisect_right(self.starts, byte) - 1

    def size(self, first: int, last: int) -> int:
        """Count the bytes of rows `first` to `last`, both included."""
        return self.starts[last + 1] - self.starts[first]

    def is_blank(self, row: int) -> bool:
        """Tell whether a row holds nothing but white space (and a byte order mark)."""
        text = self.rows[row]
        if row == 0:
            text = text[self.first_byte :]
        return not text or text.isspace()

    def trim(self, first: int, last: int) -> tuple[int, int] | None:
        """Take blank rows off both ends; None when nothing is left."""
        while first <= last and self.is_blank(first):
            first += 1
        while last > first and self.is_blank(last):
            last -= 1
        return (first, last) if first <= last else None

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Give the bytes of some rows, without a mark at the start and the end of the last line."""
        start = self.starts[first] if first else self.first_byte
        end = self.starts[last] + len(self.rows[last].removesuffix(b"\r"))
        return start, end

    def is_long_lined(self) -> bool:
        """Tell whether some line is too long to be code (minified, data)."""
        return len(self.data) > LONG_LINE and max(map(len, self.rows)) > LONG_LINE

    def cut(self, first: int, last: int, between: Sequence[int] = ()) -> list[tuple[int, int]]:
        """Cut rows into runs of at most LIMIT bytes, where possible in front of rows in `between`.

        `between` is sorted. A single row over the limit is a run of its own.
        """
        if self.size(first, last) <= LIMIT:
            return [(first, last)]
        runs: list[tuple[int, int]] = []
        low, high = bisect_right(between, first), bisect_right(between, last)
        at = good = first
        for row in (*between[low:high], last + 1):
            if row - 1 > at and self.size(at, row - 1) > LIMIT and good > at:
                runs.append((at, good - 1))
                at = good
            while at < row and self.size(at, row - 1) > LIMIT:
                end = self._window_end(at, row - 1)
                runs.append((at, end))
                at = end + 1
            good = row
        if at <= last:
            if runs and self.size(at, last) < TAIL and self.size(*runs[-1]) <= LIMIT:
                runs[-1] = (runs[-1][0], last)
            else:
                runs.append((at, last))
        return runs

    def _window_end(self, first: int, last: int) -> int:
        """Choose a window's last row: a blank one in its second half, else where it is full."""
        full = bisect_right(self.starts, self.starts[first] + LIMIT) - 2
        full = max(first, min(full, last))
        half = bisect_left(self.starts, self.starts[first] + LIMIT // 2)
        for row in range(full, max(half, first), -1):
            if self.is_blank(row):
                return row
        return full
