"""Values for tests of the database engine: files with chunks, vectors that can be told apart."""

from __future__ import annotations

import itertools
import re
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import xxhash

from wherein.db_worker.codec import Floats, Stored, decode, encode, side_by_side
from wherein.db_worker.engine import Engine
from wherein.db_worker.vectors import Matrix
from wherein.domain import (
    BatchRequest,
    Chunk,
    FileUpdate,
    Kind,
    QueryVector,
    SearchQuery,
    SearchResponse,
    Signature,
    Skip,
    Symbol,
    VectorBatch,
    Written,
)
from wherein.indexing.header import input_key, model_header

DIM = 64
FINGERPRINT = "test-model"
TWO = "def alpha():\n    return one\n\ndef beta():\n    return two\n"
_ids = itertools.count(1)


def request_id() -> bytes:
    """A request id that no other request has."""
    return next(_ids).to_bytes(16, "big")


def stored(rows: Floats) -> Stored:
    """Vectors as the store hands them to the matrix."""
    dim = rows.shape[1]
    return side_by_side([s for s in encode(rows.astype("<f4").tobytes(), dim) if s], dim)


def filled(count: int, dim: int = 8, seed: int = 0) -> tuple[Matrix, Floats]:
    """A matrix, and its vectors as they are after rounding."""
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    rows = decode([stored(rows).tobytes()], dim)
    matrix = Matrix("m", dim)
    for i in range(0, count, 7):  # in pieces, as they come
        ids = list(range(i, min(i + 7, count)))
        matrix.append(ids, [c % 10 for c in ids], ["function" if c % 2 else "text" for c in ids],
                      stored(rows[i : i + 7]))  # fmt: skip
    return matrix, rows


def update(
    path: str | bytes,
    text: str,
    *,
    language: str = "python",
    cut: str = "\n\n",
) -> FileUpdate:
    """A file whose chunks are the paragraphs of its text; `def x` and `class x` are symbols."""
    name = path.encode() if isinstance(path, str) else path
    chunks: list[Chunk] = []
    symbols: list[Symbol] = []
    at, line = 0, 1
    for piece in re.split(f"(?<={cut})", text):
        if not piece.strip():
            at, line = at + len(piece.encode()), line + piece.count("\n")
            continue
        end, last = at + len(piece.encode()), line + piece.rstrip("\n").count("\n")
        found = re.findall(r"(?:def|class|func) (\w+)", piece)
        for symbol in found:
            symbols.append(
                Symbol(symbol, symbol, Kind.FUNCTION, line, last, at, end, f"def {symbol}")
            )
        chunks.append(
            Chunk(
                len(chunks), at, end, line, last, found[0] if found else "",
                Kind.FUNCTION if found else Kind.TEXT, tuple(found), piece,
            )
        )  # fmt: skip
        at, line = end, line + piece.count("\n")
    data = text.encode()
    return FileUpdate(
        name, Signature(len(data), len(data), 1, 7), xxhash.xxh3_128_digest(data), language,
        tuple(chunks), tuple(symbols), request_id(), None,
    )  # fmt: skip


def skipped(path: str, reason: Skip) -> FileUpdate:
    """A file that is kept out."""
    return FileUpdate(path.encode(), Signature(1, 2, 3, 4), b"", "", (), (), request_id(), reason)


def write(folder: Path, engine: Engine, path: str, text: str, **more: object) -> Written:
    """Put a file on disk and into the index."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode())
    return engine.replace_file(update(path, text, **more))  # type: ignore[arg-type]


def vector_of(text: str, dim: int = DIM) -> np.ndarray:
    """A unit vector made of the words of a text: texts with the same words are near."""
    total = np.zeros(dim)
    for word in re.findall(r"[a-z]+", text.lower()):
        total += np.random.default_rng(xxhash.xxh32_intdigest(word.encode())).standard_normal(dim)
    norm = np.linalg.norm(total)
    return (total / norm if norm else total).astype("<f4")


def embed_all(engine: Engine, fingerprint: str = FINGERPRINT, dim: int = DIM) -> list[bytes]:
    """Make the vectors of everything that is pending; returns the keys of the chunks embedded."""
    keys: list[bytes] = []
    while True:
        batch = engine.lease("test", BatchRequest(fingerprint, dim, 50, 0.0))
        if not batch.items:
            return keys
        made = [vector_of(item.text, dim) for item in batch.items]
        got = [item.key for item in batch.items]
        engine.put_vectors(
            VectorBatch(fingerprint, dim, got, b"".join(v.tobytes() for v in made), [])
        )
        keys += [item.key for item in batch.items if item.header]


def embedder(fingerprint: str = FINGERPRINT, dim: int = DIM):  # noqa: ANN201 - a small closure
    """A query embedder that answers at once."""

    def embed(text: str) -> Future[QueryVector]:
        done: Future[QueryVector] = Future()
        done.set_result(QueryVector(fingerprint, dim, vector_of(text, dim).tobytes(), 0.7))
        return done

    return embed


def ask(engine: Engine, text: str, *, model: bool = False, **more: object) -> SearchResponse:
    """Search once, by words unless `model` is set."""
    reader = engine.reader()
    try:
        query = SearchQuery(text=text, **more)  # type: ignore[arg-type]
        return reader.search(query, embedder() if model else None, lambda: False)
    finally:
        reader.close()


def found_paths(response: SearchResponse) -> list[str]:
    """The paths of the hits, best first, each once."""
    return list(dict.fromkeys(hit.path.decode() for hit in response.hits))


def chunk_key(path: str, chunk: Chunk) -> bytes:
    """The key of a chunk's vector."""
    return input_key(model_header(path.encode(), chunk.symbol), chunk.text)
