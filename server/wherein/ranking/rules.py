"""Ranking rules that know code, as data: a name, a weight, a function. Database process only, pure.

They run in the order of `RULES` on candidates whose scores are scaled to 1, and each notes its name
on the candidates that it moved. What lowers comes first: tests and documents say the words of a
question more often than the code does, so they must not set the scale for it, nor for its file. To
add one: a function, a row, and its line in the ablation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from wherein.domain import Kind
from wherein.ranking.fusion import Candidate, place, scale_to_one
from wherein.ranking.query import Question
from wherein.ranking.words import stem, tokens

Apply = Callable[[Question, Sequence[Candidate], float], None]


@dataclass(frozen=True)
class Rule:
    """One rule: `apply(question, candidates, weight)` changes scores in place."""

    name: str
    weight: float
    apply: Apply
    lowers: bool = False


def _symbol_name(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Raise what has no vector yet by the share of the question's words in its symbol's name.

    With a vector of its own the symbol counts already, and better.
    """
    for c in candidates:
        if c.cosine is None and c.symbol and question.words:
            named = frozenset(tokens(c.symbol))
            share = sum(word in named for word in question.words) / len(question.words)
            if share > 0:
                c.add(weight * share)
                c.rules.append("symbol name")


def _aside(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Lower tests, docs, examples, vendored code and so on unless the question asks for them."""
    for c in candidates:
        kinds = aside_kinds(c.path) or _inside(c)
        if kinds and not kinds & question.asks_for:
            c.lower(weight, f"lowered: {min(kinds)}")


def _not_code(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Lower prose, data and markup, and files of no known language, unless they are asked for."""
    for c in candidates:
        kind = _NOT_CODE.get(c.language)
        if kind and kind not in question.asks_for and not aside_kinds(c.path):
            c.lower(weight, f"lowered: {kind}")


def _rest_of_file(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Lower what is left of a file between its definitions: imports name what others define."""
    del question
    for c in candidates:
        if c.kind == Kind.MODULE and not c.symbol:
            c.lower(weight, "lowered: rest of file")


def _file_coherence(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Raise the best chunk of each file by the file's share of the summed score.

    The best few chunks of a file are summed: a long file has many that match by chance.
    """
    del question
    files: dict[int, list[Candidate]] = {}
    for c in candidates:
        files.setdefault(c.file, []).append(c)
    sums: list[float] = []
    for chunks in files.values():
        chunks.sort(key=place)
        sums.append(sum(c.score for c in chunks[:_COHERENT]))
    most = max(sums, default=0.0)
    if most <= 0:
        return
    for chunks, total in zip(files.values(), sums, strict=True):
        best = chunks[0]
        if total > best.score:  # several chunks of it matched; one alone says nothing
            best.rules.append("file coherence")
        best.add(weight * total / most)


def _definition(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Raise what defines the name that was asked for: half when only the case differs.

    Half too in the rest of a file, which may only pass a name on, when a chunk of its own has it.
    """
    name = question.name
    if not name:
        return
    folded = name.casefold()
    plain = _plain(name)
    elsewhere = any(c.symbol and name in c.definitions for c in candidates)
    for c in candidates:
        if name in c.definitions:
            amount = weight if c.symbol or not elsewhere else weight / 2
        elif any(d.casefold() == folded for d in c.definitions):
            amount = weight / 2
        else:
            continue
        if _same_name(_plain(_stem_of_file(c.path)), plain):
            amount *= 1.5
        c.add(amount)
        c.rules.append("definition")


def _qualifier(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Raise a definition inside what stands before the name: `Uploader` of `Uploader.retry`."""
    if not question.qualifiers:
        return
    for c in candidates:
        if "definition" in c.rules and _is_inside(c, question.qualifiers[-1]):
            c.add(weight)
            c.rules.append("qualifier")


def _mention(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Raise what defines code that a sentence names: "how ClientSession reuses connections".

    Half for a name that is not what the sentence is about ("shortcut for add_route"), for one in
    other letters' case, for one inside something else than what stands before it, and in the rest
    of a file when a chunk of its own has it. The more files define it the less it says.
    """
    for mention in question.mentions:
        name, folded = mention.name, mention.name.casefold()
        exact = [c for c in candidates if name in c.definitions]
        named = exact or [
            c for c in candidates if any(d.casefold() == folded for d in c.definitions)
        ]
        elsewhere = any(c.symbol for c in named)
        share = weight / math.sqrt(max(1, len({c.file for c in named})))
        for c in named:
            halved = (
                not mention.subject,
                not exact,
                bool(mention.qualifier) and not _is_inside(c, mention.qualifier),
                elsewhere and not c.symbol,
            )
            c.add(share * 0.5 ** sum(halved))
            c.rules.append("mention")


def _file_name(question: Question, candidates: Sequence[Candidate], weight: float) -> None:
    """Raise chunks by the share of the question's words in the names of file and directory."""
    if not question.words:
        return
    shares: dict[int, float] = {}
    # A name's word -> how well each word of the question matches it; None where none does.
    matches: dict[str, tuple[float, ...] | None] = {}
    for c in candidates:
        share = shares.get(c.file)
        if share is None:
            fits = []
            for name in _name_words(c.path):
                if name not in matches:
                    found = tuple(_match(word, name) for word in question.words)
                    matches[name] = found if any(found) else None
                if (fit := matches[name]) is not None:
                    fits.append(fit)
            best = map(max, zip(*fits, strict=True))  # for each word of the question
            share = shares[c.file] = sum(best) / len(question.words)
        if share > 0:
            c.add(weight * share)
            c.rules.append("file name")


_SYMBOL_JOINTS: Final = re.compile(r"\.|::?|#")
#: Chunks of a file that its coherence counts; 4 to 8 are within noise of each other.
_COHERENT: Final = 6

#: In the order in which they run.
RULES: Final = (
    Rule("aside", 0.5, _aside, lowers=True),
    Rule("not code", 0.5, _not_code, lowers=True),
    Rule("rest of file", 0.9, _rest_of_file, lowers=True),
    Rule("symbol name", 0.2, _symbol_name),
    Rule("file coherence", 0.4, _file_coherence),
    Rule("definition", 3.0, _definition),
    Rule("qualifier", 0.5, _qualifier),
    Rule("mention", 0.6, _mention),
    Rule("file name", 1.0, _file_name),
)


def apply_rules(
    question: Question, candidates: Sequence[Candidate], rules: Sequence[Rule] = RULES
) -> None:
    """Run those that lower, scale to 1 again, run the others; an ablation passes fewer of them."""
    for rule in rules:
        if rule.lowers:
            rule.apply(question, candidates, rule.weight)
    scale_to_one(candidates)
    for rule in rules:
        if not rule.lowers:
            rule.apply(question, candidates, rule.weight)


_ASIDE_DIRECTORIES: Final = {
    "test": "tests", "tests": "tests", "testing": "tests", "spec": "tests", "specs": "tests",
    "__tests__": "tests", "e2e": "tests", "unittests": "tests", "testsuite": "tests",
    "doc": "docs", "docs": "docs", "documentation": "docs",
    "example": "examples", "examples": "examples", "sample": "examples", "samples": "examples",
    "demo": "examples", "demos": "examples",
    "bench": "benchmarks", "benches": "benchmarks", "benchmark": "benchmarks",
    "benchmarks": "benchmarks",
    "fixture": "fixtures", "fixtures": "fixtures", "testdata": "fixtures", "mocks": "fixtures",
    "__mocks__": "fixtures", "__fixtures__": "fixtures", "__snapshots__": "fixtures",
    "generated": "generated", "__generated__": "generated", "dist": "generated",
    "vendor": "vendored", "vendored": "vendored", "third_party": "vendored",
    "third-party": "vendored", "thirdparty": "vendored",
}  # fmt: skip
#: Language -> what it is instead of code; "" is a file whose name says nothing.
_NOT_CODE: Final = {
    "markdown": "docs", "rst": "docs", "asciidoc": "docs", "tex": "docs", "text": "docs",
    "json": "data", "toml": "data", "yaml": "data", "ini": "data", "csv": "data", "": "data",
    "xml": "markup", "html": "markup", "css": "markup", "scss": "markup", "less": "markup",
    "diff": "data",
}  # fmt: skip
_ASIDE_FILES: Final = (
    (re.compile(r"(?:.*[_.-](?:test|tests|spec)|conftest)\.[^.]+\Z"), "tests"),
    (re.compile(r"(?:changelog|changes|history|news|readme)(?:\.[a-z]+)?\Z"), "docs"),
    (re.compile(r".*[_.-](?:bench|benchmark)\.[^.]+\Z"), "benchmarks"),
    (re.compile(r".*(?:_pb2(?:_grpc)?\.pyi?|\.pb\.(?:go|cc|h)|\.min\.(?:js|css))\Z"), "generated"),
)
#: A prefix says less than a suffix: in these directories `test_helpers` is for those who test.
_TEST_PREFIX: Final = "test_"
_SHIPPED: Final = frozenset({"lib", "src"})
_RUST_TESTS: Final = frozenset({"test", "tests"})
_CAMEL_TEST: Final = re.compile(r"[A-Z]\w*(?:Test|Tests|TestCase|Spec)\.[a-z]+\Z")


@lru_cache(maxsize=4_096)
def aside_kinds(path: bytes) -> frozenset[str]:
    """Return what a path is besides source: a subset of tests, docs, examples and so on."""
    *directories, name = _text(path).split("/")
    above = [directory.lower() for directory in directories]
    found = {_ASIDE_DIRECTORIES.get(directory) for directory in above}
    found |= {kind for pattern, kind in _ASIDE_FILES if pattern.match(name.lower())}
    prefixed = name.lower().startswith(_TEST_PREFIX) and _SHIPPED.isdisjoint(above)
    if prefixed or _CAMEL_TEST.match(name):
        found.add("tests")
    return frozenset(kind for kind in found if kind)


def _inside(c: Candidate) -> frozenset[str]:
    """Say whether a chunk is in the tests that Rust keeps at the end of the file they are about."""
    in_tests = c.language == "rust" and c.symbol.partition(".")[0] in _RUST_TESTS
    return frozenset({"tests"}) if in_tests else frozenset()


@lru_cache(maxsize=4_096)
def _name_words(path: bytes) -> frozenset[str]:
    pure = PurePosixPath(_text(path))
    return frozenset(word for word in tokens(f"{pure.stem} {pure.parent.name}") if len(word) > 2)


def _match(word: str, name: str) -> float:
    if word == name:
        return 1.0
    return 0.8 if name.startswith(word) or word.startswith(name) else 0.0


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _is_inside(c: Candidate, name: str) -> bool:
    """Say whether a candidate is in something of that name: a class, a file, a directory."""
    around = {part.casefold() for part in _SYMBOL_JOINTS.split(c.symbol)}
    around |= {part.casefold() for part in PurePosixPath(_text(c.path)).with_suffix("").parts}
    return name.casefold() in around


def _stem_of_file(path: bytes) -> str:
    return PurePosixPath(_text(path)).name.split(".")[0]


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def _same_name(one: str, other: str) -> bool:
    return bool(one) and (one == other or stem(one) == stem(other))
