"""How a vector is stored: a float32 scale and int8 values. Database process only."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Stored = NDArray[np.int8]


def encode(data: bytes, dim: int) -> list[bytes | None]:
    """Turn float32 vectors into their stored form, None for one that is not finite or all zero."""
    rows = np.frombuffer(data, dtype="<f4").reshape(-1, dim)
    with np.errstate(invalid="ignore"):
        largest = np.abs(rows).max(axis=1, initial=0)
        good = np.isfinite(rows).all(axis=1) & (largest > 0)
        scales = np.where(good, largest, 1).astype("<f4") / np.float32(127)
        values = np.rint(np.where(good[:, None], rows, 0) / scales[:, None]).astype(np.int8)
    return [
        scales[i].tobytes() + values[i].tobytes() if good[i] else None for i in range(len(rows))
    ]


def decode(stored: Sequence[bytes], dim: int) -> Floats:
    """Turn stored vectors back into an n x dim float32 matrix; a string may hold several."""
    return decoded(side_by_side(stored, dim))


def side_by_side(stored: Sequence[bytes], dim: int) -> Stored:
    """Put stored vectors into one array, n x (4 + dim); a string may hold several."""
    return np.frombuffer(b"".join(stored), dtype=np.int8).reshape(-1, dim + 4)


def decoded(rows: Stored) -> Floats:
    """Turn stored vectors that lie side by side, n x (dim + 4), into n x dim float32."""
    scales = rows[:, :4].copy().view("<f4")
    out: Floats = rows[:, 4:].astype(np.float32)
    out *= scales
    return out


def crc(stored: bytes) -> int:
    """Checksum of a stored vector: SQLite does not notice a flipped bit in a page."""
    return zlib.crc32(stored)
