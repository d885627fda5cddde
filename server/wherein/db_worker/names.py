"""Symbols by a part of their name, as typed into the editor's symbol box. Database process only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import apsw

from wherein.db_worker.schema import id_list, query
from wherein.domain import FoundSymbol, Kind, Symbol

#: Longer texts are no names; LIKE takes longer with every letter.
_MAX_TEXT: Final = 64
#: Rows of a looser kind of match that are looked at; the best of them are kept.
_LOOKED_AT: Final = 2_000
_JOINTS: Final = re.compile(r"\.|::|->|#|/|\\|\s+")

_EXACT: Final = "SELECT id FROM symbols WHERE folded = ?1 LIMIT ?2"
_PREFIX: Final = (
    "SELECT id FROM symbols WHERE folded >= ?1 AND folded < ?1 || char(1114111) LIMIT ?2"
)
_LIKE: Final = "SELECT id FROM symbols WHERE folded LIKE ?1 ESCAPE '\\' LIMIT ?2"
_ROWS: Final = """SELECT f.path, s.name, s.qualified, s.kind, s.start_line, s.end_line,
    s.start_byte, s.end_byte, s.signature, s.folded, s.id
    FROM symbols s JOIN files f ON f.id = s.file WHERE s.id IN (SELECT value FROM carray(?))"""


def find(
    conn: apsw.Connection,
    text: str,
    limit: int,
    unsaved: Mapping[bytes, Sequence[Symbol]] | None = None,
) -> list[FoundSymbol]:
    """Return the symbols that match a text: exact, then prefix, then letters in order.

    Case does not matter, save between equals. `Uploader.ret` asks for `ret` inside `Uploader`.
    The symbols of `unsaved` files stand in for those that the index has of them.
    """
    parts = [part for part in _JOINTS.split(_clean(text)) if part]
    if not parts or limit < 1:
        return []
    name, around = parts[-1].casefold(), [part.casefold() for part in parts[:-1]]
    rows: dict[int, tuple[Any, ...]] = {}
    typed = unsaved or {}
    for sql, pattern in (
        (_EXACT, name),
        (_PREFIX, name),
        (_LIKE, _pattern("", name)),
        (_LIKE, _pattern("%", name)),
    ):
        found = [row[0] for row in query(conn, sql, (pattern, _LOOKED_AT))]
        for row in query(conn, _ROWS, (id_list(found),)):
            if _inside(row, around) and row[0] not in typed:
                rows[row[10]] = row
        if len(rows) >= limit:
            break
    for row in _typed_rows(typed):
        if _has(row[9], name) and _inside(row, around):
            rows[row[10]] = row
    ranked = sorted(rows.values(), key=lambda row: _rank(row, parts[-1], name))
    return [_found(row) for row in ranked[:limit]]


def _typed_rows(unsaved: Mapping[bytes, Sequence[Symbol]]) -> Iterator[tuple[Any, ...]]:
    """Give the symbols of buffers as the rows that the index would have of them."""
    number = 0
    for path, symbols in unsaved.items():
        for s in symbols:
            number -= 1
            yield (
                path, s.name, s.qualified, s.kind.value, s.start_line, s.end_line,
                s.start_byte, s.end_byte, s.signature, s.name.casefold(), number,
            )  # fmt: skip


def _has(folded: str, name: str) -> bool:
    """Say whether a name has these letters in this order."""
    letters = iter(folded)
    return all(letter in letters for letter in name)


def _clean(text: str) -> str:
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8").strip()


def _pattern(between: str, name: str) -> str:
    """Return the LIKE pattern for a part of a name, or (with %) for its letters in order."""
    letters = [("\\" + c) if c in "%_\\" else c for c in name]
    return "%" + between.join(letters) + "%"


def _inside(row: tuple[Any, ...], around: list[str]) -> bool:
    """Say whether what stands before the name occurs, in this order, in qualified name or path."""
    place = row[0].decode("utf-8", "replace").casefold() + "/" + row[2].casefold()
    at = 0
    for part in around:
        at = place.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _rank(row: tuple[Any, ...], typed: str, name: str) -> tuple[Any, ...]:
    path, found, folded = row[0], row[1], row[9]
    if folded == name:
        match = 0
    elif folded.startswith(name):
        match = 1
    else:
        match = 2 if name in folded else 3
    return match, typed not in found, len(found), found, path, row[4]


def _found(row: tuple[Any, ...]) -> FoundSymbol:
    path, name, qualified, kind, start_line, end_line, start_byte, end_byte, signature = row[:9]
    symbol = Symbol(
        name, qualified, Kind(kind), start_line, end_line, start_byte, end_byte, signature
    )
    return FoundSymbol(path, symbol)
