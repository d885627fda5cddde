"""Pairs as token ids, in flat arrays that fit in memory: what training and evaluation read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from training.model import Bags
from training.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Integers = NDArray[np.int64]

# How many tokens of each part are kept.
LENGTHS = {"query": 48, "header": 32, "code": 192, "rest": 64}
_BLOCK = 5000


@attrs.define
class Encoded:
    """`ids[part][offsets[part][i] : offsets[part][i + 1]]` are the tokens of pair i."""

    ids: dict[str, NDArray[np.uint16]]
    offsets: dict[str, Integers]
    package: NDArray[np.int32]
    kind: NDArray[np.int32]
    language: NDArray[np.int32]
    names: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.package)

    def gather(self, part: str, chosen: Integers, longest: int) -> tuple[Integers, Integers]:
        """Return the tokens of a part of some pairs, and to which of them (0…) each belongs."""
        starts = self.offsets[part][chosen]
        lengths = np.minimum(self.offsets[part][chosen + 1] - starts, longest)
        before = np.cumsum(lengths) - lengths
        at = np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
        owner = np.repeat(np.arange(len(chosen)), lengths)
        return self.ids[part][at].astype(np.int64), owner

    def is_kind(self, name: str) -> NDArray[np.bool_]:
        """Mark the pairs of a kind."""
        kinds = self.names["kind"]
        return self.kind == (kinds.index(name) if name in kinds else -1)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        arrays = {f"ids_{part}": values for part, values in self.ids.items()}
        arrays |= {f"offsets_{part}": values for part, values in self.offsets.items()}
        arrays |= {f"names_{name}": np.array(values) for name, values in self.names.items()}
        np.savez(path, package=self.package, kind=self.kind, language=self.language, **arrays)

    def subset(self, chosen: Integers) -> Encoded:
        """Return some of the pairs."""
        ids, offsets = {}, {}
        for part in self.ids:
            tokens, owner = self.gather(part, chosen, 1 << 30)
            ids[part] = tokens.astype(np.uint16)
            offsets[part] = np.searchsorted(owner, np.arange(len(chosen) + 1))
        return Encoded(
            ids, offsets, self.package[chosen], self.kind[chosen], self.language[chosen], self.names
        )


def load(path: Path) -> Encoded:
    """Read what `save` wrote."""
    with np.load(path) as file:
        return Encoded(
            {part: file[f"ids_{part}"] for part in LENGTHS},
            {part: file[f"offsets_{part}"] for part in LENGTHS},
            file["package"], file["kind"], file["language"],
            {name: file[f"names_{name}"].tolist() for name in ("package", "kind", "language")},
        )  # fmt: skip


def encode(pairs: Sequence[Pair], tokenizer: Tokenizer) -> Encoded:
    """Turn pairs into token ids."""
    ids, offsets = {}, {}
    for part, longest in LENGTHS.items():
        pieces: list[NDArray[np.uint16]] = []
        lengths: list[int] = []
        for start in range(0, len(pairs), _BLOCK):
            texts = [getattr(pair, part) for pair in pairs[start : start + _BLOCK]]
            for found in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
                own = found.ids[:longest]
                pieces.append(np.array(own, dtype=np.uint16))
                lengths.append(len(own))
        ids[part] = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint16)
        offsets[part] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    names: dict[str, list[str]] = {}
    numbers = {}
    for field in ("package", "kind", "language"):
        values = [getattr(pair, field) for pair in pairs]
        names[field] = sorted(set(values))
        at = {value: number for number, value in enumerate(names[field])}
        numbers[field] = np.array([at[value] for value in values], dtype=np.int32)
    return Encoded(ids, offsets, numbers["package"], numbers["kind"], numbers["language"], names)


def queries(data: Encoded, chosen: Integers) -> Bags:
    """Return the queries of some pairs as bags."""
    tokens, owner = data.gather("query", chosen, LENGTHS["query"])
    return bags(len(chosen), [(tokens, owner, 1.0)], power=1.0)


def answers(data: Encoded, chosen: Integers, header_weight: float) -> Bags:
    """Return the answers of some pairs as the index would embed them: header and code."""
    parts = [
        (*data.gather("header", chosen, LENGTHS["header"]), header_weight),
        (*data.gather("code", chosen, LENGTHS["code"]), 1.0),
    ]
    return bags(len(chosen), parts, power=0.5)


def bags(count: int, parts: list[tuple[Integers, Integers, float]], power: float) -> Bags:
    """Join parts (tokens, owners, weight of each occurrence); counts are raised to `power`."""
    tokens = np.concatenate([part[0] for part in parts])
    owners = np.concatenate([part[1] for part in parts])
    weights = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    known = tokens > 0  # token 0 is the unknown one
    keys, place = np.unique(owners[known] << 20 | tokens[known], return_inverse=True)
    sums = np.bincount(place, weights[known], minlength=len(keys)) ** power
    return Bags(count, keys >> 20, keys & 0xFFFFF, sums.astype(np.float32))


def as_query(text: str) -> Pair:
    """Wrap a sentence that has no answer."""
    return Pair("sentence", "", "", "", "", text, "")
