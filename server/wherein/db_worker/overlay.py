"""Unsaved text: what editors have in their buffers, kept per connection and never written to disk.

A buffer is cut into chunks when the next question comes, not when it arrives: people type more than
they ask. tree-sitter is loaded then, for the first time in this process. Runs in the database
process only; any thread may use it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter, OrderedDict
from typing import Any, Final, NamedTuple

import xxhash

from wherein.db_worker import lexical
from wherein.db_worker.codec import Floats
from wherein.domain import Chunk, Empty, Overlay, Signature, Skip, Symbol
from wherein.indexing.header import input_key, model_header
from wherein.indexing.reader import from_bytes
from wherein.logs import shown
from wherein.workers.quarantine import Unit, WorkNote

logger = logging.getLogger(__name__)

#: Unsaved text that one connection may keep, in bytes; what was sent longest ago gives way.
MAX_BYTES: Final = 20 << 20

_UNREAD: Final = Signature(0, 0, 0, 0)


class Piece(NamedTuple):
    """A chunk of a buffer as both retrievals see it."""

    chunk: Chunk
    key: bytes  # of its vector
    header: str
    counts: Counter[str]  # how often each token is in it, weighted by column
    length: int  # tokens


class Parsed(NamedTuple):
    """A buffer, cut up."""

    language: str
    pieces: tuple[Piece, ...]
    symbols: tuple[Symbol, ...]


class Caution:
    """Cuts up one buffer at a time, having written down which: one may kill this process.

    The name is what counts, not the content: who types changes the content with every key, and
    each would cost two more deaths.
    """

    def __init__(self, note: WorkNote | None = None, root: str = "") -> None:
        self._note = note or WorkNote()
        self._root = os.fsencode(root)
        self._lock = threading.Lock()

    def parse(self, path: bytes, data: bytes) -> Parsed | None:
        """Cut a buffer up; None for one that ended this process twice."""
        unit = Unit(xxhash.xxh3_128_digest(self._root + b"\0" + path), shown(path))
        if unit.key in self._note.care.guilty:
            return None
        with self._lock, self._note.at([unit]):
            return _parse(path, data)


class Unsaved:
    """One buffer. `vectors` are those of its pieces, by key, of the model `fingerprint`."""

    def __init__(
        self, path: bytes, version: int, data: bytes, caution: Caution | None = None
    ) -> None:
        self.path = path
        self.version = version
        self.size = len(data)
        self.content_hash = xxhash.xxh3_128_digest(data)
        self._caution = caution or Caution()
        self.fingerprint = ""
        self.vectors: dict[bytes, Floats] = {}
        self._data = data
        self._lock = threading.Lock()
        self._parsed: Parsed | None = None
        self._hopeless = False

    def parsed(self) -> Parsed | None:
        """Cut the buffer up, once; None when it cannot be done."""
        with self._lock:
            if self._parsed is None and not self._hopeless:
                try:
                    self._parsed = self._caution.parse(self.path, self._data)
                except Exception as error:  # noqa: BLE001 - a bad file must not stop a question
                    logger.warning("unsaved text could not be parsed: %r", error)
                self._hopeless = self._parsed is None
                self._data = b""
            return self._parsed


class Overlays:
    """The buffers of all connections."""

    def __init__(self, caution: Caution | None = None) -> None:
        self._caution = caution
        self._lock = threading.Lock()
        self._kept: dict[Any, OrderedDict[bytes, Unsaved]] = {}

    def put(self, connection: object, overlay: Overlay) -> Empty:
        """Keep a buffer's text, or forget it when there is none; an older version changes nothing.

        Text too large to be kept hides nothing and is not kept.
        """
        with self._lock:
            kept = self._kept.setdefault(connection, OrderedDict())
            known = kept.get(overlay.path)
            if known is not None and overlay.version < known.version:
                return Empty()
            kept.pop(overlay.path, None)
            if overlay.text is not None and len(overlay.text) <= MAX_BYTES:
                kept[overlay.path] = Unsaved(
                    overlay.path, overlay.version, overlay.text, self._caution
                )
                while sum(unsaved.size for unsaved in kept.values()) > MAX_BYTES:
                    kept.popitem(last=False)
            if not kept:
                del self._kept[connection]
        return Empty()

    def of(self, connection: object) -> tuple[Unsaved, ...]:
        """Return a connection's buffers."""
        with self._lock:
            kept = self._kept.get(connection)
            return tuple(kept.values()) if kept else ()

    def forget(self, connection: object) -> None:
        """Drop the buffers of a connection that has closed."""
        with self._lock:
            self._kept.pop(connection, None)


def _parse(path: bytes, data: bytes) -> Parsed:
    from wherein.indexing.chunker import parse  # tree-sitter, which nothing else here needs

    source = from_bytes(path, data, _UNREAD)
    if isinstance(source, Skip):
        return Parsed("", (), ())
    found = parse(source)
    return Parsed(
        found.language,
        tuple(_piece(path, chunk) for chunk in found.chunks),
        found.symbols,
    )


def _piece(path: bytes, chunk: Chunk) -> Piece:
    counts: Counter[str] = Counter()
    length = 0
    columns = lexical.document(path, chunk)
    for text, weight in zip(columns, lexical.WEIGHTS, strict=True):
        tokens = text.split()
        length += len(tokens)
        for token in tokens:
            counts[token] += weight
    header = model_header(path, chunk.symbol)
    return Piece(chunk, input_key(header, chunk.text), header, counts, length)
