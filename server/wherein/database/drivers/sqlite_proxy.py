"""SQLiteDriverProxy: the driver whose SQLite file lives in another process, the database worker.

It connects on demand, keeps one connection, and sends an idempotent request again, once, when the
connection broke under it. Runs in the hosting process and in workers that attach.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wherein.database.db_worker_manager import DBWorkerManager
from wherein.database.drivers.base import DriverConfig
from wherein.errors import ConnectionLost, StorageError, WhereinError, WorkerUnavailable
from wherein.ipc.client import Client
from wherein.ipc.operations import DATABASE_OPERATIONS, Operation
from wherein.ipc.pending import Pending
from wherein.paths import IndexPaths

_RETRIES = 2
_RETRY_PAUSE_S = 0.1


class SQLiteDriverProxy:
    """One persistent connection to the database worker of one index."""

    def __init__(self, config: DriverConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._client: Client | None = None
        self._kept: dict[tuple[str, bytes], object] = {}
        self._sent = 0
        self._closed = False
        self._tell_lost: Callable[[], None] = _nobody
        # Connecting may start a process and wait for it: never on the asker's thread.
        self._connector = concurrent.futures.ThreadPoolExecutor(1, "wherein-connect")

    def connect(self) -> str:
        """Connect if not connected and return the endpoint; raises WorkerUnavailable."""
        return self._connected().endpoint

    @property
    def connected(self) -> bool:
        """True while there is a connection."""
        return self.live() is not None

    def submit(self, operation: str, params: object, deadline_s: float | None) -> Pending[Any]:
        """Send an operation; never blocks. The answer's errors are WhereinErrors."""
        row = DATABASE_OPERATIONS[operation]
        deadline = deadline_s or row.deadline_s
        outcome: concurrent.futures.Future[Any] = concurrent.futures.Future()
        attempt = _Attempt(self, row, params, deadline, outcome)
        attempt.go()
        return Pending(outcome, operation, deadline, attempt.give_up)

    def keep(self, operation: str, key: bytes, params: object | None) -> None:
        """Send this first on every later connection; None forgets it."""
        with self._lock:
            if params is None:
                self._kept.pop((operation, key), None)
            else:
                self._kept[operation, key] = params

    def on_lost(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, on any thread, whenever the connection breaks."""
        self._tell_lost = tell

    def requests_sent(self) -> int:
        """Count the request frames sent over all connections of this driver."""
        with self._lock:
            return self._sent + (self._client.requests if self._client else 0)

    def close(self) -> None:
        """Disconnect; pending operations fail with ConnectionLost."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()
        self._connector.shutdown(wait=False, cancel_futures=True)

    def live(self) -> Client | None:
        """Return the connection if there is a live one."""
        with self._lock:
            return self._client if self._client is not None and self._client.alive else None

    def in_background(self, work: concurrent.futures.Future[Any], attempt: _Attempt) -> None:
        """Connect on the connector's thread and let the attempt go on there."""
        try:
            self._connector.submit(attempt.after_connecting)
        except RuntimeError:
            if not work.done():
                work.set_exception(ConnectionLost("the connection was closed"))

    def _connected(self) -> Client:
        with self._connecting:
            client = self.live()
            if client is not None:
                return client
            if self._closed:
                raise ConnectionLost("the connection was closed")
            endpoint = self._start_worker()
            try:
                client = self._client_of(endpoint)
            except WorkerUnavailable:
                # The worker may have died since its endpoint was learned: ask anew, once.
                DBWorkerManager.forget(self._config.db_path, endpoint)
                client = self._client_of(self._start_worker())
            with self._lock:
                kept = list(self._kept.items())
            for (operation, _), params in kept:
                client.submit(operation, params)
            with self._lock:
                if self._client is not None:
                    self._sent += self._client.requests
                self._client = client
                closed = self._closed
            if closed:
                client.close()
                raise ConnectionLost("the connection was closed")
            return client

    def _client_of(self, endpoint: str) -> Client:
        return Client(endpoint, self._token(), DATABASE_OPERATIONS, self._broken)

    def _broken(self, client: Client) -> None:
        """Note that a connection broke; runs on its reader's thread."""
        self.lost(client)
        self._tell_lost()

    def _start_worker(self) -> str:
        """Have the database worker running; the only way that one is ever started."""
        return DBWorkerManager.get_or_start_worker(self._config.db_path)

    def _token(self) -> bytes:
        directory = Path(self._config.db_path)
        path = IndexPaths(root="", id=directory.name, directory=str(directory)).token_file
        try:
            return path.read_bytes()
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error

    def lost(self, client: Client) -> None:
        """Note that a connection broke, so that the next request asks where the worker is."""
        DBWorkerManager.forget(self._config.db_path, client.endpoint)


def _nobody() -> None:
    """Tell nobody."""


class _Attempt:
    """One operation on its way, with its retries."""

    def __init__(
        self,
        driver: SQLiteDriverProxy,
        operation: Operation,
        params: object,
        deadline_s: float,
        outcome: concurrent.futures.Future[Any],
    ) -> None:
        self._driver = driver
        self._operation = operation
        self._params = params
        self._until = time.monotonic() + deadline_s
        self._outcome = outcome
        self._tries_left = _RETRIES if operation.retry else 0
        self._pending: Pending[Any] | None = None
        self._given_up = False

    def go(self) -> None:
        """Send on the live connection, or connect in the background first."""
        client = self._driver.live()
        if client is None:
            self._driver.in_background(self._outcome, self)
        else:
            self._send(client)

    def after_connecting(self) -> None:
        """Connect and send; runs on the connector's thread."""
        if self._given_up:
            return
        try:
            client = self._driver._connected()  # its own other half
        except WhereinError as error:
            self._failed(error)
            return
        try:
            if not self._given_up:  # connecting may have taken seconds
                self._send(client)
        except Exception as error:  # noqa: BLE001 - somebody waits, and this thread is nobody's
            self._failed(error)

    def give_up(self) -> None:
        """The asker does not want the answer any more."""
        self._given_up = True
        pending = self._pending
        if pending is not None:
            pending._give_up()  # passes the wish on

    def _send(self, client: Client) -> None:
        try:
            left = max(0.01, self._until - time.monotonic())
            self._pending = client.submit(self._operation.name, self._params, left)
        except WhereinError as error:
            self._driver.lost(client)
            self._failed(error)
            return
        self._pending.future.add_done_callback(lambda done: self._done(client, done))
        if self._given_up:  # between the look at it and the sending
            self._pending._give_up()

    def _done(self, client: Client, done: concurrent.futures.Future[Any]) -> None:
        if done.cancelled() or self._outcome.done():
            return
        error = done.exception()
        if error is None:
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                self._outcome.set_result(done.result())
            return
        if isinstance(error, ConnectionLost):
            self._driver.lost(client)
        self._failed(error)

    def _failed(self, error: BaseException) -> None:
        again = (
            isinstance(error, WorkerUnavailable)
            and self._tries_left > 0
            and not self._given_up
            and time.monotonic() + _RETRY_PAUSE_S < self._until
        )
        if again:
            self._tries_left -= 1
            timer = threading.Timer(
                _RETRY_PAUSE_S, self._driver.in_background, (self._outcome, self)
            )
            timer.daemon = True
            timer.start()
        elif not self._outcome.done():
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                self._outcome.set_exception(error)
