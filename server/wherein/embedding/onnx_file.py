"""Writes ONNX files, so that no other package is needed to build a model. Runs in `wherein model`.

ONNX is protocol buffers; the field numbers here are those of onnx.proto3 (ModelProto, GraphProto,
NodeProto, AttributeProto, TensorProto, ValueInfoProto). Only what `bert` needs is here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# TensorProto.DataType by numpy's names.
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
_IR_VERSION = 8
_OPSET = 17  # the first with LayerNormalization; ONNX Runtime reads it since 1.12
MICROSOFT = "com.microsoft"  # the fused operators that ONNX Runtime brings


class OnnxGraph:
    """A graph that is built node by node, in the order of computation."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def input(self, name: str, kind: str, sizes: Sequence[int | str]) -> str:
        """Declare an input by numpy's name of its type; a size that varies has a name."""
        self._inputs.append(_value(name, kind, sizes))
        return name

    def output(self, name: str, kind: str, sizes: Sequence[int | str]) -> None:
        """Declare which value is the graph's output."""
        self._outputs.append(_value(name, kind, sizes))

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Keep an array in the file; return its name, to be used as an input of nodes."""
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self._tensors.append(
            b"".join(
                [
                    *(_number(1, size) for size in array.shape),
                    _number(2, _TYPES[array.dtype.name]),
                    _text(8, name),
                    _field(9, little.tobytes()),
                ]
            )
        )
        return name

    def add(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        domain: str = "",
        **attributes: float,
    ) -> str:
        """Add a node and return its first output; "" as an input leaves an optional one out.

        Attributes are whole numbers or floats.
        """
        self._nodes.append(
            b"".join(
                [
                    *(_text(1, name) for name in inputs),
                    *(_text(2, name) for name in outputs),
                    _text(3, outputs[0]),
                    _text(4, operator),
                    *(_field(5, _attribute(name, value)) for name, value in attributes.items()),
                    _text(7, domain),
                ]
            )
        )
        return outputs[0]

    def to_bytes(self) -> bytes:
        """Encode the model: equal graphs give equal bytes on every machine."""
        graph = b"".join(
            [
                *(_field(1, node) for node in self._nodes),
                _text(2, self._name),
                *(_field(5, tensor) for tensor in self._tensors),
                *(_field(11, value) for value in self._inputs),
                *(_field(12, value) for value in self._outputs),
            ]
        )
        opsets = [
            _field(8, _text(1, domain) + _number(2, version))
            for domain, version in (("", _OPSET), (MICROSOFT, 1))
        ]
        return b"".join([_number(1, _IR_VERSION), _text(2, "wherein"), _field(7, graph), *opsets])


def _value(name: str, kind: str, sizes: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _field(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in sizes
    )
    tensor_type = _number(1, _TYPES[kind]) + _field(2, dims)
    return _text(1, name) + _field(2, _field(1, tensor_type))


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)  # AttributeProto.INT
    return _text(1, name) + _tag(2, 5) + struct.pack("<f", value) + _number(20, 1)  # FLOAT


def _varint(value: int) -> bytes:
    """Encode a number that is not negative, seven bits a byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _field(field, text.encode())
