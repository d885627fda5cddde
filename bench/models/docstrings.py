"""Docstring sets: find a function by the first sentence of its documentation, which is taken out.

The pool of a set is every function of its packages; the questions are drawn from those that have a
usable sentence. Functions are found by wherein's own grammars.
"""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sources import PYTHON_SIX, Package, folder

from wherein.indexing import grammars
from wherein.indexing.header import model_header
from wherein.indexing.languages import language, language_of
from wherein.indexing.lines import Lines
from wherein.indexing.symbols import FUNCTIONS, Definition, definitions

SEED = 7
PER_PACKAGE = 150
PER_SET = 400
IN_SIX = 500  # as in the starter's table, whatever package they are of
#: A pool small enough for a transformer: this many questions, and functions in all.
SAMPLE = (100, 600)
_TESTS = re.compile(r"(^|/)(tests?|testing|__tests__|spec|testdata|vendor)(/|$)|_test\.|\.test\.")
_SAME = {"tsx": "typescript"}
_HEADERS = frozenset(("c", "cpp"))  # a .h file is either

_MARKS = re.compile(
    r"^\s*(?:/\*+[!<]*|\*+/|\*+ ?|//+[!<]*|#+|--+\[*=*\[?\s*[|^]?|\{-+\s*[|^]?|-\})"
    r"|(?:\*+/|-\})\s*$"
)
_TAG = re.compile(r"^\s*[@\\](?!brief|summary|description|desc\b|doc\b)\w+")
_BRIEF = re.compile(r"^\s*[@\\](?:brief|summary|description|desc|doc)\b:?\s*")
_LINK = re.compile(r"\{@\w+\s+#?([^}]*)\}|\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])?")
_ROLE = re.compile(r":[\w:+-]+:`~?\.?([^`<]+?)(?:\s*<[^>]*>)?`")
_XML_NAME = re.compile(r"<(?:see|paramref|seealso|typeparamref)\s+\w+=\"(?:\w:)?([^\"]*)\"\s*/?>")
_ATTRIBUTE = re.compile(r"\s*(?:#!?\[|#pragma|// ?MARK|\w+\(|template\b)")
_SENTENCE = re.compile(r"(.+?[.!?])(?=\s+[A-Z(\"'`]|$)")
_NOT_A_QUESTION = re.compile(
    r"(?i)todo|fixme|xxx|copyright|licen[sc]e|spdx|auto-?generated|see |note|deprecated|internal"
    r"|inherit|@|eslint|tslint|prettier|istanbul|private|=|-"
)


@dataclass(frozen=True)
class Function:
    """One function of the pool: what a model reads, and the question that asks for it, if any."""

    package: str
    header: str
    code: str
    question: str = ""


@dataclass(frozen=True)
class Pool:
    """The functions of a set and the questions about them, as (question, index of its function)."""

    name: str
    functions: list[Function]
    questions: list[tuple[str, int]]

    def by_package(self, values: Sequence[int]) -> dict[str, list[int]]:
        """Sort a value of each question by the package that it asks about."""
        found: dict[str, list[int]] = {}
        for (_, at), value in zip(self.questions, values, strict=True):
            found.setdefault(self.functions[at].package, []).append(value)
        return found

    def apart(self) -> dict[str, Pool]:
        """Split into pools of one package each, with the questions about it."""
        found = {}
        for package in self.by_package([0] * len(self.questions)):
            own = [at for at, f in enumerate(self.functions) if f.package == package]
            places = {at: place for place, at in enumerate(own)}
            questions = [(q, places[at]) for q, at in self.questions if at in places]
            found[package] = Pool(package, [self.functions[at] for at in own], questions)
        return found

    def sample(self) -> Pool:
        """A part of this set: some of the questions, and their functions among others."""
        rng = random.Random(f"{SEED} {self.name}")  # noqa: S311 - dice that a seed decides
        asked, size = SAMPLE
        questions = rng.sample(self.questions, min(asked, len(self.questions)))
        kept = {at for _, at in questions}
        others = [at for at in range(len(self.functions)) if at not in kept]
        kept |= set(rng.sample(others, min(max(0, size - len(kept)), len(others))))
        places = {at: place for place, at in enumerate(sorted(kept))}
        return Pool(
            self.name,
            [self.functions[at] for at in sorted(kept)],
            [(q, places[at]) for q, at in questions],
        )


