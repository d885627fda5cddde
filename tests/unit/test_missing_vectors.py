"""Vectors that candidates lack: made for the question, likeliest first, kept, never in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from engine_samples import DIM, FINGERPRINT, embed_all, embedder, vector_of, write
from wherein.db_worker.engine import Engine
from wherein.db_worker.missing import Maker
from wherein.db_worker.scan import scan
from wherein.domain import BatchRequest, EmbedItem, Mode, SearchQuery, SearchResponse, VectorBatch
from wherein.errors import RequestCancelled, WorkerUnavailable

UPLOADS = """def retry(failed):
    for upload in failed:
        send again

def checksum(part):
    digest of an upload
"""
QUESTION = "retry failed upload"


class Model:
    """Embeds the first `limit` items, at once unless `held`, and writes down what it was given."""

    def __init__(self, limit: int = 1_000, *, held: bool = False) -> None:
        self.limit = limit
        self.held = held
        self.asked: list[list[EmbedItem]] = []
        self.answers: list[Future[VectorBatch]] = []

    def __call__(self, items: Sequence[EmbedItem], budget_ms: int) -> Future[VectorBatch]:
        assert budget_ms > 0
        self.asked.append(list(items))
        self.answers.append(Future())
        if not self.held:
            self.answer()
        return self.answers[-1]

    def answer(self) -> None:
        """Give the vectors that were asked for last."""
        done = self.asked[-1][: self.limit]
        made = b"".join(vector_of(item.text).tobytes() for item in done)
        batch = VectorBatch(FINGERPRINT, DIM, [item.key for item in done], made, [])
        self.answers[-1].set_result(batch)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, opened, "uploads.py", UPLOADS)
    write(tmp_path, opened, "letters.py", "def post(): retry nothing\n")
    write(tmp_path, opened, "zoo.py", "def zoo(): lions tigers bears\n")
    opened.lease("worker", BatchRequest(FINGERPRINT, DIM, 1, 0.0))  # this is the model in use
    opened.release("worker")
    yield opened
    opened.close()


class Asker:
    """Asks one index with one model, and keeps what is made."""

    def __init__(self, engine: Engine, root: Path, model: Model, budget_ms: int = 400) -> None:
        self.kept: list[VectorBatch] = []
        self._engine = engine
        self._maker = Maker(str(root), model, self.kept.append)
        self._budget_ms = budget_ms

    def ask(self, text: str = QUESTION, mode: Mode = Mode.HYBRID) -> SearchResponse:
        reader = self._engine.reader()
        try:
            query = SearchQuery(text=text, mode=mode, embed_ms=self._budget_ms)
            return reader.search(query, embedder(), lambda: False, self._maker)
        finally:
            reader.close()

    def store(self) -> None:
        """Put into the index what was kept."""
        for batch in self.kept:
            self._engine.put_vectors(batch)
        self.kept.clear()


def test_the_first_question_is_answered_by_meaning(engine: Engine, tmp_path: Path) -> None:
    model = Model()
    asker = Asker(engine, tmp_path, model)
    response = asker.ask()
    best = response.hits[0]
    assert (best.symbol, best.via[-2:]) == ("retry", ("words", "meaning"))
    assert (response.notes, response.coverage.vectors) == ([], 0)
    (asked,) = model.asked
    assert response.coverage.made == len(asked) == len(asker.kept[0].keys)
    assert "missing" in response.timings_us


def test_the_likeliest_goes_first_and_its_symbol_behind_it(engine: Engine, tmp_path: Path) -> None:
    model = Model(limit=1)
    response = Asker(engine, tmp_path, model).ask()
    (asked,) = model.asked
    assert asked[0].header == "uploads.py retry"
    assert (asked[1].header, asked[1].text) == ("", "retry def retry")
    assert not any("zoo" in item.text for item in asked)
    assert response.coverage.made == 1
    assert [hit.via for hit in response.hits if "meaning" in hit.via] == [response.hits[0].via]


def test_what_was_made_is_not_made_again(engine: Engine, tmp_path: Path) -> None:
    model = Model()
    asker = Asker(engine, tmp_path, model)
    first = asker.ask()
    before = engine.stats()
    asker.store()
    after = engine.stats()
    assert before.pending - after.pending == first.coverage.made
    again = asker.ask()
    assert (len(model.asked), again.coverage.made) == (1, 0)
    assert [hit.symbol for hit in again.hits[:2]] == [hit.symbol for hit in first.hits[:2]]


def test_a_complete_index_asks_for_nothing(engine: Engine, tmp_path: Path) -> None:
    embed_all(engine)
    model = Model()
    assert Asker(engine, tmp_path, model).ask().coverage.made == 0
    assert model.asked == []


def test_nearness_is_what_the_scan_will_say(engine: Engine, tmp_path: Path) -> None:
    found: dict[int, float] = {}
    reader = engine.reader()
    maker = Maker(str(tmp_path), Model(), lambda batch: engine.put_vectors(batch) and None)
    complete = maker.complete

    def spy(*given: object) -> object:
        made = complete(*given)  # type: ignore[arg-type]
        found.update(made.near)
        return made

    maker.complete = spy  # type: ignore[method-assign,assignment]
    reader.search(SearchQuery(text=QUESTION), embedder(), lambda: False, maker)
    reader.close()
    embed_all(engine)
    stored = scan(engine._matrix.snapshot, vector_of(QUESTION), 0.7).of(found)
    assert len(found) == 3
    assert stored == pytest.approx(found, abs=0.01)  # stored vectors are rounded to int8


def test_words_alone_and_meaning_alone_make_nothing(engine: Engine, tmp_path: Path) -> None:
    model = Model()
    asker = Asker(engine, tmp_path, model)
    asker.ask(mode=Mode.LEXICAL)
    asker.ask(mode=Mode.SEMANTIC)
    asker.ask("nobody is in here")
    Asker(engine, tmp_path, model, budget_ms=0).ask()
    assert model.asked == []


def test_a_late_answer_is_by_words_and_what_comes_is_kept(engine: Engine, tmp_path: Path) -> None:
    model = Model(held=True)
    asker = Asker(engine, tmp_path, model, budget_ms=1)
    response = asker.ask()
    assert (response.hits[0].symbol, response.coverage.made) == ("retry", 0)
    assert response.notes == [
        "The index has no vectors of this model yet; this answer is by words."
    ]
    model.answer()
    assert len(asker.kept) == 1


def test_a_model_that_cannot_be_asked_leaves_the_words(engine: Engine, tmp_path: Path) -> None:
    class Gone(Model):
        def __call__(self, items: Sequence[EmbedItem], budget_ms: int) -> Future[VectorBatch]:
            failed: Future[VectorBatch] = Future()
            failed.set_exception(WorkerUnavailable("gone"))
            return failed

    response = Asker(engine, tmp_path, Gone()).ask()
    assert (response.hits[0].symbol, len(response.notes)) == ("retry", 1)


def test_a_file_that_changed_is_not_embedded(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "uploads.py").write_text("something else")
    model = Model()
    Asker(engine, tmp_path, model).ask()
    assert [item.header for item in model.asked[0] if item.header] == ["letters.py post"]


def test_a_cancelled_question_ends_and_its_vectors_are_kept(engine: Engine, tmp_path: Path) -> None:
    model = Model(held=True)
    kept: list[VectorBatch] = []
    maker = Maker(str(tmp_path), model, kept.append)
    reader = engine.reader()
    with pytest.raises(RequestCancelled):
        reader.search(
            SearchQuery(text=QUESTION, embed_ms=60_000),
            embedder(),
            lambda: bool(model.asked),
            maker,
        )
    reader.close()
    model.answer()
    assert len(kept) == 1


def test_vectors_of_another_model_are_asked_for(engine: Engine, tmp_path: Path) -> None:
    embed_all(engine, "older-model")
    response = Asker(engine, tmp_path, Model()).ask()
    assert response.coverage.made > 0
    assert response.notes == []


def test_a_failed_chunk_is_not_asked_for_again(engine: Engine, tmp_path: Path) -> None:
    model = Model()
    asker = Asker(engine, tmp_path, model)
    asker.ask()
    keys = [item.key for item in model.asked[0]]
    engine.put_vectors(VectorBatch(FINGERPRINT, DIM, [], b"", keys))
    assert asker.ask().coverage.made == 0
    assert len(model.asked) == 1
    assert np.isfinite([hit.score for hit in asker.ask().hits]).all()
