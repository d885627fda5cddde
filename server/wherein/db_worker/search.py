"""One search, from the query text to finished hits, on a connection of one reader thread.

The query's vector is asked for first; it comes and is compared on a second thread while the word
search runs, for SQLite and numpy leave the interpreter to others. Whatever is missing (the vector,
the model, words in the text) makes the answer smaller and adds a sentence to its notes; it is never
an error. Runs in the database process only.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple

import apsw
import msgspec
import numpy as np

from wherein.db_worker import lexical, listing, meaning, names, snippets, terms, verify
from wherein.db_worker.catalogue import Catalogue, Filter
from wherein.db_worker.clock import Clock
from wherein.db_worker.codec import Floats
from wherein.db_worker.extra import Extra
from wherein.db_worker.failures import reading
from wherein.db_worker.meaning import Cancelled, EmbedQuery, Sense
from wherein.db_worker.missing import Maker
from wherein.db_worker.scan import Scan, scan
from wherein.db_worker.schema import id_list, query
from wherein.db_worker.unsaved import NOTHING_TYPED, Asked, Typed, View
from wherein.db_worker.vectors import KIND_CODES, Snapshot
from wherein.domain import (
    Coverage,
    FileList,
    FileQuery,
    FileState,
    IndexStats,
    Kind,
    Mode,
    QueryVector,
    SearchHit,
    SearchQuery,
    SearchResponse,
    SymbolList,
    SymbolQuery,
    Verdict,
)
from wherein.errors import WhereinError
from wherein.ranking import explain, fusion, rules
from wherein.ranking import query as ranking_query
from wherein.ranking.fusion import Candidate

#: Candidates taken from each retrieval; 300 gains nothing.
POOL: Final = 100
#: Chunks that define the name of a symbol-like query, wherever they are.
MAX_DEFINITIONS: Final = 200
MAX_LIMIT: Final = 1_000

_CANDIDATES: Final = """SELECT id, file, symbol, kind, definitions, start_byte, end_byte,
    start_line, end_line, key FROM chunks WHERE id IN (SELECT value FROM carray(?))"""
_DEFINING: Final = """SELECT c.id, s.name = ?2 AS exact, c.file, c.kind
    FROM symbols s JOIN files f ON f.id = s.file
    JOIN chunks c ON c.id >= f.first_chunk AND c.id < f.end_chunk
        AND c.start_byte <= s.start_byte AND c.end_byte > s.start_byte
    WHERE s.folded = ?1 ORDER BY exact DESC, c.id LIMIT ?3"""

#: Compares, for all readers: one thread of the few that a worker may have (S18). What it waits for
#: has a deadline, and those of earlier questions pass earlier.
_BESIDE: Final = ThreadPoolExecutor(1, "wherein-meaning")

_NO_WORDS: Final = "The question has no word in it to look for."


class Shared(NamedTuple):
    """What all readers of an index share with its writer; every part is safe in any thread."""

    root: str
    catalogue: Catalogue
    frequencies: lexical.Frequencies
    snapshot: Callable[[], Snapshot]
    stats: Callable[[], IndexStats]
    failed: Callable[[apsw.Error], WhereinError]


class Reader:
    """Answers searches on a read-only connection of its own. One thread; `interrupt` from any."""

    def __init__(self, shared: Shared, conn: apsw.Connection) -> None:
        self._shared = shared
        self._conn = conn
        self._filter = Filter(None, None)
        self._view = View(conn)  # of this search
        conn.create_scalar_function("allowed_file", self._allowed_file, 1)
        conn.create_scalar_function("allowed_kind", self._allowed_kind, 1)

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()

    def interrupt(self) -> None:
        """Abort the statement that runs now, from another thread."""
        with contextlib.suppress(apsw.ConnectionClosedError):
            self._conn.interrupt()

    def foresee(self) -> None:
        """Measure how the vectors spread: 10 ms that the first question need not wait for."""
        snapshot = self._shared.snapshot()
        snapshot.spread.turned(snapshot, np.zeros(snapshot.dim, np.float32))

    def list_files(self) -> FileList:
        """Return every file that the index knows, skipped ones too, by path."""
        with reading(self._conn, self._shared.failed):
            return listing.files(self._conn)

    def find_file(self, q: FileQuery) -> FileState:
        """Return what the index knows of one file."""
        with reading(self._conn, self._shared.failed):
            return FileState(listing.file(self._conn, q.path))

    def verify(self) -> Verdict:
        """Read the whole index and check it against itself; seconds for a large one."""
        with reading(self._conn, self._shared.failed):
            return verify.verdict(self._conn)

    def find_symbols(self, q: SymbolQuery, typed: Typed = NOTHING_TYPED) -> SymbolList:
        """Return symbols whose name matches what was typed, best first."""
        with reading(self._conn, self._shared.failed):
            unsaved = typed.symbols(self._conn)
            return SymbolList(names.find(self._conn, q.text, min(q.limit, MAX_LIMIT), unsaved))

    def search(
        self,
        q: SearchQuery,
        embed_query: EmbedQuery | None,
        cancelled: Cancelled,
        maker: Maker | None = None,
        typed: Typed = NOTHING_TYPED,
    ) -> SearchResponse:
        """Answer one question.

        `maker` makes the vectors that its candidates lack; what is `typed` stands in for files.

        Raises RequestCancelled when `cancelled()` turns true or `interrupt` was called, and
        StorageError when the database cannot be read.
        """
        with reading(self._conn, self._shared.failed):
            try:
                self._view = typed.look(self._conn, self._shared.catalogue, q, self._shared.stats)
                return self._search(q, embed_query, cancelled, maker)
            finally:
                self._view = View(self._conn)

    def _search(
        self,
        q: SearchQuery,
        embed_query: EmbedQuery | None,
        cancelled: Cancelled,
        maker: Maker | None,
    ) -> SearchResponse:
        clock = Clock()
        notes: list[str] = []
        deadline = time.monotonic() + q.budget_ms / 1_000
        question = ranking_query.parse(q.text)
        waiting = None
        if q.mode is not Mode.LEXICAL and question.terms:
            waiting = meaning.ask(embed_query, question.text)
        extra = Extra(maker, q, question, self._conn, cancelled)
        extra.ask_second(self._shared.stats().pending)
        self._filter = self._shared.catalogue.filter_of(q)
        notes += self._filter.notes
        if not question.terms:
            notes.append(_NO_WORDS)
        if not question.terms or self._impossible():
            return self._response([], notes, clock)
        beside, comparing = Clock(), None
        if q.mode is not Mode.LEXICAL:
            wait = partial(meaning.wait, waiting, deadline, cancelled)
            comparing = _BESIDE.submit(self._sense, wait, self._filter, beside)
        by_words: dict[int, float] = {}
        if q.mode is not Mode.SEMANTIC:
            by_words = self._by_words(question, q.limit)
        clock.stage("words")
        meaning.check(cancelled)
        name = "" if q.mode is Mode.SEMANTIC else question.name
        rows = self._rows({*by_words, *self._defining(name)})
        sense = comparing.result() if comparing else Sense()
        clock.beside("meaning", beside)
        meaning.check(cancelled)
        candidates = self._candidates(rows, by_words, sense.scanned)
        alpha = _alpha(q.mode, question, sense.floor is not None)
        if by_words and self._lacks(sense):
            sense = extra.complete(candidates, sense, alpha, self._shared.stats().chunks)
            alpha = _alpha(q.mode, question, sense.floor is not None)
            clock.stage("missing")
        if sense.absent:
            notes.append(f"{sense.absent}; {meaning.INSTEAD[q.mode]}.")
        asked = Asked(question, q.mode, self._filter.kinds, deadline)
        candidates += self._view.candidates(asked, self._shared.frequencies, sense.scanned)
        fusion.fuse(candidates, alpha, sense.floor or 0.0)
        rules.apply_rules(question, candidates)
        best = extra.reorder(_ranked(question, candidates), clock)
        notes += extra.notes
        best = best[: max(0, min(q.limit, MAX_LIMIT))]
        clock.stage("rules")
        meaning.check(cancelled)
        hits = self._hits(question, best, q.snippet_lines, notes)
        clock.stage("hits")
        if not hits and not notes:
            notes.append(_nothing_found(q))
        return self._response(hits, notes, clock, extra.made)

    # -- retrieval -----------------------------------------------------------------------------

    def _allowed_file(self, *row: Any) -> bool:  # noqa: ANN401 - SQLite's values have no type
        files, file = self._filter.files, row[0]
        return files is None or (file < len(files) and files[file] == 1)

    def _allowed_kind(self, *row: Any) -> bool:  # noqa: ANN401 - SQLite's values have no type
        return self._filter.kinds is None or row[0] in self._filter.kinds

    def _impossible(self) -> bool:
        nothing = self._filter.files is not None and not any(self._filter.files)
        return nothing and not self._view

    def _by_words(self, question: ranking_query.Question, limit: int) -> dict[int, float]:
        """Ask for the rare terms first; where a filter leaves too little, ask for all of them."""
        frequencies = self._shared.frequencies.of(self._conn, question.terms)
        terms = lexical.affordable(frequencies)
        found = lexical.search(self._conn, terms, POOL, filtered=self._filter.restricts)
        present = [term for term, count in frequencies.items() if count]
        if self._filter.restricts and len(found) < limit and len(terms) < len(present):
            found = lexical.search(self._conn, present, POOL, filtered=True)
        return found

    def _scan(self, vector: QueryVector, allowed: Filter) -> Scan | str | None:
        """Compare with the vectors of the same model; another model's numbers mean nothing.

        Returns what is missing when nothing can be compared, None when the filter leaves nothing.
        """
        snapshot = self._shared.snapshot()
        numbers: Floats = np.frombuffer(vector.vector, dtype="<f4")
        if not numbers.any():
            return meaning.UNKNOWN
        fits = snapshot.fingerprint == vector.fingerprint and len(numbers) == snapshot.dim
        if not fits or not snapshot.live:
            return meaning.NOT_YET
        files = kinds = None
        if allowed.files is not None:
            files = np.frombuffer(allowed.files, dtype=np.bool_)
        if allowed.kinds is not None:
            kinds = np.array([kind in allowed.kinds for kind in KIND_CODES])
        return scan(snapshot, numbers, vector.symbol_weight, files, kinds) or None

    def _turned(self, vector: QueryVector) -> QueryVector:
        """Turn a question's vector by how this index's chunks spread, if they are of its model."""
        snapshot = self._shared.snapshot()
        if snapshot.fingerprint != vector.fingerprint or snapshot.dim != vector.dim:
            return vector
        numbers: Floats = np.frombuffer(vector.vector, dtype="<f4")
        turned = snapshot.spread.turned(snapshot, numbers).astype("<f4")
        return msgspec.structs.replace(vector, vector=turned.tobytes())

    def _sense(self, wait: Callable[[], QueryVector | str], allowed: Filter, clock: Clock) -> Sense:
        """Wait for the question's vector and compare it. Runs beside the search by words."""
        vector = wait()
        clock.stage("vector_wait")
        if isinstance(vector, str):
            return Sense(absent=vector)
        vector = self._turned(vector)
        found = self._scan(vector, allowed)
        if isinstance(found, str):
            sense = Sense(vector=vector, absent=found)
        elif found is None:
            sense = Sense(vector=vector)
        else:
            sense = Sense(vector=vector, scanned=found, floor=found.floor())
        clock.stage("scan")
        return sense

    def _lacks(self, sense: Sense) -> bool:
        """Say whether vectors of the question's model are missing, and would be of use."""
        if sense.vector is None or sense.absent == meaning.UNKNOWN:
            return False
        other = self._shared.snapshot().fingerprint != sense.vector.fingerprint
        return other or self._shared.stats().pending > 0

    def _rows(self, ids: Set[int]) -> list[tuple[Any, ...]]:
        return query(self._conn, _CANDIDATES, (id_list(ids),)) if ids else []

    def _candidates(
        self, rows: list[tuple[Any, ...]], by_words: dict[int, float], scanned: Scan | None
    ) -> list[Candidate]:
        """Make candidates of rows, and of the rows of the nearest by meaning."""
        near = frozenset(scanned.top(POOL)) if scanned else frozenset()
        rows = rows + self._rows(near - {row[0] for row in rows})
        cosines = scanned.of(row[0] for row in rows) if scanned else {}
        place = self._shared.catalogue.place
        found = []
        for row in rows:
            where = place(row[1])
            if where is None or row[1] in self._view.hidden:
                continue  # removed since, or another text is in the editor
            chunk = row[0]
            found.append(Candidate(
                chunk, row[1], *where, row[2], row[3],
                tuple(row[4].split("\n")) if row[4] else (), row[5:9], row[9],
                by_words.get(chunk, 0.0), cosines.get(chunk), chunk in near,
            ))  # fmt: skip
        return found

    def _defining(self, name: str) -> set[int]:
        if not name:
            return set()
        rows = query(self._conn, _DEFINING, (name.casefold(), name, MAX_DEFINITIONS))
        return {row[0] for row in rows if self._allowed_file(row[2]) and self._allowed_kind(row[3])}

    # -- the answer ----------------------------------------------------------------------------

    def _hits(
        self, question: ranking_query.Question, best: list[Candidate], lines: int, notes: list[str]
    ) -> list[SearchHit]:
        """Make hits of candidates, with so many lines of their text if any are wanted."""
        typed = [self._view.text_of(c) for c in best]
        stored = [c for c, text in zip(best, typed, strict=True) if text is None]
        places = [(c.path, c.symbol, c.span, c.key) for c in stored if lines > 0]
        read = snippets.pages(self._shared.root, places)
        pages = [next(read, snippets.Page(t)) if t is None else snippets.Page(t) for t in typed]
        texts = [page.text for page in pages]
        found = terms.found_in(self._conn, self._shared.frequencies, question, best, texts)
        hits = [hit_of(c, words) for c, words in zip(best, found, strict=True)]
        if lines <= 0:
            return hits
        hits = [snippets.attach(h, page, lines) for h, page in zip(hits, pages, strict=True)]
        changed = sorted({hit.path for hit in hits if hit.stale})
        if changed:
            shown = ", ".join(path.decode("utf-8", "replace") for path in changed[:3])
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            notes.append(f"Changed on disk since it was indexed: {shown}{more}.")
        return hits

    def _response(
        self, hits: list[SearchHit], notes: list[str], clock: Clock, made: int = 0
    ) -> SearchResponse:
        stats = self._shared.stats()
        return SearchResponse(
            hits=hits,
            coverage=Coverage(
                files=stats.files, chunks=stats.chunks, vectors=stats.vectors, made=made
            ),
            commit=stats.commit,
            notes=notes,
            timings_us=clock.total(),
        )


