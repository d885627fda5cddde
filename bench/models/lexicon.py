"""BM25 over a handful of texts, with the engine's own tokens, columns and weights."""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from wherein.db_worker import lexical
from wherein.domain import Chunk, Kind
from wherein.ranking import query

Document = tuple[bytes, Chunk]


class Lexicon:
    """A word index in memory; documents are numbered from 0 in the order given."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._conn = apsw.Connection(":memory:")
        self._conn.execute(
            "CREATE VIRTUAL TABLE words USING fts5 (text, path, symbol, definitions,"
            " content='', tokenize='ascii')"
        )
        rows = [(i, *lexical.document(path, chunk)) for i, (path, chunk) in enumerate(documents)]
        statement = "INSERT INTO words (rowid, text, path, symbol, definitions) VALUES (?,?,?,?,?)"
        with self._conn:
            self._conn.executemany(statement, rows)

    def best(self, question: str, limit: int = 10) -> list[int]:
        """The best documents by words, best first."""
        return list(lexical.search(self._conn, query.parse(question).terms, limit, filtered=False))


def document(header: str, code: str) -> Document:
    """A document of a header line (path, qualified name) and code."""
    path, _, symbol = header.partition(" ")
    name = symbol.rpartition(".")[2]
    chunk = Chunk(0, 0, 0, 1, 1, symbol, Kind.FUNCTION, (name,) if name else (), code)
    return path.encode(), chunk
