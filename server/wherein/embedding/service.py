"""One model for two askers: a person's question goes ahead of the background batches.

Runs in the vectorization worker: one thread embeds batches, others answer queries.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import numpy as np

from wherein.embedding.embedder import EmbedResult
from wherein.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from wherein.domain import EmbedItem
    from wherein.embedding.embedder import Embedder

# A slice takes about 10 ms; a turn that does not come within this time means a model that hangs.
_PATIENCE_S = 30.0


class EmbeddingService:
    """Lets any number of threads use one embedder, which is not thread-safe itself.

    Documents are embedded in slices of `embedder.slice_items`; between two slices every waiting
    query goes first. A query waits for one slice at most (and for queries before it).
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._turn = threading.Condition()
        self._busy = False
        self._queries_waiting = 0

    @property
    def name(self) -> str:
        """The model's name for people."""
        return self._embedder.name

    @property
    def fingerprint(self) -> str:
        """The model's fingerprint: vectors with equal ones may be compared."""
        return self._embedder.fingerprint

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return self._embedder.dim

    @property
    def symbol_weight(self) -> float:
        """What a symbol's vector adds."""
        return self._embedder.symbol_weight

    def prepare(self) -> None:
        """Load what documents need, while questions are answered; raises ModelError."""
        self._embedder.prepare()

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """Embed a batch of any size; the vectors are in the order of the items.

        Raises DeadlineExceeded when the model is held by another caller for 30 seconds.
        """
        vectors = np.zeros((len(items), self.dim), dtype=np.float32)
        failed: list[int] = []
        step = self._embedder.slice_items
        for start in range(0, len(items), step):
            part = items[start : start + step]
            with self._document_turn():
                result = self._embedder.embed_documents(part)
            vectors[start : start + len(part)] = result.vectors
            failed.extend(start + index for index in result.failed)
        return EmbedResult(vectors, failed)

    def embed_query(self, text: str, timeout_s: float = _PATIENCE_S) -> NDArray[np.float32]:
        """Embed a question ahead of all documents not yet begun.

        Raises DeadlineExceeded when the model does not become free within `timeout_s` seconds.
        """
        with self._query_turn(timeout_s):
            return self._embedder.embed_query(text)

    def embed_now(self, items: Sequence[EmbedItem], enough: Callable[[], bool]) -> EmbedResult:
        """Embed documents that a person waits for, ahead of the background ones.

        Slice by slice until `enough()` says so, but never none: the result has a row for each item
        that was done. Queries still go between its slices. Raises DeadlineExceeded when the model
        does not become free.
        """
        step = self._embedder.slice_items
        parts: list[NDArray[np.float32]] = [np.zeros((0, self.dim), dtype=np.float32)]
        failed: list[int] = []
        for start in range(0, len(items), step):
            if start and enough():
                break
            with self._query_turn(_PATIENCE_S):
                result = self._embedder.embed_documents(items[start : start + step])
            parts.append(result.vectors)
            failed.extend(start + index for index in result.failed)
        return EmbedResult(np.concatenate(parts), failed)

    @contextlib.contextmanager
    def _query_turn(self, timeout_s: float) -> Iterator[None]:
        with self._turn:
            self._queries_waiting += 1
            try:
                free = self._turn.wait_for(lambda: not self._busy, timeout_s)
            finally:
                self._queries_waiting -= 1
                self._turn.notify_all()  # documents wait for this number too
            self._take(free, timeout_s)
        with self._given_back():
            yield

    @contextlib.contextmanager
    def _document_turn(self) -> Iterator[None]:
        with self._turn:
            free = self._turn.wait_for(
                lambda: not self._busy and not self._queries_waiting, _PATIENCE_S
            )
            self._take(free, _PATIENCE_S)
        with self._given_back():
            yield

    def _take(self, free: bool, waited_s: float) -> None:
        if not free:
            raise DeadlineExceeded(
                f"The embedding model {self.name} was busy for {waited_s:g} s. "
                "Search goes on by words; restart the editor's language server if this stays so."
            )
        self._busy = True

    @contextlib.contextmanager
    def _given_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._turn:
                self._busy = False
                self._turn.notify_all()
