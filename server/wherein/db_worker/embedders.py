"""The way to the embedding worker, for questions and for what their answers lack. Database process.

Three connections: a worker answers what comes over one in turn, and a question must wait neither
for the documents of another nor for the second model, which is loaded when it is first asked.
"""

from __future__ import annotations

import concurrent.futures
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from wherein import domain as d
from wherein.errors import WhereinError, WorkerUnavailable
from wherein.ipc.client import Client
from wherein.ipc.operations import VECTORIZATION_OPERATIONS
from wherein.ownership.lock import read_owner
from wherein.paths import IndexPaths

logger = logging.getLogger(__name__)

EmbedNow = Callable[[Sequence[d.EmbedItem], int], "concurrent.futures.Future[d.VectorBatch]"]


class Line:
    """One connection to the embedding worker that the owner file names, made when it is wanted."""

    def __init__(self, paths: IndexPaths, token: bytes) -> None:
        self._paths = paths
        self._token = token
        self._lock = threading.Lock()
        self._client: Client | None = None

    def ask(self, operation: str, params: object) -> concurrent.futures.Future[Any]:
        """Send a request; the future fails when there is nobody to ask."""
        try:
            return self._connected().submit(operation, params).future
        except WhereinError as error:
            failed: concurrent.futures.Future[Any] = concurrent.futures.Future()
            failed.set_exception(error)
            return failed

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None or not self._client.alive:
                owner = read_owner(self._paths)
                if owner is None or not owner.vectorization:
                    raise WorkerUnavailable("The embedding worker has not started yet")
                self._client = Client(owner.vectorization, self._token, VECTORIZATION_OPERATIONS)
            return self._client


class Embedders:
    """Gets vectors of questions and of documents."""

    def __init__(self, paths: IndexPaths, token: bytes) -> None:
        self._questions = Line(paths, token)
        self._documents = Line(paths, token)
        self._second = Line(paths, token)

    def question(self, text: str) -> concurrent.futures.Future[d.QueryVector]:
        """Ask for a question's vector."""
        return self._questions.ask("embed_query", d.QueryText(text))

    def now(
        self, items: Sequence[d.EmbedItem], budget_ms: int
    ) -> concurrent.futures.Future[d.VectorBatch]:
        """Ask for the vectors of documents: as many of the first as the budget allows."""
        return self._documents.ask("embed_now", d.EmbedNow(list(items), budget_ms))

    def second_question(self, text: str) -> concurrent.futures.Future[d.QueryVector]:
        """Ask the second model for a question's vector."""
        return self._second.ask("embed_query", d.QueryText(text, second=True))

    def second_now(
        self, items: Sequence[d.EmbedItem], budget_ms: int
    ) -> concurrent.futures.Future[d.VectorBatch]:
        """Ask the second model for the vectors of documents."""
        return self._second.ask("embed_now", d.EmbedNow(list(items), budget_ms, second=True))


class OwnWrite:
    """A write that the process itself wants; it waits with the clients' and nobody with it."""

    def __init__(self, operation: str, params: object) -> None:
        self.operation = operation
        self.params: Any = params

    def reply(self, result: object) -> None:
        """Nobody waits for the result."""

    def fail(self, error: BaseException) -> None:
        """Say in the log what became of it."""
        logger.info("%s for a question failed: %s", self.operation, error)
