"""What the engine's memory is filled from: plain reads, in bulk. Database process only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import apsw

from wherein.db_worker.changes import FileRow
from wherein.db_worker.codec import crc, side_by_side
from wherein.db_worker.pending import Pending
from wherein.db_worker.schema import id_list, query
from wherein.db_worker.snippets import Place
from wherein.db_worker.symbols import SymbolVectors, model_input
from wherein.db_worker.vectors import KIND_CODES, Block
from wherein.domain import EmbedItem

_FILES: Final = """SELECT id, path, language, first_chunk, end_chunk, skip IS NULL FROM files"""
# CROSS JOIN keeps this order: files by path, then each file's own range of chunks.
_VECTORS: Final = """SELECT c.id, c.file, c.kind, c.key, v.id IS NOT NULL, v.data, v.crc
    FROM files f CROSS JOIN chunks c ON c.id >= f.first_chunk AND c.id < f.end_chunk
    LEFT JOIN vectors v ON v.model = ? AND v.key = c.key ORDER BY f.path, c.id"""
_SYMBOL_VECTORS: Final = """SELECT s.id, s.chunk, s.weight, s.key, v.id IS NOT NULL, v.data, v.crc
    FROM symbols s LEFT JOIN vectors v ON v.model = ? AND v.key = s.key
    WHERE s.weight > 0 ORDER BY s.id"""
_SYMBOL_CHUNKS: Final = (
    "SELECT id, chunk, weight FROM symbols WHERE id IN (SELECT value FROM carray(?))"
)
_SYMBOL_TEXTS: Final = """SELECT key, qualified, signature FROM symbols
    WHERE id IN (SELECT value FROM carray(?))"""
_PLACES: Final = "SELECT id, file, kind FROM chunks WHERE id IN (SELECT value FROM carray(?))"
_SOURCES: Final = """SELECT f.path, c.symbol, c.start_byte, c.end_byte, c.start_line, c.end_line,
    c.key FROM chunks c JOIN files f ON f.id = c.file
    WHERE c.id IN (SELECT value FROM carray(?)) ORDER BY c.id"""
_KEYS: Final = """SELECT c.key FROM files f JOIN chunks c
    ON c.id >= f.first_chunk AND c.id < f.end_chunk WHERE f.path = ? ORDER BY c.id"""
_AT_ONCE: Final = 4_096

_Row = tuple[Any, ...]


def files(conn: apsw.Connection) -> list[FileRow]:
    """Return all files."""
    return [
        FileRow(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in query(conn, _FILES)
    ]


def vectors_of(conn: apsw.Connection, model: int, dim: int, chunks: int) -> tuple[Block, Pending]:
    """Return a model's vectors sorted by path, and the chunks that have none.

    A vector whose checksum is wrong counts as none, and will be made again.
    """
    block, pending = Block.empty(chunks if model else 0, dim), Pending()
    row = 0
    for rows in _batches(conn.execute(_VECTORS, (model,))):
        sound = _sound(rows, dim, pending)
        if sound:
            ids, files, kinds, _, _, stored, _ = zip(*sound, strict=True)
            place = slice(row, row + len(ids))
            block.ids[place], block.files[place] = ids, files
            block.kinds[place] = [KIND_CODES[kind] for kind in kinds]
            block.put(row, side_by_side(stored, dim))
            row += len(ids)
    return block.first(row), pending


def symbol_vectors_of(conn: apsw.Connection, model: int, dim: int) -> tuple[SymbolVectors, Pending]:
    """Return a model's vectors of symbols by chunk, and the symbols that have none."""
    found, pending = SymbolVectors(dim), Pending()
    found.load(
        (row[1], row[2], row[5])
        for rows in _batches(conn.execute(_SYMBOL_VECTORS, (model,)))
        for row in _sound(rows, dim, pending)
    )
    return found, pending


def _batches(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    while batch := list(islice(rows, _AT_ONCE)):
        yield batch


def _sound(rows: list[_Row], dim: int, pending: Pending) -> list[_Row]:
    """Return the rows with a sound vector; one to be made waits, one that failed is left out.

    A row begins with what is embedded and ends with key, whether it is known, vector, checksum.
    """
    stored = [row[-2] for row in rows]
    if (
        None not in stored
        and set(map(len, stored)) == {dim + 4}
        and list(map(crc, stored)) == [row[-1] for row in rows]
    ):
        return rows
    sound = []
    for row in rows:
        *_, key, known, data, checksum = row
        if known and data is None:
            continue
        if known and len(data) == dim + 4 and crc(data) == checksum:
            sound.append(row)
        else:
            pending.add(key, row[0])
    return sound


def chunks_of_symbols(
    conn: apsw.Connection, symbols: Iterable[int]
) -> list[tuple[int, int, float]]:
    """Return (symbol, chunk, weight) of symbols, those that exist."""
    return query(conn, _SYMBOL_CHUNKS, (id_list(symbols),))


def symbol_inputs(conn: apsw.Connection, symbols: Iterable[int]) -> dict[bytes, EmbedItem]:
    """Return by key what a model reads of symbols, those that exist."""
    rows = query(conn, _SYMBOL_TEXTS, (id_list(symbols),))
    return {key: model_input(key, qualified, signature) for key, qualified, signature in rows}


def places(conn: apsw.Connection, chunks: Iterable[int]) -> list[tuple[int, int, str]]:
    """Return (chunk, file, kind) of chunks, those that exist."""
    return query(conn, _PLACES, (id_list(chunks),))


def sources(conn: apsw.Connection, chunks: Iterable[int]) -> list[Place]:
    """Return where the text of chunks is, those that exist."""
    rows = query(conn, _SOURCES, (id_list(chunks),))
    return [(row[0], row[1], (row[2], row[3], row[4], row[5]), row[6]) for row in rows]


def keys_of(conn: apsw.Connection, paths: Sequence[bytes]) -> list[bytes]:
    """Return the keys of all chunks of these files, in the order given."""
    return [key for path in paths for (key,) in query(conn, _KEYS, (path,))]
