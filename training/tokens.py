"""Trains the tokenizer: words and numbers in lower case, camelCase cut, byte pairs within words."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.pairs import Pair

UNKNOWN = "[UNK]"
# Pairs of a language that the vocabulary is counted on, so that none drowns the others.
_PER_LANGUAGE = 25_000
_LEAST = 8


def train(pairs: Sequence[Pair], size: int, seed: int = 0) -> Tokenizer:
    """Train a tokenizer of `size` tokens on a sample of the pairs, even over languages."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    camel = Regex(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
    steps = [normalizers.Replace(camel, " "), normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    words = Regex(r"[a-z]+|[0-9]{1,4}|[^\x00-\x7f]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(words, "removed", invert=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=_LEAST, special_tokens=[UNKNOWN], show_progress=False,
        limit_alphabet=200,
    )  # fmt: skip
    tokenizer.train_from_iterator(_texts(pairs, seed), trainer)
    return tokenizer


def _texts(pairs: Sequence[Pair], seed: int) -> Iterator[str]:
    order = list(range(len(pairs)))
    random.Random(seed).shuffle(order)
    taken: Counter[str] = Counter()
    for number in order:
        pair = pairs[number]
        if taken[pair.language] < _PER_LANGUAGE:
            taken[pair.language] += 1
            yield "\n".join((pair.query, pair.rest, pair.header, pair.code))
