"""Every write to an index: one short transaction each, a repeated request changes nothing.

`Store` belongs to the one thread that writes. It returns what changed, and the engine brings its
memory up to date after the commit, so memory never knows of rows that were rolled back. Runs in the
database process only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apsw

from wherein.db_worker import codec, lexical, symbols
from wherein.db_worker.changes import Change, FileRow, NewChunk, Removed
from wherein.db_worker.schema import COUNTERS, query
from wherein.db_worker.symbols import NewSymbol
from wherein.domain import (
    Chunk,
    FileUpdate,
    RemoveFiles,
    Signature,
    TouchFiles,
    VectorBatch,
    Written,
)
from wherein.errors import InvalidParams, ModelError
from wherein.indexing.header import input_key, model_header

#: Replies remembered for requests that are sent again; askers give up after three tries.
REMEMBERED_REPLIES: Final = 10_000
_BIGGEST: Final = 2**63 - 1

_INSERT_FILE: Final = "INSERT INTO files VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_UPDATE_FILE: Final = """UPDATE files SET size=?, mtime_ns=?, ctime_ns=?, inode=?, hash=?,
    language=?, skip=?, text_bytes=?, first_chunk=?, end_chunk=?, first_symbol=?, end_symbol=?
    WHERE id=?"""
_TOUCH_FILE: Final = "UPDATE files SET size=?, mtime_ns=?, ctime_ns=?, inode=? WHERE path=?"
_FIND_FILE: Final = """SELECT id, hash, language, skip, text_bytes, first_chunk, end_chunk,
    first_symbol, end_symbol, size, mtime_ns, ctime_ns, inode FROM files WHERE path = ?"""
_FIND_MODEL: Final = "SELECT id, dim FROM models WHERE fingerprint = ?"
_INSERT_CHUNK: Final = "INSERT INTO chunks VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_WORDS: Final = (
    "INSERT INTO words (rowid, text, path, symbol, definitions) VALUES (?,?,?,?,?)"
)
_INSERT_SYMBOL: Final = "INSERT INTO symbols VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_VECTOR: Final = """INSERT INTO vectors (model, key, data, crc) VALUES (?,?,?,?)
    ON CONFLICT (model, key) DO UPDATE SET data = excluded.data, crc = excluded.crc"""
_INSERT_FAILED: Final = """INSERT INTO vectors (model, key, data, crc) VALUES (?,?,NULL,0)
    ON CONFLICT (model, key) DO NOTHING"""
_CHUNK_KEYS: Final = "SELECT key FROM chunks WHERE id >= ? AND id < ? ORDER BY id"
_SYMBOL_KEYS: Final = (
    "SELECT id, chunk, key, weight FROM symbols WHERE id >= ? AND id < ? ORDER BY id"
)
_COUNT_VECTORS: Final = "SELECT (SELECT count(*) FROM vectors), (SELECT count(*) FROM symbols)"
_KNOWN_VECTORS: Final = """SELECT key, data, crc FROM vectors
    WHERE model = ? AND key IN (SELECT value FROM carray(?))"""


#: Of one chunk: header of the model's input, key, columns of the word index, and the chunk.
Document = tuple[str, bytes, tuple[str, str, str, str], Chunk]


class Store:
    """The writing side of one index database. One thread."""

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn
        meta = dict(query(conn, "SELECT key, value FROM meta"))
        self.counters: dict[str, int] = {name: meta[name] for name in COUNTERS}
        self.skipped: dict[str, int] = {
            key.removeprefix("skipped:"): value
            for key, value in meta.items()
            if key.startswith("skipped:") and value
        }
        self.fingerprint: str = meta["fingerprint"]
        self.dim = 0
        self.model = 0
        self._find_model()

    def begin_at(self, commit: int) -> None:
        """Count commits on from another generation's, and take the model that came from there."""
        with self._transaction():
            self._bump(commit=commit - self.counters["commit"])
        rows = query(self._conn, "SELECT value FROM meta WHERE key = 'fingerprint'")
        self.fingerprint = rows[0][0]
        self._find_model()

    def replace(self, updates: Sequence[FileUpdate]) -> list[Change]:
        """Write the new state of some files, all in one transaction.

        A commit costs as much as the words of a small file, so files that wait share one. The same
        content again only takes its new signature.
        """
        documents = [_documents(u) for u in updates]  # not while the database is locked
        with self._transaction():
            return [self._replace(u, d) for u, d in zip(updates, documents, strict=True)]

    def remove(self, r: RemoveFiles) -> Change:
        """Forget files; paths that are not known are passed over."""
        with self._transaction():
            if reply := self._applied(r.request_id):
                return Change(reply)
            removed: list[Removed] = []
            for path in r.paths:
                row = self._file(path)
                if row is None:
                    continue
                removed.append(self._clear(row, path))
                self._conn.execute("DELETE FROM files WHERE id = ?", (row[0],))
            if removed:
                self._bump(commit=1)
            return Change(self._reply(r.request_id, changed=bool(removed)), removed)

    def touch(self, t: TouchFiles) -> Change:
        """Take new signatures of files whose content did not change."""
        with self._transaction():
            if reply := self._applied(t.request_id):
                return Change(reply)
            before = self._conn.total_changes()
            self._conn.executemany(_TOUCH_FILE, [(*_signature(s), path) for path, s in t.files])
            changed = self._conn.total_changes() > before
            if changed:
                self._bump(commit=1)
            return Change(self._reply(t.request_id, changed=changed))

    def put_vectors(self, v: VectorBatch) -> tuple[Written, dict[bytes, bytes | None]]:
        """Keep finished vectors, whichever model they are of.

        Returns the stored form of each, None for those that failed; one that is not a finite number
        counts as failed. Raises InvalidParams for a wrong length, ModelError for a wrong dimension.
        """
        if v.dim < 1 or len(v.vectors) != len(v.keys) * v.dim * 4:
            raise InvalidParams("vectors: the length does not fit the keys and the dimension.")
        stored = dict(zip(v.keys, codec.encode(v.vectors, v.dim), strict=True))
        stored.update(dict.fromkeys(v.failed, None))
        with self._transaction():
            model, dim = self._model_row(v.fingerprint, v.dim)
            if dim != v.dim:
                raise ModelError(
                    f"The model {v.fingerprint} gave vectors of {dim} numbers before and gives "
                    f"{v.dim} now; reinstall it."
                )
            self._conn.executemany(
                _INSERT_VECTOR,
                [(model, key, data, codec.crc(data)) for key, data in stored.items() if data],
            )
            self._conn.executemany(
                _INSERT_FAILED, [(model, key) for key, data in stored.items() if not data]
            )
            if stored:
                self._bump(commit=1)
            return Written(self.counters["commit"], bool(stored)), stored

    def use_model(self, fingerprint: str, dim: int) -> None:
        """Make this the model that the index is about from now on, also after a restart."""
        with self._transaction():
            self._model_row(fingerprint, dim)
            self._conn.execute(
                "UPDATE meta SET value = ? WHERE key = 'fingerprint'", (fingerprint,)
            )
        self.fingerprint = fingerprint
        self._find_model()

    def trim_replies(self) -> None:
        """Forget replies that nobody will ask for again."""
        ((newest,),) = query(self._conn, "SELECT max(id) FROM applied")
        with self._transaction():
            self._conn.execute(
                "DELETE FROM applied WHERE id <= ?", ((newest or 0) - REMEMBERED_REPLIES,)
            )

    def collect_vectors(self, keep: int) -> int:
        """Delete the oldest vectors that nothing uses, beyond `keep` or as many as are in use.

        With 0 all of them go. Returns how many.
        """
        ((total, symbols),) = query(self._conn, _COUNT_VECTORS)
        used = self.counters["chunks"] + symbols
        surplus = total - used - max(keep, used) if keep else total
        if surplus <= 0:
            return 0
        with self._transaction():
            before = self._conn.total_changes()
            self._conn.execute(
                """DELETE FROM vectors WHERE id IN (
                    SELECT id FROM vectors WHERE model != ? OR key NOT IN (
                        SELECT key FROM chunks UNION ALL SELECT key FROM symbols)
                    ORDER BY id LIMIT ?)""",
                (self.model, surplus),
            )
            return self._conn.total_changes() - before

    # -- inside a transaction ------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One IMMEDIATE transaction; counters go back with it when it fails."""
        counters, skipped = dict(self.counters), dict(self.skipped)
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._save_counters(counters, skipped)
            self._conn.execute("COMMIT")
        except BaseException:
            self.counters, self.skipped = counters, skipped
            if self._conn.in_transaction:  # a full disk has rolled back by itself
                self._conn.execute("ROLLBACK")
            raise

    def _replace(self, u: FileUpdate, prepared: list[Document]) -> Change:
        if reply := self._applied(u.request_id):
            return Change(reply)
        row = self._file(u.path)
        skip = u.skip.value if u.skip else None
        known_content = bool(u.content_hash or skip)
        if row and known_content and (row[1], row[3]) == (u.content_hash, skip):
            if tuple(row[9:]) != _signature(u.signature):
                self._conn.execute(_TOUCH_FILE, (*_signature(u.signature), u.path))
                self._bump(commit=1)
            return Change(self._reply(u.request_id, changed=False))
        removed = [self._clear(row, u.path)] if row else []
        stored, chunks, named = self._insert(u, row, prepared)
        known = self._known_vectors([c.key for c in chunks] + [s.key for s in named])
        self._bump(commit=1)
        written = self._reply(u.request_id, changed=True)
        return Change(written, removed, stored, chunks, named, known)

    def _bump(self, **by: int) -> None:
        for name, amount in by.items():
            self.counters[name] += amount

    def _save_counters(self, old: dict[str, int], old_skipped: dict[str, int]) -> None:
        rows = [(v, k) for k, v in self.counters.items() if old[k] != v]
        if rows:
            self._conn.executemany("UPDATE meta SET value = ? WHERE key = ?", rows)
        if self.skipped != old_skipped:
            self._conn.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [(f"skipped:{reason}", count) for reason, count in self.skipped.items()],
            )
            self.skipped = {reason: count for reason, count in self.skipped.items() if count}

    def _applied(self, request: bytes) -> Written | None:
        if not request:
            return None
        rows = query(
            self._conn, "SELECT number, changed FROM applied WHERE request = ?", (request,)
        )
        return Written(rows[0][0], bool(rows[0][1])) if rows else None

    def _file(self, path: bytes) -> tuple[Any, ...] | None:
        rows = query(self._conn, _FIND_FILE, (path,))
        return rows[0] if rows else None

    def _reply(self, request: bytes, *, changed: bool) -> Written:
        number = self.counters["commit"]
        if request:
            self._conn.execute(
                "INSERT INTO applied (request, number, changed) VALUES (?,?,?)",
                (request, number, changed),
            )
        return Written(number, changed)

    def _clear(self, row: tuple[Any, ...], path: bytes) -> Removed:
        """Delete what belongs to a file, and leave its own row."""
        file, _, language, skip, text_bytes, first, end, first_symbol, end_symbol = row[:9]
        keys: list[bytes] = []
        named: list[NewSymbol] = []
        if end > first:
            span = (first, end)
            keys = [key for (key,) in query(self._conn, _CHUNK_KEYS, span)]
            self._conn.execute("DELETE FROM words WHERE rowid >= ? AND rowid < ?", span)
            self._conn.execute("DELETE FROM chunks WHERE id >= ? AND id < ?", span)
        if end_symbol > first_symbol:
            span = (first_symbol, end_symbol)
            named = [NewSymbol(*found) for found in query(self._conn, _SYMBOL_KEYS, span)]
            self._conn.execute("DELETE FROM symbols WHERE id >= ? AND id < ?", span)
        self._bump(chunks=first - end, text_bytes=-text_bytes, files=-1 if skip is None else 0)
        if skip is not None:
            self.skipped[skip] = self.skipped.get(skip, 0) - 1
        return Removed(FileRow(file, path, language, first, end, skip is None), keys, named)

    def _insert(
        self, u: FileUpdate, row: tuple[Any, ...] | None, prepared: list[Document]
    ) -> tuple[FileRow, list[NewChunk], list[NewSymbol]]:
        file = row[0] if row else self.counters["next_file"]
        first, first_symbol = self.counters["next_chunk"], self.counters["next_symbol"]
        end, end_symbol = first + len(prepared), first_symbol + len(u.symbols)
        skip = u.skip.value if u.skip else None
        text_bytes = u.signature.size if skip is None else 0
        content = (u.content_hash, u.language, skip, text_bytes)
        spans = (first, end, first_symbol, end_symbol)
        if row:
            self._conn.execute(_UPDATE_FILE, (*_signature(u.signature), *content, *spans, file))
        else:
            self._conn.execute(
                _INSERT_FILE, (file, u.path, *_signature(u.signature), *content, *spans)
            )
            self._bump(next_file=1)
        chunks, rows, words = [], [], []
        for number, (header, key, document, c) in enumerate(prepared, first):
            chunks.append(NewChunk(number, file, key, c.kind.value, header, c.text))
            rows.append((
                number, file, c.ordinal, c.start_byte, c.end_byte, c.start_line, c.end_line,
                c.symbol, c.kind.value, "\n".join(c.definitions), key,
            ))  # fmt: skip
            words.append((number, *document))
        self._conn.executemany(_INSERT_CHUNK, rows)
        self._conn.executemany(_INSERT_WORDS, words)
        named = _named(u, first, first_symbol)
        self._conn.executemany(_INSERT_SYMBOL, [
            (one.id, file, s.name.casefold(), s.name, s.qualified, s.kind.value, s.start_line,
             s.end_line, s.start_byte, s.end_byte, s.signature, one.chunk, one.key, one.weight)
            for one, s in zip(named, u.symbols, strict=True)
        ])  # fmt: skip
        self._bump(
            next_chunk=len(prepared), next_symbol=len(u.symbols), chunks=len(prepared),
            text_bytes=text_bytes, files=1 if skip is None else 0,
        )  # fmt: skip
        if skip is not None:
            self.skipped[skip] = self.skipped.get(skip, 0) + 1
        return FileRow(file, u.path, u.language, first, end, skip is None), chunks, named

    def _known_vectors(self, keys: list[bytes]) -> dict[bytes, bytes | None]:
        """Stored vectors of the current model for keys that have one (None: known to fail)."""
        if not keys or not self.model:
            return {}
        rows = query(self._conn, _KNOWN_VECTORS, (self.model, apsw.carray(tuple(keys))))
        return {key: data for key, data, crc in rows if not data or codec.crc(data) == crc}

    def _model_row(self, fingerprint: str, dim: int) -> tuple[int, int]:
        self._conn.execute(
            "INSERT INTO models (fingerprint, dim) VALUES (?,?) ON CONFLICT DO NOTHING",
            (fingerprint, dim),
        )
        (found,) = query(self._conn, _FIND_MODEL, (fingerprint,))
        return found[0], found[1]

    def _find_model(self) -> None:
        rows = query(self._conn, _FIND_MODEL, (self.fingerprint,))
        self.model, self.dim = (rows[0][0], rows[0][1]) if rows else (0, 0)


def _documents(u: FileUpdate) -> list[Document]:
    found: list[Document] = []
    for chunk in u.chunks:
        header = model_header(u.path, chunk.symbol)
        key = input_key(header, chunk.text)
        found.append((header, key, lexical.document(u.path, chunk), chunk))
    return found


def _named(u: FileUpdate, first_chunk: int, first_symbol: int) -> list[NewSymbol]:
    """Number the symbols, and find the chunk that each starts in (-1 in a file without chunks)."""
    starts = [chunk.start_byte for chunk in u.chunks]
    return [
        NewSymbol(
            number,
            first_chunk + max(0, bisect_right(starts, s.start_byte) - 1) if starts else -1,
            symbols.model_key(s.qualified, s.signature),
            symbols.weight_of(s) if starts else 0.0,
        )
        for number, s in enumerate(u.symbols, first_symbol)
    ]


def _signature(s: Signature) -> tuple[int, int, int, int | str]:
    """A signature's columns; an inode beyond SQLite's integers is kept as text."""
    return s.size, s.mtime_ns, s.ctime_ns, s.inode if s.inode <= _BIGGEST else str(s.inode)
