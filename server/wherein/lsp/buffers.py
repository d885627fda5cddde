"""The text of an open document, as the client's edits make it. Runs in the server process; pure.

pygls' own documents end lines where Python does (at a form feed, too), take the end of a line for a
column of it, and are listed under another spelling of their URI than the client's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lsprotocol import types

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def edited(
    text: str, changes: Sequence[types.TextDocumentContentChangeEvent], encoding: str
) -> str:
    """Return a text after these changes, each of them about what the one before left.

    Positions beyond the end of a line, or of the text, mean that end; columns are in units of
    `encoding`: utf-8, utf-16 or utf-32.
    """
    for change in changes:
        if isinstance(change, types.TextDocumentContentChangePartial):
            start = offset(text, change.range.start, encoding)
            end = max(start, offset(text, change.range.end, encoding))
            text = text[:start] + change.text + text[end:]
        else:
            text = change.text
    return text


def offset(text: str, position: types.Position, encoding: str) -> int:
    """Return where a position lies in a text, in characters."""
    start = 0
    for _ in range(position.line):
        end = _LINE_END.search(text, start)
        if end is None:
            return len(text)
        start = end.end()
    end = _LINE_END.search(text, start)
    line = text[start : len(text) if end is None else end.start()]
    return start + _characters(line, position.character, encoding)


def _characters(line: str, column: int, encoding: str) -> int:
    """Return how many characters of a line lie before a column; half a character is none."""
    if line.isascii() or encoding == types.PositionEncodingKind.Utf32:
        return min(column, len(line))
    for at, character in enumerate(line):
        column -= _units(character, encoding)
        if column < 0:
            return at
    return len(line)


def _units(character: str, encoding: str) -> int:
    if encoding == types.PositionEncodingKind.Utf8:
        return len(character.encode("utf-8", "surrogatepass"))
    return 2 if character > "\uffff" else 1
