"""The text of chunks, read again from the files and checked. Database process only.

Chunk text is not stored. What is read counts only if it still gives the chunk's key, the hash of
what was indexed; anything else is a file that changed, and the watcher will bring it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from wherein.domain import EmbedItem, SearchHit, Skip
from wherein.indexing.header import input_key, model_header
from wherein.indexing.reader import read
from wherein.settings import MOST_FILE_KIB

#: The watcher decides how large a file may be, by the setting; what it took is read here.
MOST_BYTES: Final = MOST_FILE_KIB * 1024

#: path, symbol, (start byte, end byte, first line, last line), key
Place = tuple[bytes, str, tuple[int, int, int, int], bytes]


def texts(root: str, places: Sequence[Place]) -> list[str | None]:
    """Return each chunk's text, None where the file has other text there now; reads a file once."""
    sources: dict[bytes, bytes | None] = {}
    found: list[str | None] = []
    for path, symbol, (start, end, _, _), key in places:
        if path not in sources:
            source = read(root, path, MOST_BYTES)
            sources[path] = None if isinstance(source, Skip) else source.data
        data = sources[path]
        text = None if data is None else data[start:end].decode("utf-8", "replace")
        if text is not None and input_key(model_header(path, symbol), text) != key:
            text = None
        found.append(text)
    return found


def model_input(place: Place, text: str) -> EmbedItem:
    """Return what the model reads of a chunk."""
    path, symbol, _, key = place
    return EmbedItem(key, model_header(path, symbol), text)


def stale(hit: SearchHit) -> SearchHit:
    """Return the hit marked as one whose file has other text there now."""
    return msgspec.structs.replace(hit, stale=True)


def attach(hit: SearchHit, text: str, lines: int) -> SearchHit:
    """Return the hit with the first lines of its text, counted from its first line."""
    return msgspec.structs.replace(hit, snippet="\n".join(text.splitlines()[:lines]))
