"""Ranks of the right answers under one model: docstring sets, and the hand-written questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# As the worker runtime sets them; before numpy and tokenizers are imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
from contenders import BM25, CACHE
from docstrings import Pool
from lexicon import Lexicon, document
from numpy.typing import NDArray
from sources import folder, packages

from wherein.db_worker.spread import turn
from wherein.domain import EmbedItem, Signature
from wherein.embedding import models
from wherein.embedding.embedder import Embedder, EmbedResult
from wherein.embedding.fastembed_backend import load_embedder
from wherein.indexing import chunker, reader
from wherein.indexing.header import input_key, model_header

DEEP = 10
Ranks = NDArray[np.int64]  # from 1; 0 is not among the first ten
Best = Callable[[str], list[int]]
Text = tuple[str, str]  # header line, code


def of_pool(pool: Pool, model: Path | str, *, turned: bool = False) -> Ranks:
    """The rank of the right function for each question of a pool.

    `turned`: questions are turned by how the pool's functions spread, as in the search.
    """
    best = _ranker([(f.header, f.code) for f in pool.functions], model, turned=turned)
    found = [best(question) for question, _ in pool.questions]
    places = [
        best.index(at) + 1 if at in best else 0
        for best, (_, at) in zip(found, pool.questions, strict=True)
    ]
    return np.array(places, dtype=np.int64)


def of_chunks(questions: Sequence[dict[str, Any]], model: Path | str) -> list[dict[str, Any]]:
    """Answers to the questions by the chunks' cosine (or words) alone, in the batch's format."""
    answers = []
    for spec in packages():
        own = [q for q in questions if q["repo"] == spec["name"]]
        if not own or not folder(spec).is_dir():
            continue
        chunks = list(_chunks(folder(spec)))
        best = _ranker([(header, text) for _, _, _, header, text in chunks], model)
        for q in own:
            found = [chunks[i] for i in best(q["query"])]
            results = [{"path": p, "start_line": a, "end_line": b} for p, a, b, _, _ in found]
            answers.append({"id": q["id"], "results": results})
    return answers


def reciprocal(ranks: Ranks) -> NDArray[np.float64]:
    """1 / rank, 0 for what was not found: its mean is MRR@10."""
    return np.where(ranks > 0, 1.0 / np.maximum(ranks, 1), 0.0)


def gain(ranks: Ranks) -> NDArray[np.float64]:
    """The discounted gain of one right answer: its mean is NDCG@10."""
    return np.where(ranks > 0, 1.0 / np.log2(1.0 + np.maximum(ranks, 1)), 0.0)


def interval(groups: Sequence[NDArray[np.float64]], samples: int = 2_000) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean over groups of the groups' means."""
    rng = np.random.default_rng(7)
    means = [g[rng.integers(0, len(g), (samples, len(g)))].mean(axis=1) for g in groups]
    low, high = np.quantile(np.mean(means, axis=0), (0.025, 0.975))
    return float(low), float(high)


def _ranker(texts: Sequence[Text], model: Path | str, *, turned: bool = False) -> Best:
    if model == BM25:
        return Lexicon(document(header, code) for header, code in texts).best
    embedder = load(str(model))
    items = [EmbedItem(b"", header, code) for header, code in texts]
    rows = embedder.embed_documents(items).vectors
    matrix = turn(rows) if turned else np.eye(rows.shape[1], dtype=np.float32)

    def best(question: str) -> list[int]:
        scores = rows @ (matrix @ embedder.embed_query(question))
        first = np.argpartition(-scores, min(DEEP, len(scores) - 1))[:DEEP]
        return [int(i) for i in first[np.argsort(-scores[first], kind="stable")]]

    return best


_loaded: dict[str, Embedder] = {}


def load(model: str) -> Embedder:
    """The model in a folder, one kept at a time; a slow one remembers what it embedded."""
    if model not in _loaded:
        _loaded.clear()
        embedder = load_embedder(models.resolve(model))
        _loaded[model] = Remembering(embedder) if embedder.slice_items == 1 else embedder
    return _loaded[model]


class Remembering:
    """A slow model with the vectors of documents kept on disk, by what it read."""

    slice_items = 1

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.name, self.dim = embedder.name, embedder.dim
        self.fingerprint = embedder.fingerprint
        self.symbol_weight = embedder.symbol_weight
        self._path = CACHE / f"vectors-{embedder.fingerprint}.npz"
        self._known: dict[bytes, NDArray[np.float32]] = {}
        if self._path.is_file():
            with np.load(self._path) as kept:
                keys = [bytes(key) for key in kept["keys"]]
                self._known = dict(zip(keys, kept["rows"], strict=True))

    def prepare(self) -> Embedder:
        """As the model does."""
        return self._embedder.prepare()

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """As the model does."""
        return self._embedder.embed_query(text)

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """As the model does, if it did not before."""
        keys = [input_key(item.header, item.text) for item in items]
        new = {k: i for k, i in zip(keys, items, strict=True) if k not in self._known}
        if new:
            rows = self._embedder.embed_documents(list(new.values())).vectors
            self._known.update(zip(new, rows, strict=True))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            listed = np.frombuffer(b"".join(self._known), dtype=np.uint8).reshape(-1, 16)
            np.savez(self._path, keys=listed, rows=np.stack(list(self._known.values())))
        return EmbedResult(np.stack([self._known[k] for k in keys]), [])


def files(root: Path) -> Iterator[reader.Source]:
    """Every file of a folder that can be read as text."""
    nowhere = Signature(0, 0, 0, 0)
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        if path.stat().st_size > reader.MAX_BYTES:
            continue
        place = path.relative_to(root).as_posix().encode()
        source = reader.from_bytes(place, path.read_bytes(), nowhere)
        if isinstance(source, reader.Source):
            yield source


def _chunks(root: Path) -> Iterator[tuple[str, int, int, str, str]]:
    for source in files(root):
        for c in chunker.parse(source).chunks:
            header = model_header(source.path, c.symbol)
            yield source.path.decode(), c.start_line, c.end_line, header, c.text
