"""One persistent connection to a worker, with several requests in flight.

Threads: any thread may submit; one reader thread resolves the answers. Runs in the server process
and in every worker that attaches to another one.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from wherein.errors import UNREADABLE, ConnectionLost, ProtocolError, WhereinError, from_fault
from wherein.ipc import envelope, frames, handshake, transport
from wherein.ipc.operations import Operation
from wherein.ipc.outbox import Outbox
from wherein.ipc.pending import Pending

logger = logging.getLogger(__name__)


class Client:
    """A connection that has shaken hands. `requests` counts the frames sent."""

    def __init__(
        self,
        endpoint: str,
        token: bytes,
        operations: Mapping[str, Operation],
        on_lost: Callable[[Client], None] | None = None,
    ) -> None:
        """Connect and shake hands; raises WorkerUnavailable or another WhereinError.

        `on_lost` is called once, on any thread, when the connection breaks; not when it is closed.
        """
        self._on_lost = on_lost
        self.endpoint = endpoint
        self.requests = 0
        self._operations = operations
        self._socket = transport.connect(endpoint)
        try:
            self.peer = handshake.greet(self._socket, token)
        except BaseException:
            self._socket.close()
            raise
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._outbox = Outbox(self._socket, self._fail)
        self._waiting: dict[int, tuple[concurrent.futures.Future[Any], Operation]] = {}
        self._lost: WhereinError | None = None
        threading.Thread(target=self._read, name="wherein-client", daemon=True).start()

    @property
    def alive(self) -> bool:
        """False once the connection broke or was closed."""
        return self._lost is None

    def submit(self, name: str, params: object, deadline_s: float | None = None) -> Pending[Any]:
        """Send a request and return its pending answer; raises ConnectionLost when that fails."""
        operation = self._operations[name]
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        number = next(self._ids)
        body = msgspec.Raw(_encoded(params))
        with self._lock:
            if self._lost is not None:
                raise self._lost
            self._waiting[number] = (future, operation)
        self._send(envelope.encode(envelope.Request(number, name, body)))
        self.requests += 1
        return Pending(
            future, name, deadline_s or operation.deadline_s, lambda: self._cancel(number)
        )

    def close(self) -> None:
        """Close the connection; whoever still waits gets ConnectionLost."""
        self._on_lost = None
        self._fail(ConnectionLost("the connection was closed"))

    def _send(self, payload: bytes) -> None:
        try:
            self._outbox.send(payload)
        except ConnectionLost as error:
            self._fail(error)
            raise

    def _cancel(self, number: int) -> None:
        with self._lock:
            known = self._waiting.pop(number, None)
        if known is not None:
            known[0].cancel()
            with contextlib.suppress(ConnectionLost):
                self._send(envelope.encode(envelope.Cancel(number)))

    def _read(self) -> None:
        try:
            while True:
                reply = envelope.decode_reply(frames.read_frame(self._socket))
                with self._lock:
                    known = self._waiting.pop(reply.id, None)
                if known is not None:
                    _resolve(reply, *known)
        except UNREADABLE:
            self._fail(ProtocolError("the worker sent something that is not an answer"))
        except WhereinError as error:
            self._fail(error)

    def _fail(self, error: WhereinError) -> None:
        with self._lock:
            if self._lost is not None:
                return
            self._lost = error if isinstance(error, ConnectionLost) else ConnectionLost(str(error))
            waiting, self._waiting = self._waiting, {}
        with contextlib.suppress(OSError):
            self._socket.shutdown(2)
        self._outbox.close()
        self._socket.close()
        for future, _ in waiting.values():
            if not future.done():
                future.set_exception(self._lost)
        if self._on_lost is not None:
            self._on_lost(self)


def _encoded(params: object) -> bytes:
    """Encode params; half a surrogate pair in a text, which no encoding has, becomes a "?"."""
    try:
        return envelope.encode(params)
    except UnicodeEncodeError:
        return envelope.encode(_whole(msgspec.to_builtins(params, builtin_types=(bytes,))))


def _whole(value: Any) -> Any:  # noqa: ANN401 - what msgpack can hold
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return [_whole(part) for part in value]
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    return value


def _resolve(
    reply: envelope.Reply, future: concurrent.futures.Future[Any], operation: Operation
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if reply.fault is not None:
        future.set_exception(from_fault(reply.fault))
        return
    try:
        future.set_result(msgspec.msgpack.decode(reply.body, type=operation.result))
    except UNREADABLE as error:
        future.set_exception(ProtocolError(f"an answer does not fit {operation.name}: {error}"))
