"""The vectorization worker: turns chunks into vectors, and queries ahead of them.

Threads: one loop per index that asks the database for what has no vector, chunks before symbols;
one for documents that somebody waits for; and one thread a client in `ipc.service` for queries. A
model that cannot be used is a state that a person sees; the worker stays, so that words go on
answering and nothing restarts in vain.
"""

from __future__ import annotations

import concurrent.futures
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

from wherein.database.code_database import CodeDatabase
from wherein.database.drivers.base import DriverConfig
from wherein.domain import BatchRequest, EmbedItem, QueryVector, VectorBatch, Written
from wherein.embedding.embedder import Embedder, EmbedResult
from wherein.embedding.fastembed_backend import load_embedder
from wherein.embedding.models import read_choice, resolve
from wherein.embedding.second import SecondModel
from wherein.embedding.service import EmbeddingService
from wherein.errors import ModelError, WhereinError
from wherein.ipc import control
from wherein.ipc.operations import VECTORIZATION_OPERATIONS
from wherein.ipc.pending import Pending
from wherein.ipc.service import Call, Service
from wherein.paths import IndexPaths, config_home
from wherein.workers import mains, priority
from wherein.workers.careful import CarefulEmbedder
from wherein.workers.runtime import WorkerContext
from wherein.workers.start import WatchMode

logger = logging.getLogger(__name__)

BATCH: Final = 256  # inputs a round trip; the service slices them so that a query waits ~10 ms
PARK_S: Final = 30.0
RETRY_S: Final = 0.5  # after vectors could not be fetched or stored, twice as long each time
LONGEST_RETRY_S: Final = 15.0
ON_BATTERY: Final = "on_battery"  # a state of `status.py`


class Vectorizer:
    """One model at work for all indexes of the server."""

    def __init__(
        self, context: WorkerContext, embedder: Embedder, second: SecondModel | None = None
    ) -> None:
        self._context = context
        self._second = second
        self._embedder = embedder
        self._service = EmbeddingService(embedder)
        self._awaited: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._running = threading.Event()
        self._running.set()
        self.near: tuple[tuple[str, bytes], ...] = ()

    def handle(self, call: Call) -> None:
        """Embed a question on its connection's thread; documents wait for theirs."""
        if call.operation == "embed_now":
            self._awaited.put(call)
            return
        service = self._service_of(call)
        vector = service.embed_query(call.params.text)
        numbers = vector.astype("<f4").tobytes()
        call.reply(QueryVector(service.fingerprint, service.dim, numbers, service.symbol_weight))

    def _service_of(self, call: Call) -> EmbeddingService:
        """Return the model that is asked. Raises ModelError when there is no second one."""
        if not call.params.second or self._second is None:
            return self._service
        return self._second.service()

    def serve_awaited(self) -> None:
        """Embed documents that somebody waits for, for as long as the process lives.

        The newest goes first: while a person types, an earlier question is nobody's any more, and
        what was made for it by then is kept.
        """
        while True:
            call = self._awaited.get()
            try:
                self._embed_awaited(call)
            except WhereinError as error:
                call.fail(error)
            except Exception as error:
                logger.exception("what a question lacks could not be embedded")
                call.fail(error)

    def _embed_awaited(self, call: Call) -> None:
        until = time.monotonic() + call.params.budget_ms / 1_000

        def enough() -> bool:
            return time.monotonic() >= until or not self._awaited.empty()

        items = call.params.items
        service = self._service_of(call)
        service.prepare()
        result = service.embed_now(items, enough)
        call.reply(_batch(service, items[: len(result.vectors)], result))

    def pause(self, *, paused: bool) -> None:
        """Stop taking batches, or go on."""
        if paused:
            self._running.clear()
        else:
            self._running.set()

    def work(self, index: IndexPaths) -> None:
        """Embed what one index lacks, for as long as the process lives, or the model is of use."""
        config = DriverConfig("sqlite", index.directory)
        database = CodeDatabase(config)
        early = True  # a new index: the model is loaded while words are collected
        pause = RETRY_S
        while not self._context.stopping.is_set():
            self._running.wait()
            try:
                if early and self._incomplete(database):
                    self._embedder.prepare()
                early = False
                self._round(database, index)
                pause = RETRY_S
            except ModelError as error:
                self._context.send(_only_words(error))
                break
            except WhereinError as error:
                logger.info("no batch: %s", error)
                database.close()  # and with it the lease of what was not stored
                database = CodeDatabase(config)
                self._context.stopping.wait(pause)
                pause = min(pause * 2, LONGEST_RETRY_S)
        database.close()

    def _incomplete(self, database: CodeDatabase) -> bool:
        stats = database.stats().result()
        fits = stats.fingerprint == self._embedder.fingerprint
        return not (fits and stats.chunks) or stats.pending > 0

    def _round(self, database: CodeDatabase, index: IndexPaths) -> None:
        """Take batches until there are none.

        The next one is fetched, and the one before is stored, while this one is embedded. A pause
        holds the batch in hand: nobody else gets what is leased to us.
        """
        batch = database.next_batch(self._request(index)).result()
        stored: Pending[Written] | None = None
        while batch.items and not self._context.stopping.is_set():
            self._running.wait()
            self._wait_for_mains(index)
            following = database.next_batch(self._request(index))
            self._embedder.prepare()  # here, and not in a turn that a question waits for
            result = self._service.embed_documents(batch.items)
            if stored is not None:
                stored.result()
            stored = database.put_vectors(_batch(self._service, batch.items, result))
            batch = following.result()
        if stored is not None:
            stored.result()

    def _wait_for_mains(self, index: IndexPaths) -> None:
        """Hold a batch while the machine runs on its battery and the model is a hungry one.

        What a question asks for goes on, and so does a command that waits for its vectors.
        """
        start = self._context.start
        if (
            self._embedder.slice_items >= mains.FRUGAL_ITEMS
            or start.mode is WatchMode.ONCE
            or not start.settings.pause_on_battery
        ):
            return
        held = False
        while not self._context.stopping.is_set() and mains.on_battery():
            if not held:
                self._context.send(control.State(ON_BATTERY, self._unplugged(), index.id))
            held = True
            self._context.stopping.wait(mains.CHECK_S)
        if held:
            self._context.send(control.State(ON_BATTERY, "", index.id))

    def _unplugged(self) -> str:
        return (
            f"On battery: {self._embedder.name} reads the rest once the machine is plugged in "
            "(setting pauseOnBattery). You can search now"
        )

    def _request(self, index: IndexPaths) -> BatchRequest:
        near = tuple(path for root, path in self.near if root == index.id)
        return BatchRequest(self._embedder.fingerprint, self._embedder.dim, BATCH, PARK_S, near)


