"""Which chunks still lack a vector, who is making it, and their text while it is at hand.

Not locked: the engine holds its lock around every call. Runs in the database process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from wherein.domain import EmbedItem

#: Text of chunks that wait for their vector, kept so that a first index reads each file once.
CACHE_BYTES: Final = 32 << 20
#: Fewer holes than this do not matter.
_SPARSE: Final = 1_024
_ITEM_OVERHEAD: Final = 400  # the objects around one chunk's text


class Pending:
    """Chunks without a vector by key, in the order they came, and the leases on them.

    A key may stand for several chunks (the same text twice under one name), hence tuples of ids.
    A key set aside could not be read from its file; it counts as pending and is not handed out
    until the file is written again, or `try_again`.
    """

    def __init__(self) -> None:
        self._chunks: dict[bytes, tuple[int, ...]] = {}
        self._aside: set[bytes] = set()
        self._leased: dict[bytes, object] = {}
        self._held: dict[object, set[bytes]] = {}
        self._dropped = 0
        self.count = 0  # chunks, not keys

    def __contains__(self, key: bytes) -> bool:
        return key in self._chunks

    def add(self, key: bytes, chunk: int) -> None:
        """Say that a chunk has no vector."""
        self._chunks[key] = (*self._chunks.get(key, ()), chunk)
        self._aside.discard(key)
        self.count += 1

    def forget(self, key: bytes, first: int, end: int) -> None:
        """Say that the chunks of this key with ids in [first, end) are gone."""
        before = self._chunks.get(key, ())
        after = tuple(chunk for chunk in before if not first <= chunk < end)
        self.count -= len(before) - len(after)
        if after:
            self._chunks[key] = after
        elif before:
            self._drop(key)

    def done(self, key: bytes) -> tuple[int, ...]:
        """Say that a key has its vector, or never will; returns its chunks."""
        chunks = self._chunks.get(key, ())
        if chunks:
            self.count -= len(chunks)
            self._drop(key)
        return chunks

    def free(self, near: Iterable[bytes], limit: int) -> Iterator[tuple[bytes, int]]:
        """Yield up to `limit` (key, chunk) that nobody works on, the keys of `near` first."""
        given = 0
        seen: set[bytes] = set()
        for keys in (near, self._chunks):
            for key in keys:
                if given >= limit:
                    return
                if key in self._leased or key in self._aside or key in seen:
                    continue
                chunks = self._chunks.get(key)
                if chunks:
                    seen.add(key)
                    given += 1
                    yield key, chunks[0]

    def lease(self, owner: object, keys: Iterable[bytes]) -> None:
        """Note that an owner works on these keys."""
        held = self._held.setdefault(owner, set())
        for key in keys:
            self._leased[key] = owner
            held.add(key)

    def release(self, owner: object) -> None:
        """Give back what an owner had not finished."""
        for key in self._held.pop(owner, ()):
            self._leased.pop(key, None)

    def set_aside(self, owner: object, keys: Iterable[bytes]) -> None:
        """Take these back from their owner, and hand them out to nobody."""
        for key in keys:
            if key in self._chunks:
                self._aside.add(key)
            if self._leased.get(key) is owner:
                del self._leased[key]
                self._held[owner].discard(key)

    def try_again(self) -> None:
        """Hand out again what was set aside: a file may have been unreadable for a moment only."""
        self._aside.clear()

    def _drop(self, key: bytes) -> None:
        del self._chunks[key]
        self._dropped += 1
        if self._dropped > max(_SPARSE, len(self._chunks)):
            self._close_up()
        self._aside.discard(key)
        owner = self._leased.pop(key, None)
        if owner is not None:
            self._held[owner].discard(key)

    def _close_up(self) -> None:
        """Give back the room of what is gone: a dict keeps its size (20 MB after 400,000 keys)."""
        self._dropped = 0
        self._chunks = dict(self._chunks)
        self._leased = dict(self._leased)
        self._held = {owner: set(keys) for owner, keys in self._held.items()}


class TextCache:
    """Model inputs of chunks just written, by key, at most 32 MiB.

    When it is full new ones are refused and old ones stay: the embedder takes the oldest first, so
    dropping those would make every look-up a miss.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._items: dict[bytes, EmbedItem] = {}
        self._limit = limit
        self._used = 0

    def put(self, item: EmbedItem) -> None:
        """Keep a text if there is room."""
        cost = _cost(item)
        if item.key not in self._items and self._used + cost <= self._limit:
            self._items[item.key] = item
            self._used += cost

    def find(self, keys: Mapping[bytes, int]) -> dict[bytes, EmbedItem]:
        """Return the texts that are here."""
        return {key: self._items[key] for key in keys if key in self._items}

    def drop(self, key: bytes) -> None:
        """Forget a text that is not needed any more."""
        item = self._items.pop(key, None)
        if item is not None:
            self._used -= _cost(item)

    def clear(self) -> None:
        """Forget all texts."""
        self._items.clear()
        self._used = 0


def _cost(item: EmbedItem) -> int:
    return len(item.text) + len(item.header) + _ITEM_OVERHEAD
