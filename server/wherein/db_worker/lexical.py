"""Word search: what a chunk looks like as a word document, and how the word index is asked.

Everything from a person arrives in SQL as a bound parameter, and in the FTS5 query language as
quoted tokens, so no text can be an error. Cost is about 0.7 us a posting with no way to stop early,
which is why terms are chosen by a budget of postings first. Runs in the database process only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

import apsw

from wherein.db_worker.schema import query
from wherein.domain import Chunk
from wherein.ranking.words import token_text

#: Postings that a query may touch: about 1 ms. Small trees never reach it; on whole packages 1,500
#: to 6,000 are level (docs/ranking.md).
POSTING_BUDGET: Final = 2_000
#: Up to so many postings, going through all of them is faster than looking up ten rows by id
#: (.06 us a posting, .024 ms a row).
PASSED_OVER: Final = 4_000
#: The rarest terms are asked for whatever they cost.
ALWAYS_ASKED: Final = 3
MAX_TERMS: Final = 64

#: Weights of the columns text, path, symbol, definitions; as in the statements below.
WEIGHTS: Final = (1, 1, 1, 2)
# Not `ORDER BY rank`: for that FTS5 keeps
# the positions of every match while it sorts, and takes twice as long.
_SEARCH: Final = """SELECT rowid, -bm25(words, 1.0, 1.0, 1.0, 2.0) AS score FROM words
    WHERE words MATCH ? ORDER BY score DESC LIMIT ?"""
# CROSS JOIN keeps SQLite from running the word search once for each chunk that passes the filter.
_SEARCH_FILTERED: Final = """SELECT words.rowid, -bm25(words, 1.0, 1.0, 1.0, 2.0) AS score
    FROM words CROSS JOIN chunks ON chunks.id = words.rowid
    WHERE words MATCH ? AND allowed_file(chunks.file) AND allowed_kind(chunks.kind)
    ORDER BY score DESC LIMIT ?"""
_LOOK_UP: Final = (
    "SELECT rowid FROM words WHERE words MATCH ? AND rowid IN (SELECT value FROM carray(?))"
)
# The plus keeps SQLite from looking each row up.
_PASS_OVER: Final = _LOOK_UP.replace("AND rowid", "AND +rowid")


@lru_cache(maxsize=256)
def path_tokens(path: bytes) -> str:
    """Return the word-index column for a path: its words once, those of the file's stem again."""
    text = path.decode("utf-8", "replace")
    return f"{token_text(text)} {token_text(PurePosixPath(text).stem)}"


def document(path: bytes, chunk: Chunk) -> tuple[str, str, str, str]:
    """Return the four columns of a chunk in the word index, as tokens joined by blanks."""
    return columns(path, chunk.text, chunk.symbol, chunk.definitions)


def columns(
    path: bytes, text: str, symbol: str, definitions: Sequence[str]
) -> tuple[str, str, str, str]:
    """Return the columns of what a chunk is made of."""
    return (
        token_text(text),
        path_tokens(path),
        token_text(symbol),
        token_text(" ".join(definitions)),
    )


def quoted(tokens: Iterable[str]) -> str:
    """Return an FTS5 query that matches any of the tokens, each one quoted."""
    return " OR ".join('"' + token.replace('"', '""') + '"' for token in tokens)


class Frequencies:
    """In how many chunks each term occurs; shared by all readers, dropped when it grew old.

    A look-up in the index costs up to a millisecond a term, so answers are kept until more than one
    chunk in a hundred changed. That a term occurs nowhere is never kept: the next commit may bring
    it, and a term that is thought absent is not asked for. Safe in any thread.
    """

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._changed = 0
        self._lock = threading.Lock()

    def chunks_changed(self, count: int, total: int) -> None:
        """Say that so many chunks were added or removed; `total` is how many there are now."""
        with self._lock:
            self._changed += count
            if self._changed * 100 > total:
                self._known = {}
                self._changed = 0

    def of(self, conn: apsw.Connection, terms: Iterable[str]) -> dict[str, int]:
        """Return term -> number of chunks, for terms in any order."""
        known = self._known
        found = {}
        for term in terms:
            count = known.get(term)
            if count is None:
                rows = query(conn, "SELECT doc FROM vocabulary WHERE term = ?", (term,))
                count = rows[0][0] if rows else 0
                if count:
                    known[term] = count
            found[term] = count
        return found


def affordable(frequencies: dict[str, int], budget: int = POSTING_BUDGET) -> list[str]:
    """Choose the terms to ask for: the rarest first, until the postings are spent.

    The three rarest are always in, so a question of common words still has an answer; terms that
    occur nowhere are left out.
    """
    chosen: list[str] = []
    spent = 0
    for term, count in sorted(frequencies.items(), key=lambda item: (item[1], item[0])):
        if count == 0:
            continue
        spent += count
        if len(chosen) >= ALWAYS_ASKED and spent > budget:
            break
        chosen.append(term)
    return chosen[:MAX_TERMS]


def search(
    conn: apsw.Connection, terms: Iterable[str], limit: int, *, filtered: bool
) -> dict[int, float]:
    """Return the best chunks by words as id -> score, best first; empty when there are no terms.

    `filtered` asks the connection's functions `allowed_file` and `allowed_kind` about each match.
    """
    match = quoted(terms)
    if not match:
        return {}
    if filtered:
        return dict(query(conn, _SEARCH_FILTERED, (match, limit)))
    return dict(query(conn, _SEARCH, (match, limit)))


def chunks_with(conn: apsw.Connection, term: str, count: int, ids: apsw.CArrayBinding) -> set[int]:
    """Return which of a few chunks contain a term that occurs in `count` chunks."""
    if not count:
        return set()
    statement = _PASS_OVER if count <= PASSED_OVER else _LOOK_UP
    return {row[0] for row in query(conn, statement, (quoted([term]), ids))}
