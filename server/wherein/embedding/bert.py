"""Turns the weights of a BERT encoder into an ONNX file, in floats or in small integers.

Runs in `wherein model build`. The graph uses the fused operators of ONNX Runtime; its inputs are
`input_ids` and `attention_mask`, its output the token states `last_hidden_state`.

Measured on all-MiniLM-L6-v2, 300 functions of the standard library cut at 128 tokens, one thread:
integers do 2.1 times the work of floats in a CPU second, and the mean cosine of the two is .995.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wherein.embedding.onnx_file import MICROSOFT, OnnxGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# Seven bits: an unsigned byte times such a weight, twice, fits into 16 bits, so processors that
# sum in 16 bits (x86 without VNNI) compute what all others do. The eighth bit is worth .0015 of
# cosine.
_WEIGHT_LEVELS = 63
_ROW_LEVELS = 127
# The step whose rounding costs most: what the first block's feed-forward gives has a few large
# numbers that coarsen the rest. In floats the cosine rises from .9933 to .9948, at 7 % of the time.
_EXACT_STEP = "0.out"
_EPSILON = 1e-12  # of BERT's layer normalisations
_FLOAT = 1  # TensorProto.FLOAT
_INT32 = 6  # TensorProto.INT32


def encode_bert(
    tensors: Mapping[str, Floats], heads: int, max_tokens: int, *, integers: bool
) -> bytes:
    """Write the encoder whose tensors have the names that transformers gives them.

    `heads` is the number of attention heads. Texts may have up to `max_tokens` tokens. With
    `integers`, weights are int8 with a scale a column, the token table int8 with a scale a row, and
    activations are rounded while the model runs. Raises KeyError for a missing tensor.
    """
    return _Bert(tensors, heads, max_tokens, integers=integers).encode()


class _Bert:
    def __init__(
        self, tensors: Mapping[str, Floats], heads: int, max_tokens: int, *, integers: bool
    ) -> None:
        self._tensors = tensors
        self._heads = heads
        self._max_tokens = max_tokens
        self._integers = integers
        self._graph = OnnxGraph("bert")

    def encode(self) -> bytes:
        graph, batch = self._graph, ("batch", "tokens")
        ids = graph.input("input_ids", "int64", batch)
        mask = graph.input("attention_mask", "int64", batch)
        mask = graph.add("Cast", [mask], ["mask"], to=_INT32)
        state = self._embeddings(ids)
        layer = 0
        while f"encoder.layer.{layer}.output.dense.weight" in self._tensors:
            state = self._block(layer, state, mask)
            layer += 1
        graph.add("Identity", [state], ["last_hidden_state"])
        hidden = len(self._tensors["embeddings.LayerNorm.weight"])
        graph.output("last_hidden_state", "float32", (*batch, hidden))
        return graph.to_bytes()

    def _embeddings(self, ids: str) -> str:
        """Sum the rows of token, place and text (there is one text, so its row is a constant)."""
        graph = self._graph
        words = self._tensors["embeddings.word_embeddings.weight"]
        if self._integers:
            rounded, scales = _rounded(words, 1, _ROW_LEVELS)
            row = graph.add("Gather", [graph.constant("words", rounded), ids], ["word_rounded"])
            row = graph.add("Cast", [row], ["word_float"], to=_FLOAT)
            scale = graph.add("Gather", [graph.constant("scales", scales), ids], ["word_scale"])
            word = graph.add("Mul", [row, scale], ["word"])
        else:
            word = graph.add("Gather", [graph.constant("words", words), ids], ["word"])
        places = self._tensors["embeddings.position_embeddings.weight"][: self._max_tokens]
        places = places + self._tensors["embeddings.token_type_embeddings.weight"][0]
        zero = graph.constant("zero", np.zeros(1, dtype=np.int64))
        count = graph.add("Shape", [ids], ["count"], start=1, end=2)
        place = graph.add("Slice", [graph.constant("places", places), zero, count, zero], ["place"])
        total = graph.add("Add", [word, place], ["embedded"])
        norm = [self._constant(f"embeddings.LayerNorm.{end}") for end in ("weight", "bias")]
        return graph.add("LayerNormalization", [total, *norm], ["start"], epsilon=_EPSILON)

    def _block(self, layer: int, state: str, mask: str) -> str:
        prefix = f"encoder.layer.{layer}"
        attended = self._attention(layer, state, mask)
        attended = self._dense(f"{layer}.attended", attended, f"{prefix}.attention.output.dense")
        state = self._norm(attended, state, f"{prefix}.attention.output")
        wide = self._dense(f"{layer}.in", state, f"{prefix}.intermediate.dense")
        bias = self._constant(f"{prefix}.intermediate.dense.bias")
        wide = self._graph.add("BiasGelu", [wide, bias], [f"{layer}.gelu"], MICROSOFT)
        narrow = self._dense(f"{layer}.out", wide, f"{prefix}.output.dense")
        return self._norm(narrow, state, f"{prefix}.output")

    def _attention(self, layer: int, state: str, mask: str) -> str:
        """Let all tokens look at one another; query, key and value are one multiplication."""
        prefix = f"encoder.layer.{layer}.attention.self"
        parts = ("query", "key", "value")
        weights = [self._tensors[f"{prefix}.{part}.weight"].T for part in parts]
        biases = [self._tensors[f"{prefix}.{part}.bias"] for part in parts]
        projected = self._multiply(f"{layer}.qkv", state, np.concatenate(weights, axis=1))
        names = [f"{layer}.{part}" for part in parts]
        self._graph.add("Split", [projected], names, axis=2)
        bias = self._graph.constant(f"{layer}.qkv.bias", np.concatenate(biases))
        return self._graph.add(
            "MultiHeadAttention",
            [*names, bias, mask],
            [f"{layer}.attention"],
            MICROSOFT,
            num_heads=self._heads,
        )

    def _dense(self, name: str, state: str, tensor: str) -> str:
        """Multiply by a layer's weights; the operator that follows adds the bias."""
        return self._multiply(name, state, self._tensors[f"{tensor}.weight"].T)

    def _multiply(self, name: str, state: str, weights: Floats) -> str:
        graph = self._graph
        if not self._integers:
            kept = graph.constant(f"{name}.weight", weights)
            return graph.add("MatMul", [state, kept], [name])
        exact = name == _EXACT_STEP
        rounded, scales = _rounded(weights, 0, _ROW_LEVELS if exact else _WEIGHT_LEVELS)
        kept = graph.constant(f"{name}.weight", rounded)
        scale = graph.constant(f"{name}.scale", scales)
        if exact:  # small in the file, and in floats once it is loaded
            floats = graph.add("Cast", [kept], [f"{name}.float"], to=_FLOAT)
            floats = graph.add("Mul", [floats, scale], [f"{name}.scaled"])
            return graph.add("MatMul", [state, floats], [name])
        return graph.add("DynamicQuantizeMatMul", [state, kept, scale], [name], MICROSOFT)

    def _norm(self, change: str, state: str, prefix: str) -> str:
        ends = ("LayerNorm.weight", "LayerNorm.bias", "dense.bias")
        return self._graph.add(
            "SkipLayerNormalization",
            [change, state, *(self._constant(f"{prefix}.{end}") for end in ends)],
            [f"{prefix}.state"],
            MICROSOFT,
            epsilon=_EPSILON,
        )

    def _constant(self, tensor: str) -> str:
        return self._graph.constant(tensor, self._tensors[tensor])


def _rounded(
    values: Floats, axis: int, levels: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round to whole numbers from -levels to levels, with a scale for each line along the axis.

    The scales are n x 1 for rows (axis 1) and n for columns (axis 0).
    """
    largest: NDArray[Any] = np.abs(values).max(axis=axis, keepdims=axis == 1)
    scales = np.where(largest == 0, 1, largest / levels).astype(np.float32)
    return np.rint(values / scales).astype(np.int8), scales
