"""The serving end of a worker's socket: accepts clients, reads requests, sends replies.

One thread accepts; each client has a thread that shakes hands and reads. A client that is silent,
slow or broken costs only its own thread and is dropped after a deadline. The handler decides on
which thread a request is worked on. Runs in the database worker and the vectorization worker.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from wherein.errors import (
    UNREADABLE,
    ConnectionLost,
    Fault,
    ProtocolError,
    StorageError,
    WhereinError,
    to_fault,
)
from wherein.ipc import envelope, frames, handshake, transport
from wherein.ipc.operations import Operation
from wherein.ipc.outbox import Outbox

logger = logging.getLogger(__name__)

MAX_CLIENTS: Final = 128
LOOK_S: Final = 10.0  # how often it sees to its socket file, which a cleaner of /tmp may take away
REST_S: Final = 0.1  # before it accepts again where the system would not let it
_NOTHING = msgspec.Raw(msgspec.msgpack.encode(None))


class Call:
    """One request being worked on. `cancelled` turns True when the asker gave up or went away."""

    def __init__(self, connection: Connection, number: int, operation: str) -> None:
        self.connection = connection
        self.number = number
        self.operation = operation
        self.params: Any = None  # of the operation's type
        self.cancelled = False
        self._lock = threading.Lock()
        self._on_cancel: Callable[[], None] | None = None

    @property
    def on_cancel(self) -> Callable[[], None] | None:
        """What interrupts the work, while there is any. Once it is None it is not called again."""
        return self._on_cancel

    @on_cancel.setter
    def on_cancel(self, hook: Callable[[], None] | None) -> None:
        # Under the lock: a hook that came late would interrupt what its thread works on by then.
        with self._lock:
            self._on_cancel = hook

    def cancel(self) -> None:
        """Mark as not wanted, and interrupt the work if it said how."""
        with self._lock:
            self.cancelled = True
            if self._on_cancel is not None:
                self._on_cancel()

    def reply(self, result: object) -> None:
        """Send the result; a client that is gone is no error."""
        self.connection.send(self, None, msgspec.Raw(envelope.encode(result)))

    def fail(self, error: BaseException) -> None:
        """Send the error as data."""
        self.connection.send(self, to_fault(error), _NOTHING)


class Connection:
    """One client of the service."""

    def __init__(self, service: Service, sock: socket.socket) -> None:
        self._service = service
        self._socket = frames.prepare(sock)
        self._outbox: Outbox | None = None
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self.closed = False

    def serve(self) -> None:
        """Read requests until the client goes; runs on this connection's own thread."""
        try:
            handshake.receive(self._socket, self._service.token)
            self._outbox = Outbox(self._socket, lambda _: self.close())
            while True:
                message = envelope.decode_request(frames.read_frame(self._socket))
                if isinstance(message, envelope.Cancel):
                    with self._lock:
                        call = self._calls.pop(message.id, None)
                    if call is not None:
                        call.cancel()
                else:
                    self._request(message)
        except ConnectionLost:
            pass
        except handshake.Newcomer as error:
            logger.warning("a newer wherein wants this index: %s", error)
            self._service.outdated()
        except (WhereinError, OSError, *UNREADABLE) as error:  # OSError: closed on either side
            logger.info("a client was dropped: %s", error)
        except Exception:  # one client's bad luck is nobody else's
            logger.exception("a client was dropped")
        finally:
            self.close()

    def _request(self, message: envelope.Request) -> None:
        operation = self._service.operations.get(message.operation)
        call = Call(self, message.id, message.operation)
        if operation is None:
            call.fail(ProtocolError(f"there is no operation {message.operation[:60]}"))
            return
        try:
            call.params = msgspec.msgpack.decode(message.body, type=operation.params)
        except UNREADABLE as error:
            call.fail(ProtocolError(f"{operation.name}: {error}"))
            return
        with self._lock:
            self._calls[call.number] = call
        try:
            self._service.handler(call)
        except WhereinError as error:
            call.fail(error)
        except Exception as error:  # the handler's boundary: one bad request, one error
            logger.exception("%s failed", operation.name)
            call.fail(error)

    def send(self, call: Call, fault: Fault | None, body: msgspec.Raw) -> None:
        """Send one reply, from any thread, which does not wait: a client that is stopped must not
        stop the writer of all. One that does not read is dropped after a while.
        """
        with self._lock:
            self._calls.pop(call.number, None)
        outbox = self._outbox
        if outbox is None:
            return
        try:
            outbox.send(envelope.encode(envelope.Reply(call.number, fault, body)))
        except ProtocolError as error:  # too large: the asker still gets an answer
            self.send(call, to_fault(error), _NOTHING)
        except ConnectionLost:
            self.close()

    def close(self) -> None:
        """Hang up and cancel what this client still wanted; safe to call twice."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            calls = list(self._calls.values())
            self._calls.clear()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._outbox is not None:
            self._outbox.close()
        for call in calls:
            call.cancel()
        self._service.gone(self)


class Service:
    """A listening socket and its clients."""

    def __init__(
        self,
        name: str,
        token: bytes,
        operations: Mapping[str, Operation],
        handler: Callable[[Call], None],
        on_gone: Callable[[Connection], None] | None = None,
        *,
        on_outdated: Callable[[], None] | None = None,
    ) -> None:
        """Listen under `name`; `handler` gets each request on its connection's thread.

        `on_gone` is told of each client that went, `on_outdated` of one of a newer version.
        """
        self._on_outdated = on_outdated
        self.token = token
        self.operations = operations
        self.handler = handler
        self._on_gone = on_gone
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._stopped = False
        self._listen(name, transport.SPARES)
        threading.Thread(target=self._accept, name="wherein-accept", daemon=True).start()

    def _listen(self, name: str, spares: int) -> None:
        self._listener, self.endpoint = transport.listen(name, spares)
        self._listener.settimeout(LOOK_S)
        self._place = transport.place(self.endpoint)

    def _look(self) -> None:
        """Listen anew where the socket file is not ours any more; who is connected stays so."""
        if transport.place(self.endpoint) == self._place:
            return
        with self._lock:
            if self._stopped:
                return  # `close` has removed it
            old = self._listener
            try:
                self._listen(Path(self.endpoint).name, 0)  # where everybody was told that it is
            except (OSError, StorageError) as error:
                logger.warning("the socket file is gone and cannot be made again: %s", error)
                return
        old.close()
        logger.warning("the socket file was removed and is made again")

    def _accept(self) -> None:
        while not self._stopped:
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                self._look()
                continue
            except OSError:
                time.sleep(REST_S)  # no descriptor left, perhaps: asking at once would fail again
                continue
            connection = Connection(self, sock)
            with self._lock:
                room = len(self._connections) < MAX_CLIENTS
                if room:
                    self._connections.add(connection)
            if not room:
                connection.close()
                continue
            try:
                threading.Thread(target=connection.serve, name="wherein-serve", daemon=True).start()
            except RuntimeError as error:  # the system may have no thread left
                logger.warning("a client was hung up on: %s", error)
                connection.close()

    def gone(self, connection: Connection) -> None:
        """Forget a connection that has closed."""
        with self._lock:
            self._connections.discard(connection)
        if self._on_gone is not None:
            self._on_gone(connection)

    def outdated(self) -> None:
        """Pass on that a newer version wants what this service serves."""
        if self._on_outdated is not None:
            self._on_outdated()

    def close(self) -> None:
        """Stop accepting, hang up on everybody, remove the socket file."""
        with self._lock:
            self._stopped = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.close()
        with contextlib.suppress(OSError):
            transport.forget(self.endpoint)
