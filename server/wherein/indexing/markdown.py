"""Markdown cut at its headings; part of the chunker."""

from __future__ import annotations

import re

from wherein.indexing.lines import TAIL, Lines

_HEADING = re.compile(rb" {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*\Z")
_UNDERLINE = re.compile(rb" {0,3}(=+|--+)\s*\Z")
_FENCE = re.compile(rb" {0,3}(`{3,}|~{3,})")
_LIST_OR_TABLE = re.compile(rb"\s*(?:[-*+>|]|\d+[.)]|#)")


def sections(lines: Lines) -> list[tuple[int, int, str]]:
    """Cut a document: first row, last row, and the path of headings, for each piece.

    A section that is little more than its heading joins the one below it, under the name of that.
    """
    heads = _headings(lines)
    starts = [row for row, _, _ in heads]
    if not starts or starts[0] != 0:
        heads.insert(0, (0, 0, ""))
    pieces: list[tuple[int, int, str]] = []
    above: list[tuple[int, str]] = []
    waiting: int | None = None  # the first row of short sections that join the next one
    for position, (row, level, title) in enumerate(heads):
        while above and above[-1][0] >= level:
            above.pop()
        if title:
            above.append((level, title))
        last = heads[position + 1][0] - 1 if position + 1 < len(heads) else len(lines) - 1
        first = row if waiting is None else waiting
        deeper = position + 1 < len(heads) and heads[position + 1][1] > level
        has_next = position + 1 < len(heads)
        if has_next and lines.size(first, last) < (TAIL if deeper else TAIL // 2):
            waiting = first
            continue
        waiting = None
        path = ".".join(name for _, name in above)
        pieces += [(a, b, path) for a, b in lines.cut(first, last)]
    return pieces


def _headings(lines: Lines) -> list[tuple[int, int, str]]:
    """Find the headings: row, level, title. What looks like one inside a code block is none."""
    found: list[tuple[int, int, str]] = []
    fence = b""
    for row, text in enumerate(lines.rows):
        mark = _FENCE.match(text)
        if fence:
            if mark and mark[1].startswith(fence) and not text[mark.end() :].strip():
                fence = b""
            continue
        if mark:
            fence = mark[1]
            continue
        head = _HEADING.match(text) if b"#" in text else None
        if head:
            found.append((row, len(head[1]), _title(head[2] or b"")))
            continue
        under = _UNDERLINE.match(text)
        before = lines.rows[row - 1] if row else b""
        if under and before.strip() and not _LIST_OR_TABLE.match(before):
            alone = row < 2 or not lines.rows[row - 2].strip()
            if alone and not (found and found[-1][0] == row - 1):
                found.append((row - 1, 1 if under[1][:1] == b"=" else 2, _title(before)))
    return found


def _title(text: bytes) -> str:
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text.decode("utf-8", "replace"))
    return shown.strip().strip("`*_")[:100]
