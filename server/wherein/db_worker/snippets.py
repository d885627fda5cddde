"""The text of chunks, read again from the files and checked. Database process only.

Chunk text is not stored. What is read counts only if it still gives the chunk's key, the hash of
what was indexed; anything else is a file that changed, and the watcher will bring it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from wherein.domain import EmbedItem, SearchHit, Skip
from wherein.indexing.header import input_key, model_header
from wherein.indexing.reader import Source, read
from wherein.settings import MOST_FILE_KIB

#: The watcher decides how large a file may be, by the setting; what it took is read here.
MOST_BYTES: Final = MOST_FILE_KIB * 1024
MAX_LAST_LINE: Final = 1_000  # bytes

#: path, symbol, (start byte, end byte, first line, last line), key
Place = tuple[bytes, str, tuple[int, int, int, int], bytes]


def texts(root: str, places: Sequence[Place]) -> list[str | None]:
    """Return each chunk's text, None where the file has other text there now; reads a file once."""
    return [text for text, _ in _read(root, places)]


def shown(
    root: str, hits: Sequence[SearchHit], places: Sequence[Place], typed: Sequence[str | None],
    lines: int,
) -> list[SearchHit]:  # fmt: skip
    """Return the hits with the first lines of their texts, or marked as stale.

    What is `typed` is the text of a hit; the others are read from the files, each once.
    """
    fresh = iter(_read(root, [p for p, text in zip(places, typed, strict=True) if text is None]))
    found = []
    for hit, text in zip(hits, typed, strict=True):
        new, last_line = next(fresh) if text is None else (text, None)
        if new is None:
            found.append(msgspec.structs.replace(hit, stale=True))
        else:
            snippet = "\n".join(new.splitlines()[:lines])
            found.append(msgspec.structs.replace(hit, snippet=snippet, last_line=last_line))
    return found


def _read(root: str, places: Sequence[Place]) -> Iterator[tuple[str | None, bytes | None]]:
    """Yield each chunk's text and the line that it ends on."""
    sources: dict[bytes, Source | Skip] = {}
    for path, symbol, (start, end, _, _), key in places:
        if path not in sources:
            sources[path] = read(root, path, MOST_BYTES)
        source = sources[path]
        if isinstance(source, Skip):
            yield None, None
            continue
        text = source.data[start:end].decode("utf-8", "replace")
        if input_key(model_header(path, symbol), text) != key:
            yield None, None
        else:
            yield text, None if source.cells else _last_line(source.data, end)


def _last_line(data: bytes, end: int) -> bytes | None:
    """Return the whole line, without its end, that holds the byte before `end`.

    None where the editor protocol counts lines in another way (a lone carriage return ends one
    there), and for a line that is too long to be sent.
    """
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return None
    last = end - 1
    start = data.rfind(b"\n", 0, last) + 1
    stop = data.find(b"\n", last)
    line = data[start : len(data) if stop < 0 else stop].removesuffix(b"\r")
    if not start:
        line = line.removeprefix(codecs.BOM_UTF8)
    return line if len(line) <= MAX_LAST_LINE else None


def model_input(place: Place, text: str) -> EmbedItem:
    """Return what the model reads of a chunk."""
    path, symbol, _, key = place
    return EmbedItem(key, model_header(path, symbol), text)
