"""Code that is like a stretch of a file: by its vector and by its rare words.

What is looked for is embedded the way chunks are, with the name of what it is in front and without
its path, so that a file does not resemble its neighbours for lying beside them. Chunks that overlap
the stretch are left out. Runs in the database process only.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from wherein.db_worker import lexical, meaning, search
from wherein.db_worker.clock import Clock
from wherein.db_worker.embedders import EmbedNow
from wherein.db_worker.failures import reading
from wherein.db_worker.meaning import Cancelled
from wherein.db_worker.scan import Scan
from wherein.db_worker.schema import query
from wherein.db_worker.snippets import MOST_BYTES
from wherein.domain import EmbedItem, Mode, QueryVector, SearchResponse, SimilarQuery, Skip
from wherein.errors import InvalidParams
from wherein.indexing.header import input_key
from wherein.indexing.reader import Source, read
from wherein.ranking import fusion
from wherein.ranking.query import Question
from wherein.ranking.words import token_text

#: More text than this says nothing new about what to look for, in characters.
MAX_TEXT: Final = 16_384
#: Words of the stretch that are looked up, in their order.
_MAX_WORDS: Final = 256
#: Share of meaning in the score.
ALPHA: Final = 0.5

_NO_WORDS: Final = "There are no words in that place to compare."

_FILE: Final = "SELECT id, first_symbol, end_symbol FROM files WHERE path = ? AND skip IS NULL"
_AROUND: Final = """SELECT start_line, end_line FROM symbols
    WHERE id >= ?1 AND id < ?2 AND start_line <= ?3 AND end_line >= ?4
    ORDER BY kind NOT IN ('function', 'method'), end_line = start_line, end_line - start_line
    LIMIT 1"""
_COVERED: Final = """SELECT c.id, c.start_line, c.end_line, c.start_byte, c.end_byte, c.symbol
    FROM files f JOIN chunks c ON c.id >= f.first_chunk AND c.id < f.end_chunk
    WHERE f.path = ?1 AND c.start_line <= ?3 AND c.end_line >= ?2 ORDER BY c.id"""
_LAST_LINE: Final = 1 << 62


class _Covered(NamedTuple):
    """A chunk that overlaps the stretch."""

    id: int
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    symbol: str


class _Pattern(NamedTuple):
    """What to look for: its text, the name of what it is, and the chunks that it lies in."""

    text: str
    symbol: str
    chunks: frozenset[int]


class Reader(search.Reader):
    """A reader that finds similar code too."""

    def similar(
        self, q: SimilarQuery, embed_now: EmbedNow | None, cancelled: Cancelled
    ) -> SearchResponse:
        """Find code like that of a place.

        Raises InvalidParams when the file is not in the index or the lines are not in the file,
        RequestCancelled, and StorageError when the database cannot be read.
        """
        with reading(self._conn, self._shared.failed):
            return self._similar(q, embed_now, cancelled)

    def _similar(
        self, q: SimilarQuery, embed_now: EmbedNow | None, cancelled: Cancelled
    ) -> SearchResponse:
        clock = Clock()
        deadline = time.monotonic() + q.search.budget_ms / 1_000
        pattern = self._pattern(q)
        waiting = None
        if embed_now is not None and pattern.text.strip():
            item = EmbedItem(input_key(pattern.symbol, pattern.text), pattern.symbol, pattern.text)
            waiting = embed_now([item], q.search.budget_ms)
        self._filter = self._shared.catalogue.filter_of(q.search)
        notes = list(self._filter.notes)
        words = list(dict.fromkeys(token_text(pattern.text).split()))[:_MAX_WORDS]
        if not words:
            notes.append(_NO_WORDS)
        if not words or self._impossible():
            return self._response([], notes, clock)
        by_words = self._alike(words, len(pattern.chunks))
        clock.stage("words")
        meaning.check(cancelled)
        batch = meaning.wait(waiting, deadline, cancelled)
        clock.stage("vector_wait")
        scanned: Scan | None = None
        if isinstance(batch, str):
            missing: str | None = batch
        elif not batch.keys:
            missing = meaning.UNKNOWN
        else:
            found = self._scan(
                QueryVector(batch.fingerprint, batch.dim, batch.vectors), self._filter
            )
            missing = found if isinstance(found, str) else None
            scanned = None if isinstance(found, str) else found
        if missing:
            notes.append(f"{missing}; {meaning.INSTEAD[Mode.HYBRID]}.")
        clock.stage("scan")
        question = Question(pattern.text, {}, (), "", (), frozenset())
        rows = self._rows(set(by_words))
        candidates = [
            c for c in self._candidates(rows, by_words, scanned) if c.id not in pattern.chunks
        ]
        fusion.fuse(candidates, ALPHA if scanned else 0.0, scanned.floor() if scanned else 0.0)
        best = sorted(candidates, key=lambda c: (-c.score, c.path, c.span[0]))
        best = best[: max(0, min(q.search.limit, search.MAX_LIMIT))]
        clock.stage("rules")
        meaning.check(cancelled)
        hits = self._hits(question, best, q.search.snippet_lines, notes)
        clock.stage("hits")
        if not hits and not notes:
            notes.append("Nothing else in the index is like this.")
        return self._response(hits, notes, clock)

    def _alike(self, words: list[str], own: int) -> dict[int, float]:
        """Find the chunks with the rarest of these words; one that is nowhere else is no help."""
        frequencies = self._shared.frequencies.of(self._conn, words)
        elsewhere = {word: n for word, n in frequencies.items() if n > (1 if own else 0)}
        terms = lexical.affordable(elsewhere)
        return lexical.search(self._conn, terms, search.POOL + own, filtered=self._filter.restricts)

    def _pattern(self, q: SimilarQuery) -> _Pattern:
        if not q.path:
            return _Pattern(q.text[:MAX_TEXT], "", frozenset())
        rows = query(self._conn, _FILE, (q.path,))
        if not rows:
            if q.text:
                return _Pattern(q.text[:MAX_TEXT], "", frozenset())
            shown = q.path.decode("utf-8", "replace")
            raise InvalidParams(f"path: {shown} is not in the index")
        _, first_symbol, end_symbol = rows[0]
        start, end = q.start_line, q.end_line or _LAST_LINE
        if q.around:
            span = (first_symbol, end_symbol, start, end)
            around = query(self._conn, _AROUND, span)
            if around:
                start, end = around[0]
            elif near := self._covered(q.path, start, end):
                start, end = near[0].start_line, near[-1].end_line
        covered = self._covered(q.path, start, end)
        text = q.text or self._text(q.path, start, end, covered)
        symbol = covered[0].symbol if len({c.symbol for c in covered}) == 1 else ""
        return _Pattern(text[:MAX_TEXT], symbol, frozenset(c.id for c in covered))

    def _covered(self, path: bytes, start: int, end: int) -> list[_Covered]:
        return [_Covered(*row) for row in query(self._conn, _COVERED, (path, start, end))]

    def _text(self, path: bytes, start: int, end: int, covered: list[_Covered]) -> str:
        """Read lines of a file; of a notebook, whose lines are JSON, the chunks instead."""
        source = read(self._shared.root, path, MOST_BYTES)
        if isinstance(source, Skip):
            shown = path.decode("utf-8", "replace")
            raise InvalidParams(f"path: {shown} cannot be read now ({source.value})")
        if source.cells:
            parts = [source.data[c.start_byte : c.end_byte] for c in covered]
        else:
            parts = _lines(source, start, end)
        return b"\n".join(parts).decode("utf-8", "replace")


def _lines(source: Source, start: int, end: int) -> list[bytes]:
    lines = source.data.split(b"\n")
    if start > len(lines):
        raise InvalidParams(f"range: the file has {len(lines)} lines")
    return lines[max(0, start - 1) : end]
