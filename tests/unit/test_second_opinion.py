"""The second opinion: who asks for it, what it changes, what is kept, and what when it fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from engine_samples import DIM as OWN_DIM
from engine_samples import FINGERPRINT, embedder, vector_of, write
from model_folders import write_transformer
from wherein.db_worker.engine import Engine
from wherein.db_worker.missing import Maker
from wherein.db_worker.second import RULE, Second
from wherein.domain import (
    BatchRequest,
    EmbedItem,
    Mode,
    Quality,
    QueryVector,
    SearchQuery,
    SearchResponse,
    VectorBatch,
)
from wherein.embedding.second import SecondModel
from wherein.errors import ModelError, WorkerUnavailable
from wherein.ranking.plain import plain

MODEL, DIM = "second-model", 32
QUESTION = "which colours does the zoo paint its cages in"


class Model:
    """A second model that finds one text near and all others far, or that fails."""

    def __init__(self, near: str = "", error: Exception | None = None, limit: int = 100) -> None:
        self.near = near
        self.error = error
        self.limit = limit
        self.questions: list[str] = []
        self.asked: list[EmbedItem] = []

    def question(self, text: str) -> Future[QueryVector]:
        self.questions.append(text)
        done: Future[QueryVector] = Future()
        if self.error:
            done.set_exception(self.error)
        else:
            done.set_result(QueryVector(MODEL, DIM, vector_of("near", DIM).tobytes()))
        return done

    def now(self, items: Sequence[EmbedItem], budget_ms: int) -> Future[VectorBatch]:
        assert budget_ms > 0
        self.asked += items
        some = items[: self.limit]
        words = ["near" if self.near in f"{i.header} {i.text}" else "far" for i in some]
        made = b"".join(vector_of(word, DIM).tobytes() for word in words)
        done: Future[VectorBatch] = Future()
        done.set_result(VectorBatch(MODEL, DIM, [item.key for item in some], made, []))
        return done


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    for name in ("lions", "tigers", "bears"):
        text = f"def {name}(): # colours of cages\n    paint(the_zoo, colours, cages)\n"
        write(tmp_path, opened, f"{name}.py", text)
    batch = opened.lease("worker", BatchRequest(FINGERPRINT, OWN_DIM, 50, 0.0))
    while batch.items:  # to the first model all of them are alike
        keys = [item.key for item in batch.items]
        alike = vector_of("alike").tobytes() * len(keys)
        opened.put_vectors(VectorBatch(FINGERPRINT, OWN_DIM, keys, alike, []))
        batch = opened.lease("worker", BatchRequest(FINGERPRINT, OWN_DIM, 50, 0.0))
    yield opened
    opened.close()


def ask(
    engine: Engine, root: Path, model: Model, text: str = QUESTION, **more: object
) -> SearchResponse:
    """Ask once, with a second model; what it made is stored."""
    more.setdefault("quality", Quality.ON)
    kept: list[VectorBatch] = []
    second = Second(str(root), model.question, model.now, kept.append)
    reader = engine.reader()
    try:
        query = SearchQuery(text=text, **more)  # type: ignore[arg-type]
        maker = Maker(str(root), model.now, kept.append, second)
        return reader.search(query, embedder(), lambda: False, maker)
    finally:
        reader.close()
        for batch in kept:
            engine.put_vectors(batch)


@pytest.mark.parametrize("name", ["lions", "tigers", "bears"])
def test_the_second_model_moves_what_it_finds_near(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    plainly = ask(engine, tmp_path, Model(name), quality=Quality.OFF)
    response = ask(engine, tmp_path, Model(name))
    assert response.hits[0].symbol == name
    assert (RULE in response.hits[0].rules) == (plainly.hits[0].symbol != name)
    assert {hit.symbol for hit in response.hits} == {hit.symbol for hit in plainly.hits}
    assert (response.notes, response.coverage.made) == ([], 3)
    assert "second" in response.timings_us


def test_it_reads_plain_words_and_no_comments(engine: Engine, tmp_path: Path) -> None:
    model = Model()
    ask(engine, tmp_path, model)
    read = {(item.header, item.text) for item in model.asked}
    assert ("lions lions", "lions paint zoo colours cages") in read


def test_what_it_made_is_kept_by_content(engine: Engine, tmp_path: Path) -> None:
    first, again = Model("tigers"), Model("tigers")
    ask(engine, tmp_path, first)
    answer = ask(engine, tmp_path, again)
    assert (len(first.asked), len(again.asked)) == (3, 0)
    assert (answer.hits[0].symbol, answer.coverage.made) == ("tigers", 0)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (QUESTION, {"quality": Quality.OFF}),
        (QUESTION, {"mode": Mode.LEXICAL}),
        (QUESTION, {"mode": Mode.SEMANTIC}),
        ("the_zoo", {}),
        ("()", {}),
    ],
)
def test_it_is_not_asked_without_need(
    engine: Engine, tmp_path: Path, text: str, more: dict[str, object]
) -> None:
    model = Model()
    ask(engine, tmp_path, model, text, **more)
    assert (model.questions, model.asked) == ([], [])


def test_when_idle_it_is_asked_once_everything_is_embedded(engine: Engine, tmp_path: Path) -> None:
    done, busy = Model(), Model()
    ask(engine, tmp_path, done, quality=Quality.IDLE)
    write(tmp_path, engine, "new.py", "def new(): colours of new cages\n")
    ask(engine, tmp_path, busy, quality=Quality.IDLE)
    assert (len(done.questions), len(busy.questions)) == (1, 0)


@pytest.mark.parametrize(
    ("model", "note"),
    [
        (Model(error=ModelError("The model X is not here yet.")), "The model X is not here yet."),
        (Model(error=WorkerUnavailable("gone")), "The second model cannot be asked now"),
        (Model("bears", limit=1), "The second model did not answer in time"),
    ],
)
def test_a_second_model_that_fails_leaves_the_order_and_says_so(
    engine: Engine, tmp_path: Path, model: Model, note: str
) -> None:
    plainly = ask(engine, tmp_path, Model(), quality=Quality.OFF)
    response = ask(engine, tmp_path, model)
    assert [hit.symbol for hit in response.hits] == [hit.symbol for hit in plainly.hits]
    assert response.notes[0].startswith(note)


def test_a_late_second_model_leaves_the_order(engine: Engine, tmp_path: Path) -> None:
    class Never(Model):
        def question(self, text: str) -> Future[QueryVector]:
            return Future()

    response = ask(engine, tmp_path, Never(), embed_ms=1)
    assert (len(response.hits), len(response.notes)) == (3, 1)


def test_a_changed_file_is_not_compared(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "lions.py").write_text("something else")
    model = Model("bears")
    response = ask(engine, tmp_path, model)
    found = [hit.symbol for hit in response.hits]
    assert found.index("bears") < found.index("tigers")
    assert (len(model.asked), response.notes) == (2, [])


@pytest.mark.parametrize(
    ("path", "symbol", "text", "expected"),
    [
        (b"src/netUtil.py", "Up.retryAll", "def f(x):\n    # no\n    maxRetries += 1",
         ("src net util up retry all", "max retries")),
        (b"Makefile", "", "/* no\n no */ int main() { return utf8; }", ("makefile", "main utf")),
        (b"\xff.go", "", "", ("", "")),
    ],
)  # fmt: skip
def test_code_in_plain_words(
    path: bytes, symbol: str, text: str, expected: tuple[str, str]
) -> None:
    assert plain(path, symbol, text) == expected


def test_a_model_that_is_not_here_says_how_to_get_it(wherein_home: Path) -> None:
    with pytest.raises(ModelError, match=r"`wherein model build all-MiniLM-L6-v2`"):
        SecondModel("").service()


def test_a_second_model_is_loaded_once(tmp_path: Path) -> None:
    second = SecondModel(str(write_transformer(tmp_path / "model")))
    service = second.service()
    assert service.embed_query("colours").shape == (service.dim,)
    assert second.service() is service
