"""Looks for evaluation code and questions in training pairs: an eye of its own.

python bench/models/leaks.py PAIRS... [--show N]

PAIRS are the files of pairs, or folders of them: JSON lines, each a list of kind, language,
package, path, name, query, code and what else a pair has. Nothing is shared with the training's
own filter: words here are whole identifiers, its are the tokenizer's. Ends with 1 when the code of
a pair shares more than 30 % of its runs of seven words, and at least eight, with the evaluated
code, or when a pair asks a hand-written question of four words or more, or seven in a row of one.
Runs of fewer than five different words (tables, constants) do not count.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sources
from numpy.typing import NDArray

RUN = 7
DIFFERENT = 5
MOST = 0.3
FEWEST = 8
SHORTEST = 4  # "edit distance" is anybody's
_WORD = re.compile(r"\w+")
_SOURCE = re.compile(r"\.(py|m?js|cjs|tsx?|go|rs|java|c|h|cc|cpp|hpp|rb|php|hs|kt|cs|swift|lua|exs?|sh|bash)$")  # fmt: skip  # noqa: E501
_PRIME = np.uint64(0x100000001B3)
Hashes = NDArray[np.uint64]


class Leak(NamedTuple):
    """A pair that was seen in the evaluation."""

    what: str
    share: float
    package: str
    path: str
    name: str
    query: str


def main() -> None:
    """Check the pairs named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", type=Path, metavar="PAIRS")
    parser.add_argument("--show", type=int, default=40, metavar="N")
    words = parser.parse_args()
    sources.fetch()
    known = Known(evaluation_texts(), questions())
    counted: Counter[str] = Counter()
    found: list[Leak] = []
    for path in files(words.pairs):
        for pair in read(path):
            counted["pairs"] += 1
            found += known.leaks(pair)
    packages = Counter((leak.what, leak.package) for leak in found)
    print(f"{counted['pairs']:,} pairs, {len(found):,} leaks")
    for (what, package), count in packages.most_common(words.show):
        print(f"{count:6}  {what:9} {package}")
    for leak in found[: words.show]:
        print(f"{leak.share:.2f} {leak.what} {leak.package} {leak.path} {leak.name}: {leak.query}")
    sys.exit(bool(found))


class Known:
    """The runs of seven words of the evaluation code, and the questions."""

    def __init__(self, texts: Iterable[str], asked: Sequence[str]) -> None:
        parts = [runs(text) for text in texts]
        self._code = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *parts]))
        self._asked = {p for p in map(plain, asked) if len(p.split()) >= SHORTEST}
        long = [runs(plain(question)) for question in asked]
        self._runs = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *long]))

    def leaks(self, pair: Sequence[str]) -> Iterator[Leak]:
        """Yield what a pair shares with the evaluation, if it is too much."""
        _, _, package, path, name, query, code, *_ = pair
        some = runs(code)
        share = _share(some, self._code)
        if share > MOST and share * len(some) > FEWEST - 1:
            yield Leak("code", share, package, path, name, query)
        asked = plain(query)
        if asked in self._asked or _share(runs(asked), self._runs) > 0:
            yield Leak("question", 1.0, package, path, name, query)


def evaluation_texts() -> Iterator[str]:
    """Every source file that is evaluated on, of the packages that are here."""
    for spec in sources.packages():
        root = sources.folder(spec)
        for path in sorted(root.rglob("*")) if root.is_dir() else ():
            if _SOURCE.search(path.name) and path.is_file() and path.stat().st_size < 1 << 20:
                yield path.read_text("utf-8", "replace")


def questions() -> list[str]:
    """The hand-written questions."""
    lines = sources.QUESTIONS.read_text("utf-8").splitlines()
    return [json.loads(line)["query"] for line in lines]


def files(places: Iterable[Path]) -> Iterator[Path]:
    """The files of pairs in some places."""
    for place in places:
        yield from sorted(place.glob("*.jsonl")) if place.is_dir() else [place]


def read(path: Path) -> Iterator[list[str]]:
    """The pairs of a file."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def plain(text: str) -> str:
    """A question without case and signs."""
    return " ".join(re.findall(r"\w+", text.lower()))


def runs(text: str) -> Hashes:
    """Hash every run of seven words."""
    words = np.array([_hash(word) for word in _WORD.findall(text)], dtype=np.uint64)
    count = max(0, len(words) - RUN + 1)
    found = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for at in range(RUN):
            found = (found * _PRIME) ^ words[at : at + count]
    if not count:
        return found
    columns = np.sort(np.lib.stride_tricks.sliding_window_view(words, RUN), axis=1)
    different = 1 + (columns[:, 1:] != columns[:, :-1]).sum(axis=1)
    return found[different >= DIFFERENT]


@lru_cache(maxsize=1 << 20)
def _hash(word: str) -> int:
    data = word.encode("utf-8", "replace")
    return zlib.crc32(data) << 32 | zlib.crc32(data, 1)


def _share(some: Hashes, known: Hashes) -> float:
    if not len(some) or not len(known):
        return 0.0
    places = np.minimum(np.searchsorted(known, some), len(known) - 1)
    return float((known[places] == some).mean())


if __name__ == "__main__":
    main()
