"""Definitions of a source file with their documentation, by the grammars of the index."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs
from tree_sitter import Parser, Query, QueryCursor
from tree_sitter_language_pack import get_language

import wherein.indexing
from training import sentences
from wherein.domain import Kind
from wherein.indexing import languages
from wherein.indexing.lines import Lines
from wherein.indexing.symbols import Definition, definitions

if TYPE_CHECKING:
    from tree_sitter import Node, Tree
    from tree_sitter_language_pack import SupportedLanguage

_QUERIES = Path(wherein.indexing.__file__).parent / "queries"
# The index looks for bodies; documentation also stands above prototypes in headers.
_PROTOTYPES = """
(declaration declarator: (function_declarator declarator: (identifier) @name)) @function
(declaration declarator: (pointer_declarator
  declarator: (function_declarator declarator: (identifier) @name))) @function
"""
_MEMBERS = """
(field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @method
"""
_MORE = {"c": _PROTOTYPES, "cpp": _PROTOTYPES + _MEMBERS}
_CLAUSES = ("haskell", "elixir")
_DEFINES = frozenset(
    (
        *(Kind.FUNCTION, Kind.METHOD, Kind.CLASS, Kind.INTERFACE, Kind.STRUCT, Kind.ENUM),
        *(Kind.MACRO, Kind.TYPE, Kind.MODULE),
    )
)
_QUOTES = re.compile(r"^[rRbBuUfF~sS]*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')\s*$")
_ELIXIR_DOC = re.compile(r"^\s*@(?:module|type)?doc\s+(?:~[sS])?(.*)", re.DOTALL)
# Deeper or longer files are generated, or data.
_MAX_BYTES = 400_000
_MAX_LINE = 140


@attrs.frozen
class Documented:
    """A definition: its doc comment without marks ("" for none) and its rows without the doc."""

    name: str
    path: str
    kind: Kind
    doc: str
    first: int
    last: int
    rows: tuple[int, ...]


@attrs.define
class SourceFile:
    """A parsed file: its rows, definitions, comments (by first row: last row and text)."""

    language: str
    rows: list[str]
    found: list[Documented]
    comments: dict[int, tuple[int, str]]
    doc: str

    def text(self, rows: tuple[int, ...] | range) -> str:
        """Join some rows."""
        return "\n".join(self.rows[row] for row in rows)


def is_source(path: str, data: bytes) -> bool:
    """Tell whether a file is source code that has a grammar and that a person wrote."""
    if len(data) > _MAX_BYTES or len(data) / (data.count(b"\n") + 1) > _MAX_LINE:
        return False
    known = languages.language(languages.language_of(path.encode(), data[:4096]))
    return known is not None and bool(known.grammar)


def parse(path: str, data: bytes) -> SourceFile | None:
    """Parse a file of a language that has a grammar; None for others and for what no one wrote."""
    known = languages.language(languages.language_of(path.encode(), data[:4096]))
    if known is None or not known.grammar or not is_source(path, data):
        return None
    parser, query = _grammar(known.grammar, known.query or known.grammar)
    tree = parser.parse(data)
    matches = QueryCursor(query).matches(tree.root_node)
    lines = Lines(data)
    rows = [row.decode("utf-8", "replace").rstrip("\r\n") for row in lines.rows]
    comments = _comments(matches, rows)
    inner = _docstrings(matches, tree) if known.id == "python" else {}
    found = []
    for one in definitions(matches, lines, known.id in _CLAUSES):
        if one.is_symbol and one.kind in _DEFINES:
            found.append(_documented(one, rows, comments, inner.get(one.start_byte)))
    return SourceFile(known.id, rows, found, comments, _file_doc(rows, comments, inner, found))


@cache
def _grammar(name: str, query: str) -> tuple[Parser, Query]:
    grammar = get_language(cast("SupportedLanguage", name))
    text = (_QUERIES / f"{query}.scm").read_text(encoding="utf-8")
    return Parser(grammar), Query(grammar, text + _MORE.get(name, ""))


def _comments(
    matches: list[tuple[int, dict[str, list[Node]]]], rows: list[str]
) -> dict[int, tuple[int, str]]:
    found: dict[int, tuple[int, str]] = {}
    for _, captures in matches:
        for node in captures.get("doc", ()):
            is_elixir = node.type == "unary_operator"
            if not is_elixir and not ("comment" in node.type or node.type == "haddock"):
                continue
            first, (last, column) = node.start_point.row, node.end_point
            if column == 0 and last > first:
                last -= 1
            if rows[first].encode()[: node.start_point.column].strip():
                continue  # behind code
            text = (node.text or b"").decode("utf-8", "replace")
            if is_elixir:
                told = _ELIXIR_DOC.match(text)
                text = _QUOTES.sub("", told[1].strip()).strip('"') if told else ""
            found[first] = (last, text)
    return found


def _docstrings(
    matches: list[tuple[int, dict[str, list[Node]]]], tree: Tree
) -> dict[int, tuple[int, int, str]]:
    """Python: the string at the head of a body, by the first byte of its definition (-1: file)."""
    found: dict[int, tuple[int, int, str]] = {}
    owners = [(-1, tree.root_node)]
    for _, captures in matches:
        for node in (*captures.get("function", ()), *captures.get("class", ())):
            body = node.child_by_field_name("body")
            if body is not None:
                owners.append((node.start_byte, body))
    for start, body in owners:
        first = next((x for x in body.named_children if x.type != "comment"), None)
        if first is not None and first.type == "expression_statement" and first.named_children:
            first = first.named_children[0]
        if first is not None and first.type == "string":
            text = (first.text or b"").decode("utf-8", "replace")
            text = _QUOTES.sub("", _QUOTES.sub("", text.strip()))
            found[start] = (first.start_point.row, first.end_point.row, text)
    return found


def _documented(
    one: Definition,
    rows: list[str],
    comments: dict[int, tuple[int, str]],
    inner: tuple[int, int, str] | None,
) -> Documented:
    texts: list[str] = []
    kept: list[int] = []
    row = one.top
    while row < one.start:
        if row in comments:
            last, text = comments[row]
            texts.append(sentences.uncomment(text))
            row = last + 1
        else:
            kept.append(row)
            row += 1
    body = range(one.start, one.end + 1)
    if inner is not None:
        texts = [inner[2]]
        kept += [row for row in body if not inner[0] <= row <= inner[1]]
    else:
        kept += body
    doc = "\n".join(text for text in texts if text.strip())
    return Documented(one.name, one.qualified, one.kind, doc, one.start, one.end, tuple(kept))


def _file_doc(
    rows: list[str],
    comments: dict[int, tuple[int, str]],
    inner: dict[int, tuple[int, int, str]],
    found: list[Documented],
) -> str:
    """What the head of the file says about it, without the licence."""
    if -1 in inner:
        return inner[-1][2]
    texts: list[str] = []
    starts = {one.rows[0] for one in found if one.rows} | {one.first for one in found}
    row = 0
    while row < min(len(rows), 80):
        if row in comments:
            last, text = comments[row]
            if last + 1 not in starts:  # else it belongs to the definition below
                texts.append(sentences.uncomment(text))
            row = last + 1
        elif not rows[row].strip() or rows[row].startswith(("#!", "package ", "<?php")):
            row += 1
            texts.append("")
        else:
            break
    blocks = "\n".join(texts).split("\n\n")
    return "\n\n".join(block for block in blocks if not _LEGAL.search(block))


_LEGAL = re.compile(
    r"copyright|licen[sc]e|all rights reserved|warrant|spdx|\(c\) ?\d", re.IGNORECASE
)
