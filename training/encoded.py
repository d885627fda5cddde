"""Pairs as token ids, in flat arrays that fit in memory: what training and evaluation read."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np

from training.model import Bags
from training.pairs import Pair
from wherein.embedding import pooling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Integers = NDArray[np.int64]
    Doubles = NDArray[np.float64]
    _Block = dict[str, tuple[NDArray[np.uint16], Integers]]

# How many tokens of each part are kept.
LENGTHS = {"query": 48, "place": 32, "own_name": 12, "code": 192, "rest": 64}
_BLOCK = 5000
_CHARACTERS = 8  # of a token at most, on average: the rest of a text would be tokenised in vain
_MANY = 4  # blocks that one process does alone


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

    def answer_keys(self) -> Integers:
        """Return a number for the answer of each pair: equal when its tokens are."""
        mixed = self.ids["code"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(31)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed * mixed, dtype=np.uint64)])
        offsets = self.offsets["code"]
        return (sums[offsets[1:]] - sums[offsets[:-1]]).astype(np.int64)

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
    """Turn pairs into token ids; two processes share the work when there is much."""
    starts = range(0, len(pairs), _BLOCK)
    blocks = [partial(_block, pairs, tokenizer, start) for start in starts]
    if len(blocks) > _MANY:
        _waiting[:] = blocks  # the processes inherit them: nothing is copied there
        with multiprocessing.get_context("fork").Pool(2, _alone) as pool:
            found = pool.map(_at, range(len(blocks)), chunksize=1)
        _waiting.clear()
    else:
        found = [block() for block in blocks]
    ids, offsets = {}, {}
    for part in LENGTHS:
        nothing = np.zeros(0, dtype=np.uint16)
        ids[part] = np.concatenate([nothing, *(block[part][0] for block in found)])
        lengths = np.concatenate([[0], *(block[part][1] for block in found)])
        offsets[part] = np.cumsum(lengths).astype(np.int64)
    names: dict[str, list[str]] = {}
    numbers = {}
    for field in ("package", "kind", "language"):
        values = [getattr(pair, field) for pair in pairs]
        names[field] = sorted(set(values))
        at = {value: number for number, value in enumerate(names[field])}
        numbers[field] = np.array([at[value] for value in values], dtype=np.int32)
    return Encoded(ids, offsets, numbers["package"], numbers["kind"], numbers["language"], names)


_waiting: list[Callable[[], _Block]] = []


def _alone() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads do not outlive a fork: it would hang


def _at(number: int) -> _Block:
    return _waiting[number]()


def _block(pairs: Sequence[Pair], tokenizer: Tokenizer, start: int) -> _Block:
    """Encode some pairs: for each part, its ids and how many each pair has."""
    result: _Block = {}
    for part, longest in LENGTHS.items():
        cut = longest * _CHARACTERS
        texts = [getattr(pair, part)[:cut] for pair in pairs[start : start + _BLOCK]]
        found = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        own = [one.ids[:longest] for one in found]
        lengths = np.array([len(one) for one in own], dtype=np.int64)
        flat = itertools.chain.from_iterable(own)
        result[part] = np.fromiter(flat, dtype=np.uint16, count=int(lengths.sum())), lengths
    return result


def queries(data: Encoded, chosen: Integers) -> Bags:
    """Return the queries of some pairs as bags."""
    tokens, owner = data.gather("query", chosen, LENGTHS["query"])
    return bags(len(chosen), [(tokens, owner, np.ones(len(tokens)))], power=1.0)


def answers(data: Encoded, chosen: Integers) -> Bags:
    """Return the answers of some pairs as the index would embed them: place, name and code."""
    parts = []
    for part, often in zip(("place", "own_name", "code"), pooling.OFTEN, strict=True):
        tokens, owner = data.gather(part, chosen, LENGTHS[part])
        counts = often * earliness(owner) if part == "code" else np.full(len(tokens), often)
        parts.append((tokens, owner, counts))
    return bags(len(chosen), parts, power=0.5)


def earliness(owner: Integers) -> Doubles:
    """Return how much each token of a text counts; `owner` is sorted."""
    starts = np.searchsorted(owner, np.arange(owner.max(initial=0) + 1))
    return pooling.earliness(np.arange(len(owner)) - starts[owner])


def bags(count: int, parts: list[tuple[Integers, Integers, Doubles]], power: float) -> Bags:
    """Join parts (tokens, owners, what each counts); the sums are raised to `power`."""
    tokens = np.concatenate([part[0] for part in parts])
    owners = np.concatenate([part[1] for part in parts])
    weights = np.concatenate([part[2] for part in parts])
    known = tokens > 0  # token 0 is the unknown one
    keys, place = np.unique(owners[known] << 20 | tokens[known], return_inverse=True)
    sums = np.bincount(place, weights[known], minlength=len(keys)) ** power
    return Bags(count, keys >> 20, keys & 0xFFFFF, sums.astype(np.float32))


def as_query(text: str) -> Pair:
    """Wrap a sentence that has no answer."""
    return Pair("sentence", "", "", "", "", text, "")
