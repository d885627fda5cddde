"""Files made of parts in several languages: HTML, Vue, Svelte, Astro. Scripts are read as code.

The parts are found by their tags, and each script is parsed where it stands, so that all offsets
are those of the file. Runs in the file-watcher and the database worker.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from wherein.domain import Kind
from wherein.indexing import grammars
from wherein.indexing.languages import language
from wherein.indexing.lines import Lines
from wherein.indexing.symbols import Definition, definitions

#: Languages that this module reads.
LANGUAGES: Final = frozenset(("html", "vue", "svelte", "astro"))
#: In these a template is a part; in HTML it is an element like others.
_COMPONENTS: Final = frozenset(("vue", "svelte", "astro"))
#: Tags that are looked at.
_MAX_TAGS: Final = 1_000

#: A tag of more bytes is none.
_MAX_TAG: Final = 4_096
_OPEN: Final = re.compile(rb"<(?P<tag>script|style)\b", re.IGNORECASE)
_CLOSE: Final = {
    name: re.compile(rb"</" + name + rb"\s*>", re.IGNORECASE) for name in (b"script", b"style")
}
# A template may hold templates: the outermost begins a row and ends at the last that begins one.
_TEMPLATE: Final = re.compile(rb"^<template\b", re.IGNORECASE | re.MULTILINE)
_TEMPLATE_END: Final = re.compile(rb"^</template\s*>", re.IGNORECASE | re.MULTILINE)
# Long markup is cut where an element begins. No grammar of HTML: unclosed tags make it crawl.
_ELEMENT: Final = re.compile(rb"\s*<[A-Za-z]")
_IN_TAG: Final = re.compile(rb"""[>"']""")
_FRONT: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*---\r?\n(?P<body>.*?)^---\s*?$", re.DOTALL | re.MULTILINE
)
_ATTRIBUTE: Final = re.compile(rb"""\b(?P<name>lang|type)\s*=\s*["']?(?P<value>[\w/+.-]+)""")
_SCRIPTS: Final = {
    b"ts": "typescript", b"typescript": "typescript", b"tsx": "tsx", b"jsx": "javascript",
    b"js": "javascript", b"javascript": "javascript", b"module": "javascript",
    b"text/javascript": "javascript", b"application/javascript": "javascript",
    b"text/babel": "javascript", b"text/typescript": "typescript", b"text/jsx": "javascript",
}  # fmt: skip


class _Part(NamedTuple):
    """A part by the bytes of it all, and of what is inside its tags; `script` is its language."""

    start: int
    end: int
    body_start: int
    body_end: int
    script: str = ""
    name: str = ""


def definitions_in(lines: Lines, language_id: str) -> tuple[list[Definition], list[int]]:
    """Find the parts of a file, the definitions in its scripts, and rows to cut long ones at."""
    found: list[Definition] = []
    between: set[int] = set()
    parts = _parts(lines.data, language_id)
    for part in parts:
        whole = _definition(lines, part)
        found.append(whole)
        known = language(part.script) if part.script else None
        if known is None:
            continue
        tree, matches = grammars.parse(known, lines.data, (part.body_start, part.body_end))
        inner = definitions(matches, lines, grammars.joins_clauses(known))
        for one in inner:
            one.parent = one.parent or whole
        found += inner
        between.update(grammars.statement_rows(tree.root_node, lines))
    between.update(row for row, text in enumerate(lines.rows) if _ELEMENT.match(text))
    return found, sorted(between)


def _parts(data: bytes, language_id: str) -> list[_Part]:
    """List the parts in the order of the file; none lies inside another."""
    parts: list[_Part] = []
    at = 0
    if language_id == "astro" and (front := _FRONT.match(data)):
        parts.append(_Part(front.start(), front.end(), *front.span("body"), "typescript"))
        at = front.end()
    for _ in range(_MAX_TAGS):
        begin = _OPEN.search(data, at)
        if begin is None:
            break
        at = begin.end()
        body = _after_tag(data, at)
        if not body:
            continue
        end = _CLOSE[begin["tag"].lower()].search(data, body)
        if end is None:
            break
        at = end.end()
        script = _script(begin["tag"], data[begin.end() : body])
        parts.append(_Part(begin.start(), at, body, end.start(), script))
    if language_id in _COMPONENTS and (template := _template(data)):
        parts = [p for p in parts if p.end <= template.start or p.start >= template.end]
        parts.append(template)
    return sorted(parts)


def _after_tag(data: bytes, at: int) -> int:
    """Return where the tag ends that `at` lies in, 0 when it does not; quotes may hold anything."""
    limit = at + _MAX_TAG
    while mark := _IN_TAG.search(data, at, limit):
        if mark[0] == b">":
            return mark.end()
        at = data.find(mark[0], mark.end(), limit) + 1
        if not at:
            break
    return 0


def _template(data: bytes) -> _Part | None:
    begin = _TEMPLATE.search(data)
    body = _after_tag(data, begin.end()) if begin else 0
    ends = list(_TEMPLATE_END.finditer(data, body)) if body else []
    if begin is None or not ends:
        return None
    return _Part(begin.start(), ends[-1].end(), body, ends[-1].start(), name="template")


def _script(tag: bytes, attributes: bytes) -> str:
    """Return the language of a script, "" for data, templates, and languages of no script."""
    if tag.lower() != b"script":
        return ""
    said = [found["value"].lower() for found in _ATTRIBUTE.finditer(attributes)]
    return _SCRIPTS.get(said[0], "") if said else "javascript"


def _definition(lines: Lines, part: _Part) -> Definition:
    """Make a part something to be cut inside of; what is in it keeps its own names."""
    start, end = lines.row_of(part.start), lines.row_of(max(part.start, part.end - 1))
    return Definition(
        kind=Kind.MODULE,
        path=(part.name,) if part.name else (),
        start_byte=part.start,
        end_byte=part.end,
        start=start,
        end=end,
        top=start,
        name_row=start,
        is_symbol=False,
        is_scope=True,
        has_children=True,
    )
