"""The threads that answer questions, each with a connection of its own. Database process only.

A request that is cancelled while it runs interrupts its reader. A reader leaves an engine that was
replaced, and tells of one that it found damaged.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

from wherein import domain as d
from wherein.db_worker.engine import Engine, Reader
from wherein.db_worker.index import Index
from wherein.errors import (
    IndexDamaged,
    IndexLost,
    RequestCancelled,
    StorageError,
    WhereinError,
    WorkerUnavailable,
)
from wherein.ipc.service import Call

logger = logging.getLogger(__name__)

READERS: Final = 2
MAX_QUEUED: Final = 256  # questions waiting for a reader; more are refused
#: What the index holds, for whoever fills it: of the generation that is being filled.
_OF_THE_WRITER: Final = ("list_files",)
_BROKEN: Final = "The index was damaged and is being rebuilt. Ask again in a moment."


class _Move:
    """Wakes a reader, so that it leaves an engine that was replaced."""


class Readers:
    """A queue of questions and the threads that work on it.

    `answer(reader, call)` gives the answer; `trouble(engine, error)` hears what was wrong with an
    index. Both run on the readers' threads.
    """

    def __init__(
        self,
        index: Index,
        answer: Callable[[Reader, Call], object],
        trouble: Callable[[Engine, StorageError], None],
    ) -> None:
        self._index = index
        self._answer = answer
        self._trouble = trouble
        self._calls: queue.Queue[Call | _Move | None] = queue.Queue(MAX_QUEUED)
        self._moved_to = index.live
        self.threads = [
            threading.Thread(target=self._read, name=f"wherein-reader-{number}", daemon=True)
            for number in range(READERS)
        ]
        for thread in self.threads:
            thread.start()

    def put(self, call: Call) -> None:
        """Take a call without blocking. Raises WorkerUnavailable when too many wait."""
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            raise WorkerUnavailable("Too many searches are waiting") from None

    def move(self) -> None:
        """Let idle readers leave an engine that was replaced, so that it can be closed."""
        if self._moved_to is not self._index.live:
            self._moved_to = self._index.live
            self._tell_all(_Move())

    def stop(self) -> None:
        """Ask the threads to end."""
        self._tell_all(None)

    def _tell_all(self, message: _Move | None) -> None:
        for _ in range(READERS):
            try:
                self._calls.put_nowait(message)
            except queue.Full:
                return

    def _read(self) -> None:
        engine: Engine | None = None
        reader: Reader | None = None
        while True:
            call = self._calls.get()
            wanted = self._index.live
            if isinstance(call, Call) and call.operation in _OF_THE_WRITER:
                wanted = self._index.writer
            if reader is not None and (call is None or engine is not wanted):
                reader.close()
                engine = reader = None
            if call is None:
                return
            if isinstance(call, _Move) or call.cancelled:
                continue
            try:
                if reader is None:
                    engine = wanted
                    reader = engine.reader()
                self._serve(call, reader)
            except StorageError as error:
                if engine is not None:
                    self._trouble(engine, error)
                if reader is not None:
                    reader.close()
                engine = reader = None
                self._answer_badly(call, error)

    def _serve(self, call: Call, reader: Reader) -> None:
        """Answer one call. Raises StorageError when the index cannot be read."""
        call.on_cancel = reader.interrupt
        try:
            if call.cancelled:  # while the reader was opened
                return
            answer = self._answer(reader, call)
        except RequestCancelled:
            return
        except StorageError:
            raise
        except WhereinError as error:
            call.fail(error)
        except Exception as error:
            logger.exception("%s failed", call.operation)
            call.fail(error)
        else:
            call.on_cancel = None
            call.reply(answer)
        finally:
            call.on_cancel = None

    def _answer_badly(self, call: Call, error: StorageError) -> None:
        """A search of an index that is damaged has an answer: that it is, and is being mended."""
        if call.operation != "search" or not isinstance(error, IndexDamaged | IndexLost):
            call.fail(error)
            return
        stats = self._index.writer.stats()
        coverage = d.Coverage(files=stats.files, chunks=stats.chunks, vectors=stats.vectors)
        call.reply(
            d.SearchResponse(
                hits=[], coverage=coverage, commit=stats.commit, notes=[_BROKEN], timings_us={}
            )
        )