def _only_words(error: ModelError) -> control.State:
    return control.State("lexical_only", f"{str(error).rstrip('.')}. Words still work")


def _batch(
    service: EmbeddingService, items: Sequence[EmbedItem], result: EmbedResult
) -> VectorBatch:
    failed = set(result.failed)
    keep = [row for row in range(len(items)) if row not in failed]
    return VectorBatch(
        fingerprint=service.fingerprint,
        dim=service.dim,
        keys=[items[row].key for row in keep],
        vectors=result.vectors[keep].astype("<f4").tobytes(),
        failed=[items[row].key for row in sorted(failed)],
    )


def _load(context: WorkerContext, loading: concurrent.futures.Future[Embedder]) -> None:
    priority.give_way(context.start)
    try:
        choice = context.start.settings.model or read_choice(config_home())
        loading.set_result(load_embedder(resolve(choice)))
    except Exception as error:  # noqa: BLE001 - whoever waits for the result raises it
        loading.set_exception(error)


def main(context: WorkerContext) -> None:
    """Load the model, serve queries, and embed until told to stop."""
    # urllib3, which fastembed imports, opens a network socket to try this. Nothing is fetched here.
    socket.has_ipv6 = False
    # Loading is background work; the threads that a person waits for inherit this one's priority.
    loading: concurrent.futures.Future[Embedder] = concurrent.futures.Future()
    threading.Thread(target=_load, args=(context, loading), daemon=True).start()
    try:
        embedder = loading.result()
    except ModelError as error:
        context.send(_only_words(error))
        context.send(control.Ready(""))
        context.stopping.wait()
        return
    careful = CarefulEmbedder(embedder, context.note)
    vectorizer = Vectorizer(context, careful, SecondModel(context.start.settings.quality_model))
    service = Service(
        f"{os.getppid()}.emb", context.start.token, VECTORIZATION_OPERATIONS, vectorizer.handle
    )
    context.send(control.Ready(service.endpoint))
    context.send(control.ModelReady(embedder.name, embedder.fingerprint, embedder.dim))
    vectorizer.pause(paused=context.start.settings.paused)
    threading.Thread(target=vectorizer.serve_awaited, name="wherein-awaited", daemon=True).start()
    priority.give_way(context.start)
    for index in context.start.indexes:
        threading.Thread(
            target=vectorizer.work, args=(index,), name=f"wherein-embed-{index.id}", daemon=True
        ).start()
    while not context.stopping.is_set():
        message = context.inbox.get()
        if isinstance(message, control.Near):
            vectorizer.near = message.files
        elif isinstance(message, control.Pause | control.Resume):
            vectorizer.pause(paused=isinstance(message, control.Pause))
    service.close()
