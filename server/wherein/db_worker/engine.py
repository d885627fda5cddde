"""One index: its database, its vectors in memory, and the work handed to the embedder.

Threads: one thread writes; any thread may ask for stats, lease and release; each reading thread has
a `Reader`. Two locks, always taken in this order: `_writing` around the writing connection (the
writer, and a lease that brings a new model), `_lock` around memory, held for microseconds and never
during SQL. Memory is changed after the commit, so it never knows of rows that were rolled back.
Runs in the database process only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from wherein.db_worker import generations, loading, schema, snippets
from wherein.db_worker.catalogue import Catalogue
from wherein.db_worker.changes import Change
from wherein.db_worker.codec import decode
from wherein.db_worker.failures import explained
from wherein.db_worker.lexical import Frequencies
from wherein.db_worker.pending import Pending, TextCache
from wherein.db_worker.search import Shared
from wherein.db_worker.similar import Reader
from wherein.db_worker.store import Store
from wherein.db_worker.vectors import Matrix
from wherein.domain import (
    BatchRequest,
    EmbedBatch,
    EmbedItem,
    FileUpdate,
    IndexStats,
    RemoveFiles,
    TouchFiles,
    VectorBatch,
    Written,
)
from wherein.errors import ModelError, StorageError

__all__ = ["Engine", "Reader"]

#: Vectors that no chunk uses are kept up to this many, or as many as there are chunks: a branch
#: switch and back embeds nothing.
KEPT_VECTORS: Final = 10_000
#: A tail shorter than this is not worth a merge, even when there is nothing else to do.
_MERGE_ROWS: Final = 256
_MERGE_STEPS: Final = 16
_MERGE_PAGES: Final = 128
#: Rounds of looking for work when the files of the first finds changed on disk.
_LEASE_ROUNDS: Final = 4
MAX_BATCH: Final = 4_096
MAX_NEAR: Final = 64


class Engine:
    """One open index. Made by `open`; `close` waits for nobody, so stop the readers first."""

    def __init__(
        self, conn: apsw.Connection, database: Path, generation: int, recovered: str, root: str
    ) -> None:
        self._conn = conn
        self._database = database
        self._files = (database, Path(f"{database}-wal"))
        self._generation = generation
        self._recovered = recovered
        self._root = root
        self._writing = threading.RLock()
        self._lock = threading.Lock()
        self._leasing = threading.Lock()
        self._closed = False
        self._store = Store(conn)
        self._catalogue = Catalogue(loading.files(conn))
        self._frequencies = Frequencies()
        self._texts = TextCache()
        self._pending = Pending()  # chunks
        self._pending_symbols = Pending()  # embedded after all chunks
        self._matrix = Matrix()
        self._live = 0
        self._chunks_written = 0
        self._vectors_written = 0
        self._count()
        self._load_vectors()
        self._lease_conn = schema.open_reader(database)

    @classmethod
    def open(cls, index_dir: Path, root: str) -> Engine:
        """Open the index of a folder, or make it; a damaged one is put aside for a fresh one.

        Takes about 2 us a vector. Raises StorageError when the directory cannot be used.
        """
        conn, database, generation, recovered = generations.open_current(index_dir)
        try:
            return cls(conn, database, generation, recovered, root)
        except apsw.Error as error:
            conn.close()
            raise explained(error, database) from error

    # -- the writing thread ----------------------------------------------------------------------

    def replace_file(self, u: FileUpdate) -> Written:
        """Store one file's new state; a no-op when its content hash is the one that is stored."""
        return self.replace_files([u])[0]

    def replace_files(self, updates: Sequence[FileUpdate]) -> list[Written]:
        """Store the new states of files that wait, in one transaction: all of them or none."""
        with self._write():
            changes = self._store.replace(updates)
            for change in changes:
                self._remember(change)
        return [change.written for change in changes]

    def remove_files(self, r: RemoveFiles) -> Written:
        """Forget files; their vectors stay for a while, in case they come back."""
        with self._write():
            change = self._store.remove(r)
            self._remember(change)
        return change.written

    def touch_files(self, t: TouchFiles) -> Written:
        """Take new signatures of files whose content is unchanged."""
        with self._write():
            written = self._store.touch(t).written
            self._count()
        return written

    def put_vectors(self, v: VectorBatch) -> Written:
        """Store finished vectors; sent twice, they are stored once.

        Raises InvalidParams when lengths do not fit, ModelError when the dimension changed.
        """
        with self._write():
            written, stored = self._store.put_vectors(v)
            if v.fingerprint != self._store.fingerprint:
                self._count()
                return written  # of another model: kept on disk, never beside these in memory
            with self._lock:
                done = {chunk: key for key in stored for chunk in self._pending.done(key)}
                for key in stored:
                    self._texts.drop(key)
                named = {one: key for key in stored for one in self._pending_symbols.done(key)}
            rows = loading.places(self._conn, [c for c, key in done.items() if stored[key]])
            starting = loading.chunks_of_symbols(self._conn, named)
            with self._lock:
                self._matrix.snapshot.symbols.add(
                    (chunk, weight, one)
                    for symbol, chunk, weight in starting
                    if (one := stored[named[symbol]])
                )
                data = [stored[done[row[0]]] for row in rows]
                self._add_vectors(rows, [d for d in data if d])
                self._vectors_written += len(rows)
                self._matrix.reflects(written.commit)
                self._count_locked()
            self._merge_if(self._matrix.wants_merge())
        return written

    def maintain(self) -> None:
        """Tidy up when there is nothing else to do: at most a few tenths of a second."""
        with self._write():
            snapshot = self._matrix.snapshot
            untidy = len(snapshot.tail) + len(snapshot.base) - int(snapshot.base.alive.sum())
            self._merge_if(untidy >= _MERGE_ROWS)
            with self._lock:
                self._pending.try_again()
                self._pending_symbols.try_again()
            self._store.trim_replies()
            self._store.collect_vectors(max(KEPT_VECTORS, self._store.counters["chunks"]))
            self._merge_words()
            schema.pragma(self._conn, "wal_checkpoint(PASSIVE)")

    # -- any thread --------------------------------------------------------------------------------

    def stats(self) -> IndexStats:
        """Return the counters, from memory."""
        with self._lock:
            counters, pending = self._counters, self._pending.count
            symbols = self._pending_symbols.count
            return IndexStats(
                files=counters["files"],
                chunks=counters["chunks"],
                vectors=self._live,
                pending=pending + symbols,
                failed_vectors=max(0, counters["chunks"] - self._live - pending),
                skipped=dict(self._skipped),
                commit=counters["commit"],
                chunks_written=self._chunks_written,
                vectors_written=self._vectors_written,
                fingerprint=self._store.fingerprint,
                generation=self._generation,
                index_bytes=self._bytes_on_disk(),
                text_bytes=counters["text_bytes"],
                recovered=self._recovered,
            )

    def lease(self, owner: object, r: BatchRequest) -> EmbedBatch:
        """Hand out chunks without a vector, those of `near` first; none is handed out twice.

        Immediate, but for a model that is new to the index: then what is pending is worked out
        again, a few microseconds a chunk. Raises ModelError when the model's dimension changed.
        """
        if r.fingerprint != self._store.fingerprint or r.dim != self._store.dim:
            self._use_model(r.fingerprint, r.dim)
        items: list[EmbedItem] = []
        with self._leasing:
            for _ in range(_LEASE_ROUNDS):
                near = loading.keys_of(self._lease_conn, r.near[:MAX_NEAR])
                with self._lock:
                    wanted = dict(self._pending.free(near, min(r.max_items, MAX_BATCH)))
                    self._pending.lease(owner, wanted)
                    found = self._texts.find(wanted)
                    room = 0 if wanted else min(r.max_items, MAX_BATCH)
                    named = dict(self._pending_symbols.free((), room))
                    self._pending_symbols.lease(owner, named)
                missing = {key: chunk for key, chunk in wanted.items() if key not in found}
                found |= self._read_again(owner, missing)
                found |= self._symbol_texts(owner, named)
                items = [found[key] for key in (*wanted, *named) if key in found]
                if items or not (wanted or named):
                    break
            with self._lock:
                return EmbedBatch(items, self._pending.count + self._pending_symbols.count)

    def release(self, owner: object) -> None:
        """Give an owner's leases back, because it went away."""
        with self._lock:
            self._pending.release(owner)
            self._pending_symbols.release(owner)

    def reader(self) -> Reader:
        """Return a reader with a connection of its own, for one thread."""
        shared = Shared(
            root=self._root,
            catalogue=self._catalogue,
            frequencies=self._frequencies,
            snapshot=lambda: self._matrix.snapshot,
            stats=self.stats,
            failed=lambda error: explained(error, self._database),
        )
        return Reader(shared, schema.open_reader(self._database))

    def close(self) -> None:
        """Close the database and mark it as closed well; a second call does nothing."""
        with self._writing, self._leasing:
            if self._closed:
                return
            self._closed = True
            self._lease_conn.close()
            try:
                self._conn.execute("UPDATE meta SET value = 1 WHERE key = 'clean'")
                schema.pragma(self._conn, "wal_checkpoint(TRUNCATE)")
            except apsw.Error as error:
                raise explained(error, self._database) from error
            finally:
                self._conn.close()

    # -- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[None]:
        with self._writing:
            if self._closed:
                raise StorageError("The index is closed.")
            try:
                yield
            except apsw.Error as error:
                raise explained(error, self._database) from error

    def _remember(self, change: Change) -> None:
        """Bring memory level with a committed write."""
        if not change.removed and change.stored is None:
            self._count()
            return
        gone = sum(len(removed.keys) for removed in change.removed)
        with self._lock:
            for row, keys, named in change.removed:
                self._live -= self._matrix.remove(row.first_chunk, row.end_chunk)
                for key in keys:
                    self._pending.forget(key, row.first_chunk, row.end_chunk)
                    self._texts.drop(key)
                for symbol in named:
                    self._pending_symbols.forget(symbol.key, symbol.id, symbol.id + 1)
            rows: list[tuple[int, int, str]] = []
            data: list[bytes] = []
            for chunk in change.chunks:
                vector = change.known_vectors.get(chunk.key, b"")
                if vector:
                    rows.append((chunk.id, chunk.file, chunk.kind))
                    data.append(vector)
                elif vector is not None:
                    self._pending.add(chunk.key, chunk.id)
                    self._texts.put(EmbedItem(chunk.key, chunk.header, chunk.text))
            self._add_vectors(rows, data)
            self._remember_symbols(change)
            self._chunks_written += len(change.chunks)
            self._matrix.reflects(change.written.commit)
            self._count_locked()
        self._catalogue.change([removed.row for removed in change.removed], change.stored)
        self._frequencies.chunks_changed(gone + len(change.chunks), self._store.counters["chunks"])
        self._merge_if(self._matrix.wants_merge())

    def _remember_symbols(self, change: Change) -> None:
        for symbol in change.symbols:
            if not symbol.weight:
                continue
            vector = change.known_vectors.get(symbol.key, b"")
            if vector:
                self._matrix.snapshot.symbols.add([(symbol.chunk, symbol.weight, vector)])
            elif vector is not None:
                self._pending_symbols.add(symbol.key, symbol.id)

    def _count(self) -> None:
        with self._lock:
            self._count_locked()

    def _count_locked(self) -> None:
        """Take the counters of the last commit; the store's own move within a transaction."""
        self._counters = dict(self._store.counters)
        self._skipped = dict(self._store.skipped)

    def _add_vectors(self, rows: list[tuple[int, int, str]], data: list[bytes]) -> None:
        if rows:
            ids, files, kinds = zip(*rows, strict=True)
            self._matrix.append(ids, files, kinds, decode(data, self._store.dim))
            self._live += len(rows)

    def _merge_if(self, wanted: bool) -> None:
        if wanted:
            self._matrix.merge(self._catalogue.ranks())  # only writers change it: no lock

    def _merge_words(self) -> None:
        """Let the word index put its many small pieces together, which makes questions faster."""
        for _ in range(_MERGE_STEPS):
            before = self._conn.total_changes()
            self._conn.execute(
                "INSERT INTO words (words, rank) VALUES ('merge', ?)", (_MERGE_PAGES,)
            )
            if self._conn.total_changes() - before < 2:  # SQLite's own sign for "nothing left"
                return

    def _use_model(self, fingerprint: str, dim: int) -> None:
        with self._write():
            if self._store.fingerprint != fingerprint:
                self._store.use_model(fingerprint, dim)
                self._load_vectors()
            if self._store.dim != dim:
                raise ModelError(
                    f"The model {fingerprint} gave vectors of {self._store.dim} numbers before "
                    f"and gives {dim} now; install it again."
                )

    def _load_vectors(self) -> None:
        """Read the current model's vectors, and find out which chunks have none."""
        store = self._store
        base, pending = loading.vectors_of(
            self._conn, store.model, store.dim, store.counters["chunks"]
        )
        matrix = Matrix(store.fingerprint, store.dim)
        matrix.load(base, store.counters["commit"])
        symbols, unnamed = loading.symbol_vectors_of(self._conn, store.model, store.dim)
        matrix.take_symbols(symbols)
        with self._lock:
            self._matrix, self._live = matrix, len(base)
            self._pending, self._pending_symbols = pending, unnamed

    def _read_again(self, owner: object, missing: dict[bytes, int]) -> dict[bytes, EmbedItem]:
        """Read the text of chunks from their files; those that changed there are set aside."""
        if not missing:
            return {}
        places = loading.sources(self._lease_conn, missing.values())
        texts = snippets.texts(self._root, places)
        found = {
            place[3]: snippets.model_input(place, text)
            for place, text in zip(places, texts, strict=True)
            if text is not None
        }
        with self._lock:
            self._pending.set_aside(owner, missing.keys() - found.keys())
        return found

    def _symbol_texts(self, owner: object, named: dict[bytes, int]) -> dict[bytes, EmbedItem]:
        """Read what a model reads of symbols; a symbol that is gone by now is nobody's work."""
        if not named:
            return {}
        found = loading.symbol_inputs(self._lease_conn, named.values())
        with self._lock:
            self._pending_symbols.set_aside(owner, named.keys() - found.keys())
        return found

    def _bytes_on_disk(self) -> int:
        total = 0
        for path in self._files:
            try:
                total += path.stat().st_size
            except OSError:
                continue  # no log right now
        return total
