"""Pairs from documentation: READMEs, reStructuredText, Markdown and the HTML of doc packages.

A heading asks for what stands below it, a sentence for the sample of code that follows it, a
sentence for the rest of its paragraph, an explanation for its term.
"""

from __future__ import annotations

import random
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, ClassVar

import attrs

from training import sentences
from training.pairs import MAX_CODE, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNDERLINE = re.compile(r"^([=\-~^\"'*+#`.:])\1{2,}\s*$")
_SPLIT = re.compile(r"(?<=[.!?]) (?=[A-Z(\"'])")
_DIRECTIVE = re.compile(r"^\s*(?:\.\. |:\w+:|\|.*\||<!--|\[!\[|!\[|<img|<a |\{%)")
_BADGE = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)|!\[[^\]]*\]\([^)]*\)")
_LEAST_CODE = 30
_LEAST_PARAGRAPH = 80


@attrs.frozen
class Block:
    """A piece of a document; `kind`: heading, paragraph, code, term or meaning."""

    kind: str
    text: str


def blocks(path: str, text: str) -> list[Block]:
    """Cut a document into blocks, by the format that its name tells."""
    low = path.lower()
    if low.endswith((".html", ".htm", ".xhtml")):
        reader = _Html()
        reader.feed(text)
        reader.close()
        return reader.blocks
    return _markup(text)


def _markup(text: str) -> list[Block]:  # noqa: C901 - a table of cases
    """Markdown and reStructuredText together: their blocks look alike."""
    found: list[Block] = []
    waiting: list[str] = []
    fence = ""
    rows = text.expandtabs(4).split("\n")

    def flush(kind: str) -> None:
        joined = ("\n" if kind == "code" else " ").join(waiting).strip()
        if joined:
            found.append(Block(kind, joined))
        waiting.clear()

    for number, row in enumerate(rows):
        bare = row.strip()
        if fence:
            if bare.startswith(fence):
                flush("code")
                fence = ""
            else:
                waiting.append(row)
        elif bare.startswith(("```", "~~~")):
            flush("paragraph")
            fence = bare[:3]
        elif bare.startswith("#"):
            flush("paragraph")
            found.append(Block("heading", bare.strip("# ")))
        elif _UNDERLINE.match(bare) and waiting and len(waiting) == 1:
            flush("heading")
        elif not bare:
            indented = bool(waiting) and all(line.startswith("    ") for line in waiting)
            if indented and number + 1 < len(rows) and rows[number + 1].startswith("    "):
                continue
            flush("code" if indented else "paragraph")
        elif not _DIRECTIVE.match(row):
            if waiting and waiting[0].startswith("    ") and not row.startswith("    "):
                flush("code")
            waiting.append(_BADGE.sub("", row))
    flush("code" if fence else "paragraph")
    return found


class _Html(HTMLParser):
    """Collects the blocks of a page; navigation, scripts and tables are left out."""

    _KINDS: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("h1", "h2", "h3", "h4", "h5"), "heading"),
        **{"p": "paragraph", "pre": "code", "dt": "term", "dd": "meaning", "li": "paragraph"},
    }
    _SILENT = ("script", "style", "nav", "footer", "head", "table")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._kind = ""
        self._texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._SILENT:
            self._silent += 1
        kind = self._KINDS.get(tag)
        if kind:
            begun = "".join(self._texts).strip() != ""
            # A paragraph at the head of a meaning is the meaning.
            is_meaning = kind == "paragraph" and self._kind == "meaning" and not begun
            if begun:
                self._flush()
            self._texts.clear()
            self._kind = "meaning" if is_meaning else kind

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in self._KINDS:
            self._flush()

    def handle_data(self, data: str) -> None:
        if self._kind and not self._silent:
            self._texts.append(data)

    def _flush(self) -> None:
        text = "".join(self._texts).replace("¶", "").replace("\N{LINK SYMBOL}", "").strip()
        if self._kind and text:
            self.blocks.append(Block(self._kind, text))
        self._kind, self._texts = "", []


def pairs(  # noqa: C901 - a table of cases
    package: str, path: str, found: list[Block], rnd: random.Random
) -> Iterator[Pair]:
    """Yield the pairs of one document."""

    def pair(kind: str, name: str, query: str, answer: str) -> Pair:
        return Pair(kind, "prose", package, path, name, query, answer[:MAX_CODE])

    heading = ""
    for number, block in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else None
        if block.kind == "heading":
            heading = _title(block.text)
            if following and following.kind == "paragraph" and sentences.is_query(heading, 2):
                answer = sentences.plain(following.text)
                if len(answer) >= _LEAST_PARAGRAPH:
                    yield pair("prose", "", heading, answer)
        elif block.kind == "paragraph":
            told = _SPLIT.split(sentences.plain(block.text))
            if following and following.kind == "code" and len(following.text) >= _LEAST_CODE:
                query = told[-1].rstrip(": ")
                if sentences.is_query(query, 4):
                    yield pair("readme", heading, query, following.text)
            if len(told) > 2:
                query = told.pop(rnd.randrange(len(told)))
                answer = " ".join(told)
                if sentences.is_query(query, 5) and len(answer) >= _LEAST_PARAGRAPH:
                    yield pair("prose", heading, query, answer)
        elif block.kind == "term" and following and following.kind == "meaning":
            term = " ".join(block.text.split())[:200]
            told = _SPLIT.split(sentences.plain(following.text))
            if sentences.is_query(told[0], 4):
                yield pair("readme", "", told[0], term + "\n" + " ".join(told[1:]))


def _title(text: str) -> str:
    return re.sub(r"^[\d.]+\s+", "", sentences.plain(text)).strip(" :#-")
