"""Reads the safetensors format: header size, JSON header, raw numbers.

Runs in the vectorization worker and in `wherein model`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


_KINDS = {"F32": "<f4", "I8": "i1"}


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return every float32 and int8 tensor; the numbers stay on disk until they are used.

    Raises OSError, ValueError or KeyError for a file that is not what it should be: callers check
    its hash first.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, dict[str, Any]] = json.loads(file.read(size))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + size)
    tensors = {}
    for name, entry in header.items():
        if kind := _KINDS.get(entry.get("dtype", "")):
            start, end = entry["data_offsets"]
            tensors[name] = data[start:end].view(kind).reshape(entry["shape"])
    return tensors
