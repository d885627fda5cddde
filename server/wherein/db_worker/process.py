"""The database worker: the one process that opens an index's SQLite files.

Threads: one writer, the readers, one feeder for requests that are parked (batches to embed, waits
for vectors), and one thread a client in `ipc.service`.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from wherein import domain as d
from wherein.db_worker import memory, verify
from wherein.db_worker.embedders import Embedders, OwnWrite
from wherein.db_worker.engine import Engine, Reader
from wherein.db_worker.index import Index
from wherein.db_worker.missing import Maker
from wherein.db_worker.overlay import Caution, Overlays
from wherein.db_worker.readers import Readers
from wherein.db_worker.relay import OwnerRelay
from wherein.db_worker.rush import Rush
from wherein.db_worker.second import Second
from wherein.db_worker.unsaved import Typed
from wherein.errors import StorageError, WhereinError
from wherein.ipc import control
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.ipc.service import Call, Connection, Service
from wherein.workers.runtime import WorkerContext

logger = logging.getLogger(__name__)

IDLE_S: Final = 1.0  # how long the writer waits for work before it tidies up
CHECK_AFTER_S: Final = 20.0  # after the start, when others have what they waited for
CHECKED_BYTES: Final = 512 << 20  # a larger index is checked where it is read, and by the doctor
LOOK_S: Final = 15.0  # how often it looks after the files when there is nothing to do
OPTIMIZE_S: Final = 300.0  # how long after a change the words of deleted text are still on disk
GROUP: Final = 64  # files written in one transaction, when so many wait

_WRITES: Final = (
    "replace_file", "remove_files", "touch_files", "put_vectors", "begin_rebuild",
    "finish_rebuild", "purge",
)  # fmt: skip
_PARKED: Final = ("next_batch", "wait_vectors")


class _Trouble(NamedTuple):
    """A reader met an error that the writer has to do something about."""

    engine: Engine
    error: StorageError


_Write = Call | OwnWrite | _Trouble


class DatabaseService:
    """Takes calls from the sockets and gives them to the thread that may work on them."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._paths = context.start.indexes[0]
        self._index = Index(Path(self._paths.directory), self._paths.root, self._tell)
        self._embed = Embedders(self._paths, context.start.token)
        self._overlays = Overlays(Caution(context.note, self._paths.root))
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        second = Second(
            self._paths.root, self._embed.second_question, self._embed.second_now, self._keep
        )
        self._maker = Maker(self._paths.root, self._embed.now, self._keep, second)
        self._parked: list[tuple[Call, float]] = []
        self._wake = threading.Condition()
        self.relay = OwnerRelay(context.send)
        self._news = 0  # counted up whenever a parked request may have something to get
        self._stopped = False
        self._rush = Rush()
        self._threads = [threading.Thread(target=self._write, name="wherein-writer")]
        self._threads.append(threading.Thread(target=self._feed, name="wherein-feeder"))
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        self._readers = Readers(self._index, self._answer, self._broken)
        self._threads += self._readers.threads
        self._checker = threading.Timer(CHECK_AFTER_S, self._check)
        self._checker.daemon = True
        self._checker.start()
        self._service = Service(
            f"{self._paths.id}.db",
            context.start.token,
            DATABASE_OPERATIONS,
            self.handle,
            self.gone,
            on_outdated=lambda: context.send(control.Outdated()),
        )
        self.endpoint = self._service.endpoint

    def handle(self, call: Call) -> None:
        """Take one call; runs on its connection's thread and does not block."""
        if call.operation == "stats":
            call.reply(self._index.writer.stats())
        elif call.operation == "put_overlay":
            call.reply(self._overlays.put(call.connection, call.params))
        elif call.operation == "ask_owner":
            self.relay.ask(call)
        elif call.operation in _WRITES:
            self._writes.put(call)
        elif call.operation in _PARKED:
            with self._wake:
                self._parked.append((call, time.monotonic() + call.params.wait_s))
            self._tell_feeder()
        else:
            self._readers.put(call)

    def foresee(self) -> None:
        """Do what the first question would wait for, while nobody has asked one."""
        with contextlib.suppress(StorageError):  # the question will tell
            reader = self._index.live.reader()
            reader.foresee()
            reader.close()

    def gone(self, connection: Connection) -> None:
        """A client went away: what it had leased is free for others."""
        self._overlays.forget(connection)
        for engine in (self._index.live, self._index.writer):
            engine.release(connection)
        self._tell_feeder()

    def _keep(self, batch: d.VectorBatch) -> None:
        """Store vectors that a question had made; nobody waits for that."""
        self._writes.put(OwnWrite("put_vectors", batch))

    def close(self) -> None:
        """Finish the writes that were accepted, then close the files."""
        self._stopped = True
        self._writes.put(None)
        self._threads[0].join(0.6)
        self._service.close()
        self._checker.cancel()
        self._readers.stop()
        self._tell_feeder()
        for thread in self._threads[1:]:
            thread.join(0.1)
        if not any(thread.is_alive() for thread in self._threads):
            self._index.close()

    def _write(self) -> None:
        """Work on writes in the order in which they came; tidy up when there is nothing to do."""
        held: _Write | None = None
        pause, changed_at = IDLE_S, 0.0
        while True:
            try:
                call = held or self._writes.get(timeout=pause)
            except queue.Empty:
                pause = self._tidy(first=pause == IDLE_S)
                if changed_at and time.monotonic() - changed_at > OPTIMIZE_S:
                    changed_at = 0.0
                    self._index.optimize_words()
                continue
            held, pause = None, IDLE_S
            if call is None:
                return
            if isinstance(call, _Trouble):
                self._index.trouble(call.engine, call.error)
                self._readers.move()
                continue
            if call.operation == "replace_file":
                held = self._replace_waiting(call)
            else:
                self._do(call, self._work_of(call.operation))
            if call.operation in ("replace_file", "remove_files"):
                changed_at = time.monotonic()

    def _check(self) -> None:
        """Read every page once: a flipped bit is found before a question meets it."""
        engine = self._index.live
        if self._stopped or engine.stats().index_bytes > CHECKED_BYTES:
            return
        try:
            verify.check(engine.database, frozen=engine.frozen)
        except StorageError as error:
            self._broken(engine, error)

    def _broken(self, engine: Engine, error: StorageError) -> None:
        """Leave it to the writer to do something about an index that cannot be read."""
        self._writes.put(_Trouble(engine, error))

    def _tidy(self, *, first: bool) -> float:
        """Tidy up once after work, and look after the files now and then; returns the pause."""
        if first:
            self._index.maintain()
        else:
            self._index.look()
        self._readers.move()
        return min(LOOK_S, self._index.retire() or LOOK_S)

    def _work_of(self, operation: str) -> Callable[[Any], object]:
        if operation == "begin_rebuild":
            return lambda _: d.Generation(self._index.begin_rebuild())
        if operation == "finish_rebuild":
            return self._finish
        if operation == "purge":
            return lambda _: d.Purged(self._index.purge())
        return lambda params: self._index.write(operation, params)

    def _finish(self, generation: d.Generation) -> d.Empty:
        self._index.finish_rebuild(generation.number)
        self._readers.move()
        return d.Empty()

    def _waiting_files(self, first: Call | OwnWrite) -> tuple[list[Call | OwnWrite], _Write | None]:
        """Gather files that wait behind the first one, and the call after them, if it was seen."""
        calls = [first]
        while len(calls) < GROUP:
            try:
                call = self._writes.get_nowait()
            except queue.Empty:
                return calls, None
            if call is None:
                self._writes.put(None)  # the end: come back to it
                return calls, None
            if isinstance(call, _Trouble) or call.operation != "replace_file":
                return calls, call
            calls.append(call)
        return calls, None

    def _replace_waiting(self, first: Call | OwnWrite) -> _Write | None:
        """Write the files that wait, and hold none of them afterwards: they are megabytes."""
        calls, following = self._waiting_files(first)
        self._replace(calls)
        return following

    def _replace(self, calls: list[Call | OwnWrite]) -> None:
        """Write files in one transaction; when that fails, each by itself, to find the bad one."""
        try:
            answers = self._index.write("replace_files", [call.params for call in calls])
        except StorageError as error:  # of the disk, not of one of the files
            for call in calls:
                call.fail(error)
            return
        except Exception:  # whatever one file is to blame for must not cost the others
            logger.info("%d files could not be written together", len(calls), exc_info=True)
            for call in calls:
                self._do(call, self._work_of("replace_file"))
            return
        self._rush.came(len(calls))
        for call, answer in zip(calls, answers, strict=True):
            call.reply(answer)
        self._tell_feeder()

    def _do(self, call: Call | OwnWrite, work: Callable[[Any], object]) -> None:
        try:
            answer = work(call.params)
        except WhereinError as error:
            call.fail(error)
        except Exception as error:
            logger.exception("%s failed", call.operation)
            call.fail(error)
        else:
            call.reply(answer)
            self._tell_feeder()

    def _tell_feeder(self) -> None:
        with self._wake:
            self._news += 1
            self._wake.notify()

    def _tell(self, state: str, sentence: str) -> None:
        self._context.send(control.State(state, sentence, self._paths.id))

    def _answer(self, reader: Reader, call: Call) -> object:
        typed = Typed(self._overlays.of(call.connection), self._embed.now)
        if call.operation == "search":
            return reader.search(
                call.params, self._embed.question, lambda: call.cancelled, self._maker, typed
            )
        if call.operation == "similar":
            return reader.similar(call.params, self._embed.now, lambda: call.cancelled)
        if call.operation == "find_symbols":
            return reader.find_symbols(call.params, typed)
        if call.operation == "find_file":
            return reader.find_file(call.params)
        return reader.verify() if call.operation == "verify" else reader.list_files()

    def _feed(self) -> None:
        """Answer parked requests when a commit gives them something, or their time is over."""
        seen = -1
        while not self._stopped:
            with self._wake:
                soonest = min((until for _, until in self._parked), default=None)
                pause = None if soonest is None else max(0.0, soonest - time.monotonic())
                rush = self._rush.over_in()
                if rush:
                    pause = rush if pause is None else min(pause, rush)
                if seen == self._news or rush:
                    self._wake.wait(pause)
                seen = self._news
                parked, self._parked = self._parked, []
            left = [(call, until) for call, until in parked if not self._served(call, until)]
            with self._wake:
                self._parked += left

    def _served(self, call: Call, until: float) -> bool:
        """Try to answer one parked request; True when it is done with."""
        if call.cancelled or call.connection.closed:
            return True
        late = time.monotonic() >= until
        try:
            answer = self._batch(call, late) if call.operation == "next_batch" else self._all(late)
        except WhereinError as error:
            call.fail(error)
            return True
        except Exception as error:
            logger.exception("%s failed", call.operation)
            call.fail(error)
            return True
        if answer is not None:
            call.reply(answer)
        return answer is not None

    def _batch(self, call: Call, late: bool) -> d.EmbedBatch | None:
        """Lease chunks to the asker; a client that went away meanwhile gives them back."""
        if not late and self._rush.over_in():
            return None
        engine = self._index.writer
        batch = engine.lease(call.connection, call.params)
        if call.connection.closed:
            engine.release(call.connection)
        return batch if batch.items or late else None

    def _all(self, late: bool) -> d.IndexStats | None:
        """Give the counters once every chunk has its vector, or it is late."""
        stats = self._index.writer.stats()
        return stats if late or (stats.fingerprint and not stats.pending) else None


def main(context: WorkerContext) -> None:
    """Serve one index until told to stop. Raises StorageError when it cannot be opened."""
    memory.keep_blocks_apart()
    service = DatabaseService(context)
    context.send(control.Ready(service.endpoint))
    service.foresee()
    service.relay.listen(context)
    service.close()
