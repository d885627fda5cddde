"""A question goes ahead of the background batch, and no two callers are in the model at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fake_embedder import FakeEmbedder
from wherein.domain import EmbedItem
from wherein.embedding.service import EmbeddingService
from wherein.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wherein.embedding.embedder import EmbedResult

HANG_S = 20.0


def items(count: int) -> list[EmbedItem]:
    return [EmbedItem(bytes(16), "file.py f", "x" * (index + 1)) for index in range(count)]


class Gate:
    """Stops the embedder inside its first slice until a query waits for it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()
        self.order: list[str] = []

    def documents(self, part: Sequence[EmbedItem]) -> None:
        self.order.append(f"documents {len(part)}")
        self.entered.set()
        assert self.release.wait(HANG_S)

    def query(self, text: str) -> None:
        self.order.append(f"query {text}")


class CountedCondition(threading.Condition):
    """Tells the test, through a semaphore, each time a caller asks for its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Semaphore(0)

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        self.asked.release()  # the lock is held: nobody moves before this caller is parked
        return super().wait_for(predicate, timeout)


def test_a_query_is_answered_before_the_batch_in_progress_ends() -> None:
    gate = Gate()
    service = EmbeddingService(FakeEmbedder(gate.documents, gate.query))
    service._turn = turn = CountedCondition()
    with ThreadPoolExecutor(3) as pool:
        batch = pool.submit(service.embed_documents, items(12))
        assert gate.entered.wait(HANG_S)
        queries = [pool.submit(service.embed_query, text) for text in ("a", "b")]
        for _ in ("the batch", "a", "b"):  # the slice may end when both queries wait behind it
            assert turn.asked.acquire(timeout=HANG_S)
        assert not batch.done()
        gate.release.set()
        assert [query.result(HANG_S).shape for query in queries] == [(2,), (2,)]
        assert batch.result(HANG_S).vectors.shape == (12, 2)
    assert gate.order[0] == "documents 4"
    assert sorted(gate.order[1:3]) == ["query a", "query b"]
    assert gate.order[3:] == ["documents 4", "documents 4"]


def test_slices_come_back_in_order_with_the_indexes_of_failed_items() -> None:
    embedder = FakeEmbedder()
    batch = items(11)
    batch[2] = EmbedItem(bytes(16), "h", "")
    batch[9] = EmbedItem(bytes(16), "h", "")
    result = EmbeddingService(embedder).embed_documents(batch)
    whole = embedder.embed_documents(batch)
    assert result.failed == [2, 9]
    assert np.array_equal(result.vectors, whole.vectors)
    assert result.vectors.dtype == np.float32


def test_awaited_documents_go_ahead_of_the_batch_in_progress() -> None:
    gate = Gate()
    service = EmbeddingService(FakeEmbedder(gate.documents, gate.query))
    service._turn = turn = CountedCondition()
    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(service.embed_documents, items(12))
        assert gate.entered.wait(HANG_S)
        awaited = pool.submit(service.embed_now, items(2), lambda: False)
        for _ in ("the batch", "the awaited"):
            assert turn.asked.acquire(timeout=HANG_S)
        gate.release.set()
        assert awaited.result(HANG_S).vectors.shape == (2, 2)
        assert batch.result(HANG_S).vectors.shape == (12, 2)
    assert gate.order == ["documents 4", "documents 2", "documents 4", "documents 4"]


def test_a_spent_budget_gives_the_first_documents_alone() -> None:
    embedder = FakeEmbedder()
    batch = items(11)
    batch[2] = EmbedItem(bytes(16), "h", "")
    some = EmbeddingService(embedder).embed_now(batch, lambda: True)
    assert np.array_equal(some.vectors, embedder.embed_documents(batch[:4]).vectors)
    assert some.failed == [2]
    assert len(EmbeddingService(embedder).embed_now(batch, lambda: False).vectors) == 11
    assert EmbeddingService(embedder).embed_now([], lambda: False).vectors.shape == (0, 2)


def test_an_empty_batch_asks_the_model_nothing() -> None:
    def never(part: Sequence[EmbedItem]) -> None:
        raise AssertionError(part)

    result = EmbeddingService(FakeEmbedder(never)).embed_documents([])
    assert result.vectors.shape == (0, 2)
    assert result.failed == []


def test_a_query_gives_up_when_the_model_hangs_and_the_model_serves_again_afterwards() -> None:
    gate = Gate()
    service = EmbeddingService(FakeEmbedder(gate.documents, gate.query))
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(service.embed_documents, items(4))
        assert gate.entered.wait(HANG_S)
        with pytest.raises(DeadlineExceeded, match=r"busy for 0\.05 s"):
            service.embed_query("late", timeout_s=0.05)
        gate.release.set()
        batch.result(HANG_S)
    assert service.embed_query("on time").any()
    assert gate.order == ["documents 4", "query on time"]


def test_an_error_of_the_model_reaches_the_caller_and_frees_the_model() -> None:
    def broken(text: str) -> None:
        raise ZeroDivisionError(text)

    service = EmbeddingService(FakeEmbedder(before_query=broken))
    with pytest.raises(ZeroDivisionError):
        service.embed_query("first")
    assert service.embed_documents(items(2)).failed == []


def test_many_threads_never_meet_inside_the_model() -> None:
    inside = threading.Lock()

    class Alone(FakeEmbedder):
        def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
            assert inside.acquire(blocking=False)
            try:
                return super().embed_documents(items)
            finally:
                inside.release()

        def embed_query(self, text: str) -> np.ndarray:
            assert inside.acquire(blocking=False)
            try:
                return super().embed_query(text)
            finally:
                inside.release()

    service = EmbeddingService(Alone())
    with ThreadPoolExecutor(4) as pool:
        batches = [pool.submit(service.embed_documents, items(80)) for _ in range(3)]
        queries = [pool.submit(service.embed_query, "how") for _ in range(100)]
        for batch in batches:
            assert batch.result(HANG_S).failed == []
        for query in queries:
            assert query.result(HANG_S).any()


def test_the_service_names_its_model() -> None:
    service = EmbeddingService(FakeEmbedder())
    assert (service.name, service.fingerprint, service.dim) == ("fake", "fa4efa4efa4efa4e", 2)
