"""What one write changed: handed from the store to memory. Database process only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from wherein.db_worker.symbols import NewSymbol
from wherein.domain import Written


class NewChunk(NamedTuple):
    """A chunk as it was stored; `text` is what its vector will be made of."""

    id: int
    file: int
    key: bytes
    kind: str
    header: str
    text: str


class FileRow(NamedTuple):
    """What the memory of the engine keeps of a file; the chunk ids are a half-open range."""

    id: int
    path: bytes
    language: str
    first_chunk: int
    end_chunk: int
    indexed: bool


class Removed(NamedTuple):
    """A file as it was, with the keys of its chunks and of its symbols."""

    row: FileRow
    keys: list[bytes]
    symbols: list[NewSymbol]


class Change(NamedTuple):
    """What one committed write did.

    `stored` is the file as it is now, with its chunks and symbols, and `known_vectors` those of
    their keys that need no embedding (None: the model failed on it before).
    """

    written: Written
    removed: Sequence[Removed] = ()
    stored: FileRow | None = None
    chunks: Sequence[NewChunk] = ()
    symbols: Sequence[NewSymbol] = ()
    known_vectors: Mapping[bytes, bytes | None] = MappingProxyType({})
