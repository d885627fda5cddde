"""Pairs from a source file: docs, details, comments, names, error messages, files, tests."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import attrs

from training import sentences
from training.pairs import MAX_CODE, MAX_REST, Pair
from wherein.domain import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.syntax import Documented, SourceFile

    Maker = Callable[..., Pair]

_ERROR = re.compile(
    r"(?:raise|throw|error|panic|fatal|fail|abort|die|warn|reject|exception|bail|ensure|invalid)\w*!?"
    r"[^\"'\n]{0,60}[\"'`]([^\"'`\n]{15,200})[\"'`]",
    re.IGNORECASE,
)
_HOLES = re.compile(
    r"%[-+0# ]*\d*(?:\.\d+)?[a-zA-Z]|%\([^)]*\)[a-z]|\$?\{[^}]*\}|#\{[^}]*\}|\\[nrt]|\\\"|<[^>]*>"
)
_TEST_WORDS = frozenset(("test", "tests", "should", "it", "that", "when", "spec", "benchmark"))
_FUNCTIONS = frozenset((Kind.FUNCTION, Kind.METHOD))
_TYPES = frozenset((Kind.CLASS, Kind.INTERFACE, Kind.STRUCT, Kind.ENUM, Kind.TYPE))
_LEAST_BODY = 4  # rows of a function that its name alone may ask for
_BLOCK = 14  # rows of code that a comment inside a function speaks of
_SHARE_OF_NAMES = 0.35


@attrs.frozen
class Place:
    """Where a file is from."""

    package: str
    file: str


def pairs(source: SourceFile, place: Place, rnd: random.Random) -> Iterator[Pair]:
    """Yield all pairs of a file that is no test."""

    def pair(kind: str, name: str, query: str, code: str, rest: str = "") -> Pair:
        code = code.strip("\n")[:MAX_CODE]
        language = _FAMILY.get(source.language, source.language)
        return Pair(kind, language, place.package, place.file, name, query, code, rest[:MAX_REST])

    for one in source.found:
        code = source.text(one.rows)
        if len(code) < 20:
            continue
        if one.doc:
            yield from _documented(one, code, pair, rnd)
        elif one.kind in _FUNCTIONS and len(one.rows) >= _LEAST_BODY:
            yield from _named(one, source, pair, rnd)
        if one.kind in _FUNCTIONS:
            yield from _errors(one, code, pair, rnd)
    yield from _comments(source, pair)
    yield from _whole_file(source, pair)


_FAMILY = {"tsx": "typescript", "cpp": "c"}


def _documented(one: Documented, code: str, pair: Maker, rnd: random.Random) -> Iterator[Pair]:
    told = sentences.sentences(one.doc, one.name)
    if not told or not sentences.is_query(told[0]):
        return
    rest = " ".join(told[1:])
    yield pair("doc", one.path, told[0], code, rest)
    more = [sentence for sentence in told[1:6] if sentences.is_query(sentence, 5)]
    if more:
        yield pair("detail", one.path, rnd.choice(more), code, told[0])


def _named(one: Documented, source: SourceFile, pair: Maker, rnd: random.Random) -> Iterator[Pair]:
    words = sentences.words_of(one.name)
    if not 2 <= len(words) <= 8 or len("".join(words)) < 8 or rnd.random() > _SHARE_OF_NAMES:
        return
    parent = one.path.rpartition(".")[0]
    body = source.text(tuple(row for row in one.rows if row > one.first))
    yield pair("name", parent, " ".join(words), body.replace(one.name, ""))


def _errors(one: Documented, code: str, pair: Maker, rnd: random.Random) -> Iterator[Pair]:
    found = list(_ERROR.finditer(code))
    if not found:
        return
    one_of = rnd.choice(found)
    message = sentences.plain(_HOLES.sub(" ", one_of[1])).strip(" .:;,-")
    if sentences.is_query(message, 4):
        yield pair("error", one.path, message, code[: one_of.start(1)] + code[one_of.end(1) :])


def _comments(source: SourceFile, pair: Maker) -> Iterator[Pair]:
    """Comments inside of functions, each with the rows below it."""
    functions = [one for one in source.found if one.kind in _FUNCTIONS]
    for first, found in sorted(source.comments.items()):
        last, text = found
        if any(end == first - 1 for end in (source.comments.get(first - 1, (-1, ""))[0],)):
            continue  # goes on from the row above
        while last + 1 in source.comments:
            last, more = source.comments[last + 1]
            text += "\n" + more
        around = [one for one in functions if one.first < first and last < one.last]
        if not around:
            continue
        told = sentences.sentences(sentences.uncomment(text))
        if not told or not sentences.is_query(told[0], 4):
            continue
        owner = max(around, key=lambda one: one.first)
        end = min(owner.last, last + _BLOCK)
        rows = []
        for row in range(last + 1, end + 1):
            if row in source.comments or (not source.rows[row].strip() and len(rows) > 1):
                break
            rows.append(row)
        if len(rows) > 1:
            yield pair("comment", owner.path, told[0], source.text(tuple(rows)))


def _whole_file(source: SourceFile, pair: Maker) -> Iterator[Pair]:
    told = sentences.sentences(source.doc) if source.doc else []
    if told and sentences.is_query(told[0], 4) and source.found:
        names = " ".join(dict.fromkeys(one.name for one in source.found[:60]))
        yield pair("file", "", told[0], names, " ".join(told[1:]))


def tests(source: SourceFile, known: dict[str, Pair], place: Place) -> Iterator[Pair]:
    """Pair the names of tests with the functions of the package that they call.

    `known` holds an answer for each name of a function of the package.
    """
    for one in source.found:
        words = [word for word in sentences.words_of(one.name) if word not in _TEST_WORDS]
        if one.kind not in _FUNCTIONS or "test" not in one.name.lower()[:6] or len(words) < 3:
            continue
        body = source.text(one.rows[1:])
        called = set(re.findall(r"\b([A-Za-z_]\w{3,})\s*[(!<]", body)) & known.keys()
        best = max(sorted(called), key=lambda name: _shared(name, words), default="")
        if best and _shared(best, words) > len(sentences.words_of(best)) - 1:
            answer = known[best]
            yield Pair(
                "test", answer.language, place.package, answer.file, answer.name,
                " ".join(words), answer.code, answer.rest,
            )  # fmt: skip


def _shared(name: str, words: list[str]) -> int:
    return sum(word in words for word in set(sentences.words_of(name)))
