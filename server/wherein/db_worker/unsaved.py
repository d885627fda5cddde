"""The buffers of one connection within one search: they stand in for what the index has of them.

Their chunks are scored with the index's own statistics, by the formula that SQLite uses, so that
a chunk counts the same from a buffer as from the index. Where a chunk is as it was, its vector is
too; a changed one is embedded (its name is taken to be as before), and until that is done counts as
near as it was before the change.
Runs in the database process only.
"""

from __future__ import annotations

import concurrent.futures
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import apsw
import numpy as np

from wherein.db_worker import lexical
from wherein.db_worker.catalogue import Catalogue
from wherein.db_worker.embedders import EmbedNow
from wherein.db_worker.overlay import Parsed, Piece, Unsaved
from wherein.db_worker.scan import Scan
from wherein.db_worker.schema import query
from wherein.domain import EmbedItem, IndexStats, Mode, SearchQuery, Skip, Symbol, VectorBatch
from wherein.errors import WhereinError
from wherein.ranking.fusion import Candidate
from wherein.ranking.query import Question

# SQLite's numbers.
_K1: Final = 1.2
_B: Final = 0.75
_LEAST_IDF: Final = 1e-6
#: A chunk as near as the index's hundredth is among the nearest.
_NEAREST: Final = 100

_FILE: Final = "SELECT id, hash, first_chunk, end_chunk, skip FROM files WHERE path = ?"
_CHUNKS: Final = "SELECT id, key, symbol FROM chunks WHERE id >= ? AND id < ?"
_STATISTICS: Final = "SELECT block FROM words_data WHERE id = 1"


_Row = tuple[int, int, int]  # file, and its chunks from the first to behind the last


class _Stand(NamedTuple):
    """A buffer that differs from what the index has of its file."""

    unsaved: Unsaved
    parsed: Parsed
    file: int  # negative for a file that the index does not have
    same: dict[bytes, int]  # key of a vector -> the index's chunk that has it
    older: dict[str, int]  # symbol -> the index's chunk of that name
    allowed: bool  # by the search's filters on files


class Asked(NamedTuple):
    """What a search has made of its question by the time that buffers are looked at."""

    question: Question
    mode: Mode
    kinds: frozenset[str] | None
    deadline: float  # time.monotonic()


class View:
    """What one search sees of a connection's buffers; false when there is nothing to see."""

    def __init__(self, conn: apsw.Connection, stands: Sequence[_Stand] = ()) -> None:
        self._conn = conn
        self._stands = stands
        self._pieces: dict[int, Piece] = {}  # by candidate, whose ids are negative
        self._waiting: list[tuple[_Stand, concurrent.futures.Future[VectorBatch]]] = []
        self.hidden = frozenset(stand.file for stand in stands)

    def __bool__(self) -> bool:
        return bool(self._stands)

    def embed(self, embed_now: EmbedNow | None, fingerprint: str, budget_ms: int) -> None:
        """Ask for the vectors that the index does not have; `candidates` takes what has come."""
        if embed_now is None:
            return
        for stand in self._stands:
            unsaved = stand.unsaved
            if unsaved.fingerprint != fingerprint:
                unsaved.fingerprint, unsaved.vectors = fingerprint, {}
            missing = [
                EmbedItem(piece.key, piece.header, piece.chunk.text)
                for piece in stand.parsed.pieces
                if piece.key not in stand.same and piece.key not in unsaved.vectors
            ]
            if missing:
                self._waiting.append((stand, embed_now(missing, budget_ms)))

    def candidates(
        self, asked: Asked, frequencies: lexical.Frequencies, scanned: Scan | None
    ) -> list[Candidate]:
        """Return the chunks of the buffers that may be answers."""
        if not self:
            return []
        if scanned is not None:
            self._take_vectors(asked.deadline)
        counts = frequencies.of(self._conn, asked.question.terms)
        terms = {} if asked.mode is Mode.SEMANTIC else self._terms(counts)
        rows, average = statistics(self._conn)
        name = "" if asked.mode is Mode.SEMANTIC else asked.question.name.casefold()
        found = []
        for stand in self._stands:
            if not stand.allowed:
                continue
            for piece, cosine, meant in _compared(stand, scanned):
                chunk = piece.chunk
                if asked.kinds is not None and chunk.kind.value not in asked.kinds:
                    continue
                words = bm25(piece, terms, rows, average)
                named = bool(name) and name in (d.casefold() for d in chunk.definitions)
                if not (words > 0 or meant or named):
                    continue
                number = -1 - len(self._pieces)
                self._pieces[number] = piece
                span = (chunk.start_byte, chunk.end_byte, chunk.start_line, chunk.end_line)
                found.append(Candidate(
                    number, stand.file, stand.unsaved.path, stand.parsed.language, chunk.symbol,
                    chunk.kind.value, chunk.definitions, span, piece.key, words, cosine, meant,
                ))  # fmt: skip
        return found

    def text_of(self, candidate: Candidate) -> str | None:
        """Return the text of a buffer's chunk; None for others."""
        piece = self._pieces.get(candidate.id)
        return None if piece is None else piece.chunk.text

    def _terms(self, frequencies: dict[str, int]) -> dict[str, int]:
        """Choose the terms as the word search does, and those that the buffers alone have."""
        asked = dict.fromkeys(lexical.affordable(frequencies), 0)
        chosen = {term: frequencies[term] for term in asked}
        for term, count in frequencies.items():
            if not count:
                chosen[term] = sum(
                    term in piece.counts for s in self._stands for piece in s.parsed.pieces
                )
        return chosen

    def _take_vectors(self, deadline: float) -> None:
        for stand, future in self._waiting:
            try:
                batch = future.result(max(0.0, deadline - time.monotonic()))
            except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
                continue
            except WhereinError:
                continue  # by words, and as near as they were
            if batch.fingerprint == stand.unsaved.fingerprint and batch.keys:
                numbers = np.frombuffer(batch.vectors, dtype="<f4").reshape(-1, batch.dim)
                stand.unsaved.vectors.update(zip(batch.keys, numbers, strict=True))


