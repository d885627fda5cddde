"""Trains the tokenizer: words and numbers in lower case, camelCase cut, byte pairs within words."""

from __future__ import annotations

import itertools
import random
import re
import string
from collections import Counter
from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from training.pairs import Pair

UNKNOWN = "[UNK]"
# Pairs of a language that the vocabulary is counted on, so that none drowns the others.
_PER_LANGUAGE = 25_000
_LEAST = 8
_ALPHABET = 200  # characters
_OTHER = re.compile(r"[^\x00-\x7f]")


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
        limit_alphabet=_ALPHABET, initial_alphabet=alphabet(_texts(pairs, seed)),
    )  # fmt: skip
    tokenizer.train_from_iterator(_texts(pairs, seed), trainer)
    return tokenizer


def alphabet(texts: Iterable[str]) -> list[str]:
    """Return letters, figures, and the most frequent other characters, 200 in all.

    The trainer would choose others of equally frequent characters in each run; here letters come
    first, then the order of Unicode, so that a run can be repeated to the bit.
    """
    plain = string.ascii_lowercase + string.digits
    found = Counter(itertools.chain.from_iterable(map(_OTHER.findall, texts)))
    counts: Counter[str] = Counter()
    for character, count in found.items():
        counts.update(dict.fromkeys(character.lower(), count))
    for character in plain:
        counts.pop(character, None)
    best = sorted(counts, key=lambda one: (-counts[one], not one.isalpha(), one))
    return [*plain, *best[: _ALPHABET - len(plain)]]


def _texts(pairs: Sequence[Pair], seed: int) -> Iterator[str]:
    order = list(range(len(pairs)))
    random.Random(seed).shuffle(order)
    taken: Counter[str] = Counter()
    for number in order:
        pair = pairs[number]
        if taken[pair.language] < _PER_LANGUAGE:
            taken[pair.language] += 1
            yield "\n".join((pair.query, pair.rest, pair.header, pair.code))
