"""From source text to chunks and symbols: along definitions where a grammar finds them.

A function or method is a chunk; a type that fits is one chunk, a longer one is its head and its
members; what lies between is packed with its neighbours; too long a definition is cut between
its statements. Pages and components are cut by part, Markdown by section, other text in windows
of lines. Every line that is not blank is in exactly one chunk. Nothing here recurses, however deep
the code is nested.
Runs in the file-watcher worker, and in the database worker for unsaved text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import NamedTuple

from wherein.domain import Chunk, Kind, ParsedFile, Symbol
from wherein.indexing import grammars, markdown, parts, sql
from wherein.indexing.languages import language
from wherein.indexing.lines import LIMIT, Lines
from wherein.indexing.reader import Source
from wherein.indexing.symbols import Definition, definitions, symbols
from wherein.indexing.units import units


class _Piece(NamedTuple):
    """Rows that are one chunk."""

    first: int
    last: int
    symbol: str
    kind: Kind


def parse(source: Source) -> ParsedFile:
    """Cut one file into chunks and list its symbols."""
    if not source.cells:
        chunks, listed = _parse(source.data, source.language)
        return ParsedFile(source.language, tuple(chunks), tuple(listed))
    chunks, listed = [], []
    for cell in source.cells:
        data = source.data[cell.start_byte : cell.end_byte]
        some, named = _parse(data, source.language if cell.is_code else "markdown")
        row = source.data.count(b"\n", 0, cell.start_byte)
        for chunk in some:
            first, last = _file_lines(source, row, chunk.start_line, chunk.end_line)
            chunks.append(
                Chunk(
                    ordinal=len(chunks),
                    start_byte=chunk.start_byte + cell.start_byte,
                    end_byte=chunk.end_byte + cell.start_byte,
                    start_line=first,
                    end_line=last,
                    symbol=chunk.symbol,
                    kind=Kind.CELL if chunk.kind in _LOOSE else chunk.kind,
                    definitions=chunk.definitions,
                    text=chunk.text,
                )
            )
        for one in named:
            first, last = _file_lines(source, row, one.start_line, one.end_line)
            listed.append(
                Symbol(
                    name=one.name,
                    qualified=one.qualified,
                    kind=one.kind,
                    start_line=first,
                    end_line=last,
                    start_byte=one.start_byte + cell.start_byte,
                    end_byte=one.end_byte + cell.start_byte,
                    signature=one.signature,
                )
            )
    return ParsedFile(source.language, tuple(chunks), tuple(listed))


_LOOSE = frozenset((Kind.MODULE, Kind.SECTION, Kind.TEXT))


def _file_lines(source: Source, row: int, first: int, last: int) -> tuple[int, int]:
    """Map lines of a cell that begins at `row` of the data to lines of the notebook file."""
    return source.file_lines[row + first - 1], source.file_lines[row + last - 1]


def _parse(data: bytes, language_id: str) -> tuple[list[Chunk], list[Symbol]]:
    lines = Lines(data)
    known = language(language_id)
    found: list[Definition] = []
    if lines.is_long_lined():
        pieces = _windows(lines)
    elif language_id in parts.LANGUAGES:
        found, rows = parts.definitions_in(lines, language_id)
        pieces = _code(lines, found, lambda: rows)
    elif language_id == "sql":
        found, rows = sql.definitions(lines)
        pieces = _code(lines, found, lambda: rows)
    elif known is not None and known.grammar:
        tree, matches = grammars.parse(known, data)
        found = definitions(matches, lines, grammars.joins_clauses(known))
        pieces = _code(lines, found, lambda: grammars.statement_rows(tree.root_node, lines))
    elif language_id == "markdown":
        pieces = [_Piece(*section, Kind.SECTION) for section in markdown.sections(lines)]
    else:
        pieces = _windows(lines)
    listed = symbols(found, lines)
    return _chunks(lines, pieces, found), listed


def _windows(lines: Lines) -> list[_Piece]:
    return [_Piece(a, b, "", Kind.TEXT) for a, b in lines.cut(0, len(lines) - 1)]


def _code(lines: Lines, found: list[Definition], rows: Callable[[], list[int]]) -> list[_Piece]:
    """Lay code out; `rows` gives those on which what is too long may be cut."""
    laid_out = units(lines, found)
    between: list[int] = []
    if any(lines.size(unit.first, unit.last) > LIMIT for unit in laid_out):
        between = rows()
    starts = [one.start for one in found]
    pieces = []
    for unit in laid_out:
        for first, last in lines.cut(unit.first, unit.last, between):
            owner = unit.owner
            if not unit.is_definition:
                inner = found[bisect_left(starts, first) : bisect_right(starts, last)]
                owner = _main(lines, inner, first, last) or owner
            symbol, kind = _named(owner)
            pieces.append(_Piece(first, last, symbol, kind))
    return pieces


def _named(owner: Definition | None) -> tuple[str, Kind]:
    if owner is None:
        return "", Kind.MODULE
    return owner.qualified, owner.kind


def _main(lines: Lines, inner: list[Definition], first: int, last: int) -> Definition | None:
    """Choose the definition that most of these rows are, if one is."""
    half = lines.size(first, last) / 2
    for one in inner:
        if one.is_symbol and one.end <= last and lines.size(one.top, one.end) > half:
            return one
    return None


def _chunks(lines: Lines, pieces: list[_Piece], found: list[Definition]) -> list[Chunk]:
    named = [one for one in found if one.is_symbol or one.is_reexport]
    starts = [one.start for one in named]
    chunks: list[Chunk] = []
    for piece in pieces:
        rows = lines.trim(piece.first, piece.last)
        if rows is None:
            continue
        first, last = rows
        names = [x.name for x in named[bisect_left(starts, first) : bisect_right(starts, last)]]
        start, end = lines.span(first, last)
        end = _shorten(lines.data, start, end)
        chunks.append(
            Chunk(
                ordinal=len(chunks),
                start_byte=start,
                end_byte=end,
                start_line=first + 1,
                end_line=last + 1,
                symbol=piece.symbol,
                kind=piece.kind,
                definitions=tuple(dict.fromkeys(names)),
                text=lines.data[start:end].decode("utf-8", "replace"),
            )
        )
    return chunks


def _shorten(data: bytes, start: int, end: int) -> int:
    """Cut a chunk that is one endless line; only its beginning can be found."""
    if end - start <= 3 * LIMIT:
        return end
    end = start + LIMIT
    while end > start and data[end] & 0xC0 == 0x80:  # not inside a character
        end -= 1
    return end
