"""Documents that a question waits for, through a real socket: the newest goes first."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from fake_embedder import FakeEmbedder
from support.waiting import until
from wherein import domain as d
from wherein.db_worker.embedders import Embedders
from wherein.errors import WorkerUnavailable
from wherein.ipc.operations import VECTORIZATION_OPERATIONS
from wherein.ipc.service import Service
from wherein.ownership.lock import OwnerLock
from wherein.paths import index_paths, make_index_dir
from wherein.workers.vectorization import Vectorizer

if TYPE_CHECKING:
    from wherein.ipc.service import Call
    from wherein.workers.runtime import WorkerContext

HANG_S = 30.0
TOKEN = b"t" * 32


class Gate(FakeEmbedder):
    """Stops in the first slice of each documents until it is let go; counts the items."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.awaited: queue.SimpleQueue[Call] = queue.SimpleQueue()

    def embed_documents(self, items: Sequence[d.EmbedItem]):  # noqa: ANN201 - as the base has it
        self.inside.release()
        assert self.go.acquire(timeout=HANG_S)
        if any(item.text == "poison" for item in items):
            raise ValueError("a model that fails")
        return super().embed_documents(items)


@pytest.fixture
def embedders(wherein_home: Path, tmp_path: Path) -> Iterator[tuple[Gate, Embedders]]:
    """A model behind a socket, found by the owner file."""
    gate = Gate()
    vectorizer = Vectorizer(cast("WorkerContext", None), gate)
    vectorizer._awaited = gate.awaited
    threading.Thread(target=vectorizer.serve_awaited, daemon=True).start()
    service = Service("test.emb", TOKEN, VECTORIZATION_OPERATIONS, vectorizer.handle)
    paths = index_paths(str(tmp_path))
    make_index_dir(paths)
    lock = OwnerLock(paths)
    assert lock.acquire(TOKEN)
    lock.announce("vectorization", service.endpoint, 1)
    yield gate, Embedders(paths, TOKEN)
    lock.release()
    service.close()


def items(count: int, text: str = "x") -> list[d.EmbedItem]:
    return [d.EmbedItem(bytes([n]) * 16, "f.py", text) for n in range(count)]


def test_a_newer_question_gets_the_model_and_the_older_one_what_was_done(
    embedders: tuple[Gate, Embedders],
) -> None:
    gate, ask = embedders
    older = ask.now(items(12), 60_000)
    assert gate.inside.acquire(timeout=HANG_S)
    newer = ask.now(items(2), 60_000)
    question = ask.question("abc")  # on its own line: it does not wait for documents to be read
    assert until(lambda: not gate.awaited.empty())
    gate.go.release(12)
    assert len(newer.result(HANG_S).keys) == 2
    assert question.result(HANG_S).dim == gate.dim
    done = older.result(HANG_S)
    assert done.keys == [item.key for item in items(12)[: len(done.keys)]]
    assert len(done.keys) < 12
    assert len(done.vectors) == 4 * gate.dim * len(done.keys)


def test_a_spent_budget_gives_one_slice(embedders: tuple[Gate, Embedders]) -> None:
    gate, ask = embedders
    gate.go.release()
    assert len(ask.now(items(12), 0).result(HANG_S).keys) == gate.slice_items


def test_a_failure_is_an_answer_and_the_next_question_is_served(
    embedders: tuple[Gate, Embedders],
) -> None:
    gate, ask = embedders
    gate.go.release(2)
    with pytest.raises(Exception, match=r"\S"):
        ask.now(items(1, "poison"), 0).result(HANG_S)
    assert len(ask.now(items(1), 0).result(HANG_S).keys) == 1


def test_nobody_to_ask_is_a_failed_answer(wherein_home: Path, tmp_path: Path) -> None:
    paths = index_paths(str(tmp_path))
    make_index_dir(paths)
    with pytest.raises(WorkerUnavailable):
        Embedders(paths, TOKEN).now(items(1), 1).result(HANG_S)