def _ranked(question: ranking_query.Question, candidates: list[Candidate]) -> list[Candidate]:
    ranked = fusion.ordered(candidates)
    return ranked if question.symbol_like else fusion.nearest_first(ranked)


def _alpha(mode: Mode, question: ranking_query.Question, meant: bool) -> float:
    if mode is Mode.SEMANTIC:
        return 1.0
    if not meant:
        return 0.0
    return fusion.SYMBOL_ALPHA if question.symbol_like else fusion.SENTENCE_ALPHA


def hit_of(c: Candidate, terms: tuple[str, ...]) -> SearchHit:
    """Return the answer that a candidate became, without its snippet."""
    start_byte, end_byte, start_line, end_line = c.span
    return SearchHit(
        path=c.path,
        start_byte=start_byte,
        end_byte=end_byte,
        start_line=start_line,
        end_line=end_line,
        symbol=c.symbol,
        kind=Kind(c.kind),
        language=c.language,
        score=round(c.score, 6),
        via=explain.via(c),
        rules=tuple(c.rules),
        terms=terms,
        words=round(c.words, 3),
        cosine=None if c.cosine is None else round(float(c.cosine), 4),
    )


def _nothing_found(q: SearchQuery) -> str:
    filters = [*q.paths, *q.languages, *q.kinds]
    if filters:
        return f"Nothing found within {', '.join(filters)}."
    return "None of these words is in the index."