class Typed(NamedTuple):
    """What one connection has in its buffers, and the way to vectors for it."""

    buffers: Sequence[Unsaved] = ()
    embed_now: EmbedNow | None = None

    def look(
        self,
        conn: apsw.Connection,
        catalogue: Catalogue,
        q: SearchQuery,
        stats: Callable[[], IndexStats],
    ) -> View:
        """Find the buffers that differ from the index, and have them embedded meanwhile."""
        stands = []
        for number, (unsaved, parsed, indexed) in enumerate(self._differing(conn)):
            file = -1 - number
            same: dict[bytes, int] = {}
            older: dict[str, int] = {}
            if indexed is not None:
                file, first, end = indexed
                for chunk, key, symbol in query(conn, _CHUNKS, (first, end)):
                    same[key] = chunk
                    if symbol:
                        older.setdefault(symbol, chunk)
            allowed = catalogue.allows(q, unsaved.path, parsed.language)
            stands.append(_Stand(unsaved, parsed, file, same, older, allowed))
        view = View(conn, stands)
        if view and q.mode is not Mode.LEXICAL:
            view.embed(self.embed_now, stats().fingerprint, q.budget_ms)
        return view

    def symbols(self, conn: apsw.Connection) -> dict[bytes, tuple[Symbol, ...]]:
        """Return the symbols of the buffers that differ from the index, by path."""
        return {unsaved.path: parsed.symbols for unsaved, parsed, _ in self._differing(conn)}

    def _differing(self, conn: apsw.Connection) -> Iterator[tuple[Unsaved, Parsed, _Row | None]]:
        """Give the buffers that stand in for their files, with what the index has of each.

        One that is on disk as it is here is not parsed again in this process, which has the
        database: what it is there, or what keeps it out, counts. Nor is one parsed whose file is
        left out because it ended a worker twice.
        """
        for unsaved in self.buffers:
            rows = query(conn, _FILE, (unsaved.path,))
            file, content_hash, first, end, skip = rows[0] if rows else (0, b"", 0, 0, "")
            if content_hash == unsaved.content_hash or skip == Skip.QUARANTINED.value:
                continue
            parsed = unsaved.parsed()
            if parsed is not None:
                yield unsaved, parsed, (file, first, end) if skip is None else None


NOTHING_TYPED: Final = Typed()


def statistics(conn: apsw.Connection) -> tuple[int, float]:
    """Return how many rows the word index has, and their average length in tokens.

    They are the first numbers of the record that FTS5 keeps for bm25: rows, then tokens by column.
    """
    rows = query(conn, _STATISTICS, ())
    numbers: list[int] = []
    value = 0
    for byte in rows[0][0] if rows else b"":
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(value)
            value = 0
    if not numbers or not numbers[0]:
        return 0, 1.0
    return numbers[0], max(1.0, sum(numbers[1 : 1 + len(lexical.WEIGHTS)]) / numbers[0])


def bm25(piece: Piece, terms: dict[str, int], rows: int, average: float) -> float:
    """Score a piece as FTS5 would; `terms` are those asked for, with the rows that have each."""
    score = 0.0
    for term, count in terms.items():
        often = piece.counts.get(term, 0)
        if often:
            idf = math.log((max(rows, count) - count + 0.5) / (count + 0.5))
            weight = max(idf, _LEAST_IDF)
            longer = 1 - _B + _B * piece.length / average
            score += weight * often * (_K1 + 1) / (often + _K1 * longer)
    return score


def _compared(stand: _Stand, scanned: Scan | None) -> Iterator[tuple[Piece, float | None, bool]]:
    """Give each piece with how near it is, and whether it is among the nearest."""
    if scanned is None:
        yield from ((piece, None, False) for piece in stand.parsed.pieces)
        return
    near = scanned.top(_NEAREST)
    full = len(near) == _NEAREST
    least = float(np.partition(scanned.cosines, -_NEAREST)[-_NEAREST]) if full else -math.inf
    chunks = list({*stand.same.values(), *stand.older.values()})
    known = scanned.of(chunks)
    names = dict(zip(chunks, scanned.symbols.best(chunks, scanned.query).tolist(), strict=True))
    for piece in stand.parsed.pieces:
        chunk = stand.same.get(piece.key)
        vector = stand.unsaved.vectors.get(piece.key)
        if chunk is None and vector is not None and len(vector) == len(scanned.query):
            text = float(vector @ scanned.query)
            name = names.get(stand.older.get(piece.chunk.symbol, -1), 0.0)
            yield piece, text + scanned.symbol_weight * name, text >= least
            continue
        if chunk is None:
            chunk = stand.older.get(piece.chunk.symbol, -1)
        yield piece, known.get(chunk), chunk in near