def pool(name: str, specs: Sequence[Package]) -> Pool:
    """Build one set from its packages; those that are not here are left out."""
    found = [f for spec in specs for f in _functions(spec) if folder(spec).is_dir()]
    times = Counter(_plain(f.question) for f in found)
    askable = [i for i, f in enumerate(found) if f.question and times[_plain(f.question)] == 1]
    rng = random.Random(f"{SEED} {name}")  # noqa: S311 - dice that a seed decides
    drawn: list[int] = []
    for spec in specs:
        own = [i for i in askable if found[i].package == spec["name"]]
        drawn += own if name == PYTHON_SIX else rng.sample(own, min(PER_PACKAGE, len(own)))
    most = IN_SIX if name == PYTHON_SIX else PER_SET
    drawn = sorted(rng.sample(drawn, min(most, len(drawn))))
    return Pool(name, found, [(found[i].question, i) for i in drawn])


def _functions(spec: Package) -> Iterator[Function]:
    wanted = _HEADERS if spec["lang"] in _HEADERS else {spec["lang"]}
    root = folder(spec)
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        place = path.relative_to(root).as_posix()
        if _TESTS.search(place):
            continue
        data = path.read_bytes()
        known = language_of(place.encode(), data[:8192])
        if _SAME.get(known, known) in wanted and len(data) < 1 << 20:
            yield from _of_file(spec, place, data, known)


def _of_file(spec: Package, place: str, data: bytes, known: str) -> Iterator[Function]:
    kind = language(known)
    assert kind is not None
    lines = Lines(data)
    _, matches = grammars.parse(kind, data)
    inside = _docstrings(data) if known == "python" else {}
    gone = {row for first, last, _ in inside.values() for row in range(first, last + 1)}
    rows = [row.decode("utf-8", "replace") for row in lines.rows]
    for one in definitions(matches, lines, grammars.joins_clauses(kind)):
        if one.kind not in FUNCTIONS or not one.is_symbol:
            continue
        kept = [rows[r] for r in range(one.start, one.end + 1) if r not in gone]
        if known == "elixir":
            kept = [r for r in kept if not r.lstrip().startswith("@doc")]
        if sum(bool(r.strip()) for r in kept) < 2:
            continue
        doc = inside[one.name_row][2] if one.name_row in inside else _above(rows, one)
        header = model_header(place.encode(), one.qualified)
        # Go begins with the name; in Python "Get the path." of `get` is a sentence.
        name = "" if known == "python" else one.name
        yield Function(spec["name"], header, "\n".join(kept), _question(doc, name))


def _docstrings(data: bytes) -> dict[int, tuple[int, int, str]]:
    """The docstrings of a Python file: row of the name -> first row, last row, text."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node)
        if text and len(node.body) > 1:
            first, last = node.body[0].lineno, node.body[0].end_lineno or 0
            found[node.lineno - 1] = (first - 1, last - 1, text)
    return found


def _above(rows: list[str], one: Definition) -> str:
    lines: list[str] = []
    for text in rows[one.top : one.start]:
        if _ATTRIBUTE.match(text):
            continue
        lines.append(_MARKS.sub("", _MARKS.sub("", text)))
    return "\n".join(lines)


def _question(doc: str, name: str) -> str:
    """The first sentence of a documentation text, or nothing when it would not do as a question.

    A name given is taken off its beginning; elsewhere it may stay, as in the starter's own table.
    """
    if summary := re.search(r"(?s)<summary>(.*?)</summary>", doc):
        doc = summary[1]
    doc = re.sub(r'^\s*@doc\s+(?:~[sS])?"+', "", doc.strip())
    kept: list[str] = []
    for line in doc.split("\n"):
        text = _BRIEF.sub("", line)
        if _TAG.match(text) or (kept and not text.strip(' *"')):
            break
        if text.strip(' *-=#"/'):
            kept.append(text.strip())
    text = _LINK.sub(lambda m: m[1] or m[2] or "", _ROLE.sub(r"\1", " ".join(kept)))
    text = re.sub(r"<[^>]{1,60}>", " ", _XML_NAME.sub(r"\1", text))
    text = re.sub(r"[`*]+", "", " ".join(text.split()))
    sentence = _SENTENCE.match(text)
    text = (sentence[1] if sentence else text).strip().rstrip(".")
    if name and text.startswith(name) and not text[len(name) :][:1].isalnum():
        text = re.sub(r"^(?:\([^)]*\))?[\s:-]*(?:is\s+)?", "", text[len(name) :])
    return text if _fit(text) else ""


def _fit(text: str) -> bool:
    words = len(text.split())
    letters = sum(c.isalpha() or c == " " for c in text)
    return (
        4 <= words <= 40
        and text.isascii()
        and letters / len(text) > 0.75
        and not _NOT_A_QUESTION.match(text)
    )


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
