"""tree-sitter: parsing, the queries that find definitions, and the rows between statements.

The only module that imports tree-sitter, and only when the first file is parsed.
"""

from __future__ import annotations

import codecs
import logging
import re
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wherein.indexing.languages import Language
from wherein.indexing.lines import LIMIT, Lines

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Node, Parser, Query, Range, Tree
    from tree_sitter_language_pack import SupportedLanguage

logger = logging.getLogger(__name__)

# What a file may take to parse, in CPU seconds of the thread, and for each byte: fifteen times what
# JavaScript takes on the machine of the benchmarks (.26 s a megabyte; Python .1).
PATIENCE_S = 0.5
PATIENCE_S_PER_BYTE = 4e-6
_SLICE_US = 100_000  # of the wall clock, between two looks at how long it took

# A row of more loose tokens than this is no code.
MAX_TOKENS = 10_000

_QUERIES = Path(__file__).parent / "queries"
_CLAUSES = frozenset(("haskell", "elixir"))

# What the preprocessor would take away, and the grammar stumbles over: a macro that is a row of its
# own (FMT_BEGIN_NAMESPACE), and one before the name of a type (class LIB_API Name {).
_MACROS = re.compile(
    rb"^[ \t]*([A-Z][A-Z0-9_]{3,})[ \t]*\r?$"
    rb"|\b(?:class|struct|enum|union)[ \t]+([A-Z][A-Z0-9_]{2,}(?:[ \t]*\([^()\n]*\))?)"
    rb"(?=\s+\w+(?:\s+final)?\s*[:{])",
    re.MULTILINE,
)
_INSIDE = b",(|&+-=?<\\"  # behind one of these a row is part of an expression, or of a macro
# Items in the braces of a macro (Rust's cfg_if! { … }), and how deep they are looked for.
_ITEMS = re.compile(rb"\b(?:fn|impl|struct|enum|trait)\b")
_MOST_DEEP = 3
_LETTERS = "wherein.letters"


def parse(
    known: Language, data: bytes, within: tuple[int, int] | None = None, depth: int = 0
) -> tuple[Tree, list[tuple[int, dict[str, list[Node]]]]]:
    """Parse a file and find its definitions; see `symbols` for what the captures mean.

    `within` are the bytes that are in this language, where the rest of the file is in others.
    """
    from tree_sitter import Parser, QueryCursor

    data = _without_stray_bytes(data)
    if known.id == "cpp":
        data = _without_macros(data)
    grammar, query = _load(known)
    # Deprecated, and the only way to stop it: ADR 19.
    parser = Parser(grammar, timeout_micros=_SLICE_US)
    if within is not None:
        parser.included_ranges = [_range(data, *within)]
    tree = _tree(parser, data)
    if tree is None:
        logger.info("A file of %d bytes has no end for the grammar of %s", len(data), known.id)
        return Parser(grammar).parse(b""), []
    if _is_tangled(tree.root_node):
        return tree, []
    matches = QueryCursor(query).matches(tree.root_node)
    for _, captures in matches[:]:
        for node in captures.get("inside", ()) if depth < _MOST_DEEP else ():
            start, end = node.start_byte + 1, node.end_byte - 1
            if data[start - 1 : start] == b"{" and _ITEMS.search(data, start, end):
                matches += parse(known, data, (start, end), depth + 1)[1]
    return tree, matches


def _tree(parser: Parser, data: bytes) -> Tree | None:
    """Parse, or return None where there is no end: 27 unfinished bytes can be mended for ever.

    tree-sitter is stopped after each slice of time and goes on where it was, so that no other
    thread of the process waits longer, and one that was stopped counts its own time only.
    """
    until = time.thread_time() + PATIENCE_S + PATIENCE_S_PER_BYTE * len(data)
    while True:
        try:
            return parser.parse(data)
        except ValueError:
            if time.thread_time() > until:
                return None


def _without_stray_bytes(data: bytes) -> bytes:
    """Put a letter where a byte is no UTF-8, as in an old file in Latin-1: a name stays one name.

    The predicates of a query fail on such a byte.
    """
    if data.isascii():
        return data
    return data.decode("utf-8", _LETTERS).encode("utf-8")


def _letters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "x" * (error.end - error.start), error.end


codecs.register_error(_LETTERS, _letters)


def _without_macros(data: bytes) -> bytes:
    """Blank macros out; every other byte stays at its place."""

    def blank(found: re.Match[bytes]) -> bytes:
        row = found.start()
        before = data[max(0, row - 200) : row].rstrip()
        if found[1] and before[-1:] and before[-1] in _INSIDE:
            return found[0]
        start, end = (place - row for place in found.span(found.lastindex or 0))
        return found[0][:start] + b" " * (end - start) + found[0][end:]

    return _MACROS.sub(blank, data)


def joins_clauses(known: Language) -> bool:
    """Tell whether a function of this language is written as several definitions of one name."""
    return known.id in _CLAUSES


def statement_rows(root: Node, lines: Lines) -> list[int]:
    """List the rows on which a long definition may be cut: where a node of its own begins.

    Only nodes over the limit are opened, so this touches few of them.
    """
    rows: set[int] = set()
    waiting = [root]
    while waiting:
        comment_end = -2
        for child in waiting.pop().named_children:
            start, end = child.start_byte, child.end_byte
            first = lines.row_of(start)
            if comment_end + 1 != first:  # a comment stays with the code below it
                rows.add(first)
            # A line feed at its end is its own row's.
            comment_end = lines.row_of(max(start, end - 1)) if "comment" in child.type else -2
            if end - start > LIMIT and child.named_child_count:
                waiting.append(child)
    return sorted(rows)


def _range(data: bytes, start: int, end: int) -> Range:
    from tree_sitter import Range

    return Range(_point(data, start), _point(data, end), start, end)


def _point(data: bytes, at: int) -> tuple[int, int]:
    """Return the row and the column of an offset."""
    return data.count(b"\n", 0, at), at - (data.rfind(b"\n", 0, at) + 1)


def _is_tangled(root: Node) -> bool:
    """Tell whether an error left so many loose tokens side by side that a query would crawl.

    A query's time is quadratic in the length of a row of tokens without a named node in it: a
    hundred thousand open brackets take seconds. (Its progress callback is no help: it crashes.)
    """
    waiting = [root] if root.has_error else []
    while waiting:
        node = waiting.pop()
        if node.child_count - node.named_child_count > MAX_TOKENS:
            return True
        waiting += [
            child
            for child in node.named_children
            if child.has_error and child.end_byte - child.start_byte > MAX_TOKENS
        ]
    return False


@cache
def _load(known: Language) -> tuple[Grammar, Query]:
    from tree_sitter import Query
    from tree_sitter_language_pack import get_language

    grammar = get_language(cast("SupportedLanguage", known.grammar))
    text = (_QUERIES / f"{known.query or known.grammar}.scm").read_text(encoding="utf-8")
    return grammar, Query(grammar, text)
