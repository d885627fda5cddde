"""One index: its database, its vectors in memory, and the work handed to the embedder.

Threads: one thread writes; any thread may ask for stats, lease and release; each reading thread has
a `Reader`. Two locks, always taken in this order: `_writing` around the writing connection (the
writer, and a lease that brings a new model), `_lock` around memory, held for microseconds and never
during SQL. Memory is changed after the commit, so it never knows of rows that were rolled back.
Runs in the database process only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from wherein.db_worker import disk, generations, loading, memory, schema, upkeep
from wherein.db_worker.catalogue import Catalogue
from wherein.db_worker.changes import Change
from wherein.db_worker.codec import side_by_side
from wherein.db_worker.failures import explained
from wherein.db_worker.generations import Opened
from wherein.db_worker.lexical import Frequencies
from wherein.db_worker.search import Shared
from wherein.db_worker.similar import Reader
from wherein.db_worker.store import Store
from wherein.db_worker.vectors import Matrix
from wherein.db_worker.work import Work
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

#: Unused vectors kept, or as many as are in use: a branch switch and back embeds nothing.
KEPT_VECTORS: Final = 500
#: Chunks and vectors after which the memory that writing took is worth giving back.
_MUCH_WRITTEN: Final = 2_000
#: A tail shorter than this is not worth a merge, even when there is nothing else to do.
_MERGE_ROWS: Final = 256


class Engine:
    """One open index. Made by `open`; `close` waits for nobody, so stop the readers first."""

    def __init__(self, opened: Opened, root: str) -> None:
        self._conn = opened.conn
        self.database = opened.database
        self.generation = opened.number
        self.frozen = opened.frozen
        self._files = (opened.database, Path(f"{opened.database}-wal"))
        self._identity = disk.identity(opened.database)
        self._opened_at = time.time_ns()
        self._recovered = opened.recovered
        self._root = root
        self._log = upkeep.Log(opened.conn)
        self._writing = threading.RLock()
        self._lock = threading.Lock()
        self._closed = self._behind = False
        self._store = Store(opened.conn)
        self._catalogue = Catalogue(loading.files(opened.conn))
        self._frequencies = Frequencies()
        self._matrix = Matrix()
        self._live = self._vectors_written = self._chunks_written = self._trimmed = 0
        reading = schema.open_reader(opened.database, frozen=opened.frozen)
        self._work = Work(self._lock, reading, root)
        self._count()
        self._load_vectors()
        self.note = upkeep.rebuilding(opened.conn)

    @classmethod
    def open(cls, index_dir: Path, root: str) -> Engine:
        """Open the index of a folder, or make it; a damaged one is put aside for a fresh one.

        Takes about 2 us a vector. Raises StorageError when the directory cannot be used.
        """
        return cls.of(generations.open_current(index_dir), root)

    @classmethod
    def of(cls, opened: Opened, root: str) -> Engine:
        """Take an open generation; closes it when that fails. Raises StorageError."""
        try:
            return cls(opened, root)
        except (apsw.Error, ValueError, TypeError, LookupError) as error:  # rows that make no sense
            opened.conn.close()
            sqlites = error if isinstance(error, apsw.Error) else apsw.CorruptError("rows")
            raise explained(sqlites, opened.database) from error

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
                done, named = self._work.done(stored)
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
            self._work.try_again()
            self._store.trim_replies()
            self._store.collect_vectors(KEPT_VECTORS)
            upkeep.merge_words(self._conn)
            upkeep.give_back_space(self._conn)
            self._log.empty()
            if (n := self._chunks_written + self._vectors_written) - self._trimmed >= _MUCH_WRITTEN:
                self._trimmed = n
                memory.give_back(self._conn)

    def optimize_words(self) -> None:
        """Write the word index anew without what was deleted: a second for 100,000 chunks."""
        with self._write():
            upkeep.optimize_words(self._conn)
            self._log.empty()

    def purge(self, _nothing: None = None) -> int:
        """Leave nothing in the files but what the index says now; returns the bytes on disk."""
        with self._write():
            self._store.collect_vectors(0)
            upkeep.purge(self._conn)
            self._log.empty()
        return disk.size(self._files)

    def follow(self, database: Path, commit: int) -> None:
        """Come after another generation: count on from its commit, and take its vectors.

        So unchanged text is not embedded again.
        """
        with self._write():
            upkeep.copy_vectors(self._conn, database)
            self._store.begin_at(commit)
            self._count()
            self._load_vectors()

    def begin(self, note: str) -> None:
        """Say on disk why this generation does not hold the whole folder yet."""
        with self._write():
            upkeep.set_rebuilding(self._conn, note)
            self.note = note

    def complete(self) -> None:
        """Say on disk that this generation holds the whole folder, and make that last."""
        with self._write():
            upkeep.set_rebuilding(self._conn, "")
            self.note = ""
            self._log.empty()

    # -- any thread --------------------------------------------------------------------------------

    def stats(self) -> IndexStats:
        """Return the counters, from memory."""
        with self._lock:
            counters, pending = self._counters, self._work.chunks.count
            return IndexStats(
                files=counters["files"],
                chunks=counters["chunks"],
                vectors=self._live,
                pending=self._work.count,
                failed_vectors=max(0, counters["chunks"] - self._live - pending),
                skipped=dict(self._skipped),
                commit=counters["commit"],
                chunks_written=self._chunks_written,
                vectors_written=self._vectors_written,
                fingerprint=self._store.fingerprint,
                generation=self.generation,
                index_bytes=disk.size(self._files),
                text_bytes=counters["text_bytes"],
                recovered=self._recovered,
                opened_at=self._opened_at,
                rebuilding=bool(self.note),
            )

    def lease(self, owner: object, r: BatchRequest) -> EmbedBatch:
        """Hand out chunks without a vector, those of `near` first; none is handed out twice.

        Immediate, but for a new model: what is pending is worked out again, a few microseconds
        a chunk. Raises ModelError when the model's dimension changed.
        """
        if r.fingerprint != self._store.fingerprint or r.dim != self._store.dim:
            self._use_model(r.fingerprint, r.dim)
        try:
            return self._work.lease(owner, r)
        except apsw.Error as error:
            raise explained(error, self.database) from error

    def release(self, owner: object) -> None:
        """Give an owner's leases back, because it went away."""
        self._work.release(owner)

    def reader(self) -> Reader:
        """Return a reader with a connection of its own, for one thread."""
        shared = Shared(
            root=self._root,
            catalogue=self._catalogue,
            frequencies=self._frequencies,
            snapshot=lambda: self._matrix.snapshot,
            stats=self.stats,
            failed=lambda error: explained(error, self.database),
        )
        try:
            return Reader(shared, schema.open_reader(self.database, frozen=self.frozen))
        except apsw.Error as error:
            raise explained(error, self.database) from error

    @property
    def lost(self) -> bool:
        """True when the file that is open is not the one under its name any more."""
        return disk.identity(self.database) != self._identity

    @property
    def spent(self) -> bool:
        """True when it must be opened anew: it is closed, or memory fell behind a commit."""
        return self._closed or self._behind

    def close(self) -> None:
        """Close the database and mark it as closed well; a second call does nothing."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
            self._work.close()
            try:
                if not (self.frozen or self.lost):
                    self._conn.execute("UPDATE meta SET value = 1 WHERE key = 'clean'")
                    self._log.empty()
            except apsw.Error as error:
                raise explained(error, self.database) from error
            finally:
                self._conn.close()

    # -- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[None]:
        with self._writing:
            if self._closed:
                raise StorageError("The index is closed.")
            if self.frozen:
                raise generations.unwritable(self.database.parent.parent, "it is read-only")
            commit = self._store.counters["commit"]
            try:
                yield
                commit = self._store.counters["commit"]
                self._log.keep_short()
            except apsw.Error as error:
                raise explained(error, self.database) from error
            finally:  # a repeated request would change nothing in memory: it was applied
                self._behind |= commit != self._store.counters["commit"]

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
                    self._work.chunks.forget(key, row.first_chunk, row.end_chunk)
                    self._work.texts.drop(key)
                for symbol in named:
                    self._work.symbols.forget(symbol.key, symbol.id, symbol.id + 1)
            rows: list[tuple[int, int, str]] = []
            data: list[bytes] = []
            for chunk in change.chunks:
                vector = change.known_vectors.get(chunk.key, b"")
                if vector:
                    rows.append((chunk.id, chunk.file, chunk.kind))
                    data.append(vector)
                elif vector is not None:
                    self._work.chunks.add(chunk.key, chunk.id)
                    self._work.texts.put(EmbedItem(chunk.key, chunk.header, chunk.text))
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
                self._work.symbols.add(symbol.key, symbol.id)

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
            self._matrix.append(ids, files, kinds, side_by_side(data, self._store.dim))
            self._live += len(rows)

    def _merge_if(self, wanted: bool) -> None:
        if wanted:
            self._matrix.merge(self._catalogue.ranks())  # only writers change it: no lock

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
            self._work.chunks, self._work.symbols = pending, unnamed
        memory.give_back(self._conn)
