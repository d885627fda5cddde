"""The text of chunks, read again from the files and checked. Database process only.

Chunk text is not stored. What is read counts only if it still gives the chunk's key, the hash of
what was indexed; anything else is a file that changed, and the watcher will bring it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

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


class Page(NamedTuple):
    """A chunk's text, None where the file has other text there now, and the line it ends on."""

    text: str | None
    last_line: bytes | None = None


def texts(root: str, places: Sequence[Place]) -> list[str | None]:
    """Return each chunk's text, None where the file has other text there now; reads a file once."""
    return [page.text for page in pages(root, places)]


def pages(root: str, places: Sequence[Place]) -> Iterator[Page]:
    """Yield the page of each chunk; reads a file once."""
    sources: dict[bytes, Source | Skip] = {}
    for path, symbol, (start, end, _, _), key in places:
        if path not in sources:
            sources[path] = read(root, path, MOST_BYTES)
        source = sources[path]
        if isinstance(source, Skip):
            yield Page(None)
            continue
        text = source.data[start:end].decode("utf-8", "replace")
        if input_key(model_header(path, symbol), text) != key:
            yield Page(None)
        else:
            yield Page(text, None if source.cells else _last_line(source.data, end))


def attach(hit: SearchHit, page: Page, lines: int) -> SearchHit:
    """Return the hit with the first lines of its text, or marked as stale where there is none."""
    if page.text is None:
        return msgspec.structs.replace(hit, stale=True)
    snippet = "\n".join(page.text.splitlines()[:lines])
    return msgspec.structs.replace(hit, snippet=snippet, last_line=page.last_line)


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
