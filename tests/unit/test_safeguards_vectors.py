"""A late vector of the model before: kept for the way back, never beside those of this model."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine_samples import DIM, TWO, embed_all, embedder, update, vector_of
from wherein.db_worker.engine import Engine
from wherein.domain import BatchRequest, Mode, SearchQuery, VectorBatch


def test_a_late_vector_of_another_model_is_not_taken_for_one_of_this(tmp_path: Path) -> None:
    """An embedder that was asked before the model changed answers afterwards."""
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    batch = engine.lease("slow", BatchRequest("old", DIM, 50, 0.0))
    pending = engine.lease("new one", BatchRequest("new", DIM, 0, 0.0)).pending
    data = b"".join(vector_of(item.text).tobytes() for item in batch.items)
    engine.put_vectors(VectorBatch("old", DIM, [i.key for i in batch.items], data, []))
    stats = engine.stats()
    assert (stats.fingerprint, stats.vectors, stats.pending) == ("new", 0, pending)
    reader = engine.reader()
    query = SearchQuery(text="alpha", mode=Mode.SEMANTIC)
    assert reader.search(query, embedder("new"), lambda: False).hits == []
    reader.close()
    engine.release("slow")
    embed_all(engine, "new")
    assert engine.stats().vectors == 2
    engine.close()


@pytest.mark.parametrize("asked", ["old", "new"])
def test_a_query_vector_of_another_model_is_compared_with_nothing(
    tmp_path: Path, asked: str
) -> None:
    """The numbers of two models mean nothing to each other, however well their lengths fit."""
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    embed_all(engine, "new")
    reader = engine.reader()
    query = SearchQuery(text="alpha", mode=Mode.SEMANTIC)
    hits = reader.search(query, embedder(asked), lambda: False).hits
    assert bool(hits) is (asked == "new")
    reader.close()
    engine.close()
