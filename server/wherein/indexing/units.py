"""Which definitions of a file become chunks of their own, and what becomes of the rows between.

Pure arithmetic on rows, without the syntax tree; part of the chunker.
"""

from __future__ import annotations

import attrs

from wherein.domain import Kind
from wherein.indexing.lines import LIMIT, Lines
from wherein.indexing.symbols import FUNCTIONS, Definition

# Text between definitions that is shorter than this joins a neighbour.
TINY = 150
# A definition inside a function is a chunk of its own from this size on.
INNER = 400

# Constants, aliases and macros of fewer rows than this are packed with their neighbours.
PACKED_ROWS = 4

_PACKED = frozenset((Kind.CONSTANT, Kind.TYPE, Kind.MACRO))
_CLOSERS = (b"}", b")", b"]", b"end", b"#endif", b"*/", b"?>")


@attrs.define
class Unit:
    """Rows that become one chunk, or several when they are too long.

    `is_definition`: the rows are `owner` itself; otherwise they are loose rows inside of it.
    """

    first: int
    last: int
    owner: Definition | None
    is_definition: bool


def units(lines: Lines, found: list[Definition]) -> list[Unit]:
    """Lay a file out: its definitions, in order, and the rows between; together all its rows."""
    laid_out: list[Unit] = []
    opened: list[Definition] = []
    at = 0  # the first row that is in no unit yet

    def loose(until: int) -> None:
        nonlocal at
        rows = lines.trim(at, until)
        if rows is not None:
            laid_out.append(Unit(*rows, opened[-1] if opened else None, False))
        at = max(at, until + 1)

    for one in found:
        while opened and opened[-1].end_byte <= one.start_byte:
            loose(opened[-1].end)
            opened.pop()
        if one.end < at or one.parent is not (opened[-1] if opened else None):
            continue  # on the last row of the unit before, or inside a definition that is one unit
        first = max(one.top, at)
        size = lines.size(first, one.end)
        if one.has_children and (size > LIMIT or one.kind is Kind.MODULE):
            loose(first - 1)
            opened.append(one)
        elif not _is_packed(one, size):
            loose(first - 1)
            laid_out.append(Unit(first, one.end, one, True))
            at = one.end + 1
    while opened:
        loose(opened[-1].end)
        opened.pop()
    loose(len(lines) - 1)
    return _join_tiny(lines, laid_out, found)


def _is_packed(one: Definition, size: int) -> bool:
    """Tell whether a definition is too slight for a chunk of its own."""
    if size > LIMIT:
        return False
    if one.start == one.end or (one.kind in _PACKED and one.end - one.start < PACKED_ROWS):
        return True
    inside = one.parent is not None and one.parent.kind in FUNCTIONS
    return inside and size < INNER


def _join_tiny(lines: Lines, laid_out: list[Unit], found: list[Definition]) -> list[Unit]:
    """Give tiny loose rows to a neighbour: closing brackets backwards, the rest forwards."""
    naming = {one.start for one in found if one.is_symbol and one.kind is not Kind.MODULE}
    kept: list[Unit] = []
    carried: int | None = None  # first row of loose rows that wait for the next unit
    for position, unit in enumerate(laid_out):
        if carried is not None:
            unit.first = carried
            carried = None
        tiny = (
            not unit.is_definition
            and lines.size(unit.first, unit.last) < TINY
            and not any(row in naming for row in range(unit.first, unit.last + 1))
        )
        if not tiny:
            kept.append(unit)
        elif kept and (
            lines.rows[unit.first].lstrip().startswith(_CLOSERS) or position + 1 == len(laid_out)
        ):
            kept[-1].last = unit.last
        elif position + 1 < len(laid_out) and (
            not laid_out[position + 1].is_definition
            or lines.size(unit.first, laid_out[position + 1].last) <= LIMIT
        ):
            carried = unit.first
        else:
            kept.append(unit)
    return kept
