"""Places in documents, as the protocol writes them. In the server."""

from __future__ import annotations

import msgspec


class Position(msgspec.Struct, frozen=True):
    """A place in a document, both counted from 0; `character` in the negotiated encoding."""

    line: int
    character: int


class Range(msgspec.Struct, frozen=True):
    """A half-open stretch of a document."""

    start: Position
    end: Position
