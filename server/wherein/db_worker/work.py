"""Work: what of an index still lacks a vector, and the handing out of it to the embedder.

`chunks` and `symbols` are guarded by the engine's lock, which `lease` and `release` take
themselves. Runs in the database process only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

import apsw

from wherein.db_worker import loading, snippets
from wherein.db_worker.pending import Pending, TextCache
from wherein.domain import BatchRequest, EmbedBatch, EmbedItem

#: Rounds of looking for work when the files of the first finds changed on disk.
_LEASE_ROUNDS: Final = 4
MAX_BATCH: Final = 4_096
MAX_NEAR: Final = 64


class Work:
    """The chunks, and after all of them the symbols, that have no vector of the current model."""

    def __init__(self, lock: threading.Lock, conn: apsw.Connection, root: str) -> None:
        """Share the engine's lock; `conn` is a reading connection, closed by `close`."""
        self.chunks = Pending()
        self.symbols = Pending()
        self.texts = TextCache()
        self._lock = lock
        self._conn = conn
        self._root = root
        self._leasing = threading.Lock()

    @property
    def count(self) -> int:
        """How many inputs are still to come."""
        return self.chunks.count + self.symbols.count

    def lease(self, owner: object, r: BatchRequest) -> EmbedBatch:
        """Hand out inputs without a vector, those of `near` first; none is handed out twice."""
        items: list[EmbedItem] = []
        most = min(r.max_items, MAX_BATCH)
        with self._leasing:
            for _ in range(_LEASE_ROUNDS):
                near = loading.keys_of(self._conn, r.near[:MAX_NEAR])
                with self._lock:
                    wanted = dict(self.chunks.free(near, most))
                    self.chunks.lease(owner, wanted)
                    found = self.texts.find(wanted)
                    named = dict(self.symbols.free((), 0 if wanted else most))
                    self.symbols.lease(owner, named)
                missing = {key: chunk for key, chunk in wanted.items() if key not in found}
                found |= self._read_again(owner, missing)
                found |= self._symbol_texts(owner, named)
                items = [found[key] for key in (*wanted, *named) if key in found]
                if items or not (wanted or named):
                    break
            with self._lock:
                return EmbedBatch(items, self.count)

    def release(self, owner: object) -> None:
        """Give an owner's leases back, because it went away."""
        with self._lock:
            self.chunks.release(owner)
            self.symbols.release(owner)

    def try_again(self) -> None:
        """Hand out again what could not be read from its file for a moment."""
        with self._lock:
            self.chunks.try_again()
            self.symbols.try_again()

    def done(self, keys: Iterable[bytes]) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Take keys that have their vector; returns the chunks and the symbols that waited.

        Call it with the lock held.
        """
        chunks: dict[int, bytes] = {}
        symbols: dict[int, bytes] = {}
        for key in keys:
            chunks.update(dict.fromkeys(self.chunks.done(key), key))
            symbols.update(dict.fromkeys(self.symbols.done(key), key))
            self.texts.drop(key)
        return chunks, symbols

    def close(self) -> None:
        """Close the connection; waits for a lease that is under way."""
        with self._leasing:
            self._conn.close()

    def _read_again(self, owner: object, missing: dict[bytes, int]) -> dict[bytes, EmbedItem]:
        """Read the text of chunks from their files; those that changed there are set aside."""
        if not missing:
            return {}
        places = loading.sources(self._conn, missing.values())
        texts = snippets.texts(self._root, places)
        found = {
            place[3]: snippets.model_input(place, text)
            for place, text in zip(places, texts, strict=True)
            if text is not None
        }
        with self._lock:
            self.chunks.set_aside(owner, missing.keys() - found.keys())
        return found

    def _symbol_texts(self, owner: object, named: dict[bytes, int]) -> dict[bytes, EmbedItem]:
        """Read what a model reads of symbols; a symbol that is gone by now is nobody's work."""
        if not named:
            return {}
        found = loading.symbol_inputs(self._conn, named.values())
        with self._lock:
            self.symbols.set_aside(owner, named.keys() - found.keys())
        return found
