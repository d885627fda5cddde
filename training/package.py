"""Writes a table as the folder that fastembed's static models are read from: int8 rows, scales."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Floats = NDArray[np.float32]

_TYPES = {"int8": "I8", "float32": "F32"}


def quantise(folded: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Round each row to int8 with a scale of its own; the unknown token's row becomes zero."""
    rows = folded.copy()
    rows[0] = 0.0
    rows /= np.abs(rows).max() / 8
    largest = np.abs(rows).max(axis=1)
    largest[largest == 0] = 1.0
    small = np.round(rows / largest[:, None] * 127).astype(np.int8)
    return small, (largest / 127).astype(np.float32)


def write(folder: Path, folded: Floats, tokenizer: Tokenizer, about: dict[str, Any]) -> None:
    """Write model.safetensors, tokenizer.json and config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, scales = quantise(folded)
    _safetensors(folder / "model.safetensors", {"embeddings": rows, "weights": scales})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {"model_type": "model2vec", "normalize": True, "hidden_dim": rows.shape[1]} | about
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _safetensors(path: Path, tensors: dict[str, NDArray[Any]]) -> None:
    header: dict[str, Any] = {}
    at = 0
    for name, values in tensors.items():
        end = at + values.nbytes
        kind = _TYPES[str(values.dtype)]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [at, end]}
        at = end
    told = json.dumps(header, separators=(",", ":")).encode()
    told += b" " * (-len(told) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(told)) + told)
        for values in tensors.values():
            file.write(np.ascontiguousarray(values).tobytes())
