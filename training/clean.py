"""Which of the pairs are used: no repeats, no leaks, some packages set aside for tuning."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs
import numpy as np
import xxhash

from training import archives, keepout, pairs, sentences, syntax

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from training.encoded import Encoded
    from training.lock import Package
    from training.pairs import Pair

# Packages whose pairs choose between recipes; they are neither trained on nor evaluated on.
TUNING = frozenset(
    [
        "werkzeug",
        "scrapy",
        "luigi",
        "websockets",
        "peewee",
        "fastify",
        "winston",
        "knex",
        "typeorm",
        "mobx",
        "golang-github-labstack-echo-dev",
        "golang-github-gorilla-mux-dev",
        "golang-go.uber-zap-dev",
        "librust-hyper-dev",
        "librust-petgraph-dev",
        "librust-rusqlite-dev",
        "jsoup",
        "picocli",
        "box2d",
        "libevent",
        "nunit",
        "ruby-faraday",
        "ruby-mail",
        "php-slim",
        "php-league-commonmark",
        "react-native-screens",
        "@capacitor/ios",
        "lua-penlight",
        "elixir-ex-doc",
        "elixir-makeup",
        "haskell-brick",
        "haskell-warp",
        "git-extras",
        "dehydrated",
    ]
)
# Languages of which one package has nearly all: a part of its files is set aside instead.
_BY_FILE = {"scala": "scala", "ziglang": "zig", "kotlin": "kotlin", "elixir-lang": "elixir"}
_ONE_FILE_IN = 16
_MAX_REPEATS = 2
# More of its runs of tokens in an evaluation package than this, and a pair is dropped.
MAX_SHARE = {"code": 0.3, "query": 0.8, "rest": 0.8}


@attrs.define
class Kept:
    """Clean pairs, and how many were dropped for which reason."""

    training: list[Pair]
    tuning: list[Pair]
    dropped: Counter[str]


def clean(folder: Path, names: list[str]) -> Kept:
    """Read the pair files of a folder; drop repeated code and queries seen more than twice."""
    kept = Kept([], [], Counter())
    answers: set[int] = set()
    asked: Counter[int] = Counter()
    for name in sorted(names):
        path = folder / f"{name}.jsonl"
        if not path.is_file():
            continue
        for pair in pairs.read(path):
            if keepout.package_is_kept_out(pair.package) or keepout.path_is_foreign(pair.file):
                kept.dropped["kept out"] += 1
                continue
            query = _hash(sentences.normal(pair.query))
            answer = _hash(f"{pair.kind}\n{' '.join(pair.code.split())}")
            if answer in answers:
                kept.dropped["repeated answer"] += 1
            elif asked[query] >= _MAX_REPEATS:
                kept.dropped["repeated query"] += 1
            elif is_tuning(pair):
                kept.tuning.append(pair)
            else:
                kept.training.append(pair)
            answers.add(answer)
            asked[query] += 1
    return kept


def is_tuning(pair: Pair) -> bool:
    """Tell whether a pair is set aside."""
    if pair.package in TUNING:
        return True
    part = _hash(pair.file) % _ONE_FILE_IN == 0
    return pair.package in _BY_FILE and part and pair.language == _BY_FILE[pair.package]


def sources(packages: list[Package], folder: Path) -> Iterator[str]:
    """Yield the source files of the evaluation packages, for their fingerprints only."""
    for package in packages:
        for archive in package.files:
            for path, data in archives.members(folder / package.registry / archive.name):
                if syntax.is_source(path, data):
                    yield data.decode("utf-8", "replace")


def fingerprints(texts: Iterator[str], tokenizer: Tokenizer) -> keepout.Fingerprints:
    """Remember the runs of tokens of some texts."""
    known = keepout.Fingerprints()
    block: list[str] = []
    for text in texts:
        block.append(text)
        if len(block) == 256:
            _add(known, block, tokenizer)
            block = []
    _add(known, block, tokenizer)
    return known


def _add(known: keepout.Fingerprints, block: list[str], tokenizer: Tokenizer) -> None:
    for found in tokenizer.encode_batch_fast(block, add_special_tokens=False):
        known.add(np.array(found.ids, dtype=np.uint16))


def without_leaks(data: Encoded, known: keepout.Fingerprints) -> NDArray[np.bool_]:
    """Mark the pairs that share no more with the evaluation packages than any code does."""
    good = np.ones(len(data), dtype=np.bool_)
    for part, most in MAX_SHARE.items():
        good &= known.share(data.ids[part], data.offsets[part]) <= most
    return good


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))
