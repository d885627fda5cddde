"""Ranks of the right answers under one model: docstring sets, and the hand-written questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# As the worker runtime sets them; before numpy and tokenizers are imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
from contenders import BM25
from docstrings import Pool
from lexicon import Lexicon, document
from numpy.typing import NDArray
from sources import folder, packages

from wherein.domain import EmbedItem, Signature
from wherein.embedding import models
from wherein.embedding.embedder import Embedder
from wherein.embedding.fastembed_backend import load_embedder
from wherein.indexing import chunker, reader
from wherein.indexing.header import model_header

DEEP = 10
Ranks = NDArray[np.int64]  # from 1; 0 is not among the first ten
Best = Callable[[str], list[int]]
Text = tuple[str, str]  # header line, code


def of_pool(pool: Pool, model: Path | str) -> Ranks:
    """The rank of the right function for each question of a pool."""
    best = _ranker([(f.header, f.code) for f in pool.functions], model)
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


def _ranker(texts: Sequence[Text], model: Path | str) -> Best:
    if model == BM25:
        return Lexicon(document(header, code) for header, code in texts).best
    embedder = _load(str(model))
    items = [EmbedItem(b"", header, code) for header, code in texts]
    rows = embedder.embed_documents(items).vectors

    def best(question: str) -> list[int]:
        scores = rows @ embedder.embed_query(question)
        first = np.argpartition(-scores, min(DEEP, len(scores) - 1))[:DEEP]
        return [int(i) for i in first[np.argsort(-scores[first], kind="stable")]]

    return best


_loaded: dict[str, Embedder] = {}


def _load(model: str) -> Embedder:
    if model not in _loaded:
        _loaded.clear()  # one at a time
        _loaded[model] = load_embedder(models.resolve(model))
    return _loaded[model]


def _chunks(root: Path) -> list[tuple[str, int, int, str, str]]:
    found = []
    nowhere = Signature(0, 0, 0, 0)
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        place = path.relative_to(root).as_posix()
        if path.stat().st_size > reader.MAX_BYTES:
            continue
        source = reader.from_bytes(place.encode(), path.read_bytes(), nowhere)
        if not isinstance(source, reader.Source):
            continue
        for c in chunker.parse(source).chunks:
            header = model_header(place.encode(), c.symbol)
            found.append((place, c.start_line, c.end_line, header, c.text))
    return found
