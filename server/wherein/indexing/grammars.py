"""tree-sitter: parsing, the queries that find definitions, and the rows between statements.

The only module that imports tree-sitter, and only when the first file is parsed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wherein.indexing.languages import Language
from wherein.indexing.lines import LIMIT

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Node, Query, Range, Tree
    from tree_sitter_language_pack import SupportedLanguage

# A row of more loose tokens than this is no code.
MAX_TOKENS = 10_000

_QUERIES = Path(__file__).parent / "queries"
_CLAUSES = frozenset(("haskell", "elixir"))


def parse(
    known: Language, data: bytes, within: tuple[int, int] | None = None
) -> tuple[Tree, list[tuple[int, dict[str, list[Node]]]]]:
    """Parse a file and find its definitions; see `symbols` for what the captures mean.

    `within` are the bytes that are in this language, where the rest of the file is in others.
    """
    from tree_sitter import Parser, QueryCursor

    grammar, query = _load(known)
    parser = Parser(grammar)
    if within is not None:
        parser.included_ranges = [_range(data, *within)]
    tree = parser.parse(data)
    if _is_tangled(tree.root_node):
        return tree, []
    return tree, QueryCursor(query).matches(tree.root_node)


def joins_clauses(known: Language) -> bool:
    """Tell whether a function of this language is written as several definitions of one name."""
    return known.id in _CLAUSES


def statement_rows(root: Node) -> list[int]:
    """List the rows on which a long definition may be cut: where a node of its own begins.

    Only nodes over the limit are opened, so this touches few of them.
    """
    rows: set[int] = set()
    waiting = [root]
    while waiting:
        comment_end = -2
        for child in waiting.pop().named_children:
            first, last = child.start_point.row, child.end_point.row
            if comment_end + 1 != first:  # a comment stays with the code below it
                rows.add(first)
            comment_end = last if "comment" in child.type else -2
            if child.end_byte - child.start_byte > LIMIT and child.named_child_count:
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
