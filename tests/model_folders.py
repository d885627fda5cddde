"""Small real models in folders: a static table, and an ONNX transformer written byte by byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

WORDS = ("[UNK]", "retry", "failed", "upload", "parse", "header", "line", "color", "screen", "x")


def table(dim: int, rows: int = len(WORDS)) -> NDArray[np.float32]:
    """Return the same random rows in every run; row 0 is the unknown token's."""
    return np.random.default_rng(7).normal(size=(rows, dim)).astype(np.float32)


def write_tokenizer(folder: Path, words: Iterable[str] = WORDS) -> None:
    """Write a tokenizer of whole words, lower case only."""
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


def write_safetensors(path: Path, tensors: dict[str, NDArray[Any]]) -> None:
    """Write the format by its definition: header size, JSON header, raw numbers."""
    names = {"float32": "F32", "int8": "I8", "int64": "I64", "float16": "F16"}
    header: dict[str, Any] = {}
    start = 0
    for name, tensor in tensors.items():
        end = start + tensor.nbytes
        header[name] = {
            "dtype": names[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(header).encode()
    data = b"".join(tensor.tobytes() for tensor in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_static(folder: Path, tensors: dict[str, NDArray[Any]] | None = None) -> Path:
    """Write a static model of 6 dimensions, or of the tensors given."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    write_safetensors(folder / "model.safetensors", tensors or {"embeddings": table(6)})
    return folder


def write_transformer(
    folder: Path,
    dim: int = 6,
    declared: int | None = None,
    onnx: str = "model.onnx",
    rows: NDArray[np.float32] | None = None,
) -> Path:
    """Write an ONNX model whose token states are the rows given, or those of `table(dim)`."""
    (folder / onnx).parent.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    config = {"hidden_size": dim if declared is None else declared, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))
    limits = {"model_max_length": 16, "pad_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(limits))
    (folder / onnx).write_bytes(gather_model(table(dim) if rows is None else rows))
    return folder


def gather_model(rows: NDArray[np.float32]) -> bytes:
    """Encode an ONNX model of one node: last_hidden_state = rows[input_ids].

    Field numbers are those of onnx.proto3 (ModelProto, GraphProto, NodeProto, TensorProto).
    """
    tensor = b"".join(
        [
            *(_number(1, size) for size in rows.shape),
            _number(2, 1),  # float
            _text(8, "rows"),
            _field(9, rows.tobytes()),
        ]
    )
    node = b"".join(
        [
            _text(1, "rows"),
            _text(1, "input_ids"),
            _text(2, "last_hidden_state"),
            _text(4, "Gather"),
        ]
    )
    ids = _value("input_ids", 7, ["batch", "tokens"])
    states = _value("last_hidden_state", 1, ["batch", "tokens", rows.shape[1]])
    graph = b"".join(
        [
            _field(1, node),
            _text(2, "g"),
            _field(5, tensor),
            _field(11, ids),
            _field(12, states),
        ]
    )
    return _number(1, 8) + _field(8, _text(1, "") + _number(2, 13)) + _field(7, graph)


def _value(name: str, kind: int, sizes: list[str | int]) -> bytes:
    dims = b"".join(
        _field(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in sizes
    )
    tensor_type = _number(1, kind) + _field(2, dims)
    return _text(1, name) + _field(2, _field(1, tensor_type))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _field(field, text.encode())
