"""Sending without waiting: what a busy peer does not take at once is sent by a thread.

The server sends here what is for its workers, and a worker its answers; a process that is held up
must not hold the others up as well. Used by every process.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from wherein.errors import ConnectionLost, WhereinError
from wherein.ipc import frames

MAX_BACKLOG: Final = 2 * frames.MAX_FRAME  # bytes


class Outbox:
    """The sending side of one connected socket. `failed` is called when a thread could not send.

    A peer that reads nothing for `frames.POLL_S` is one that has gone, unless this is `patient`.
    """

    def __init__(
        self,
        sock: socket.socket,
        failed: Callable[[WhereinError], None] = lambda _: None,
        *,
        patient: bool = False,
    ) -> None:
        self._socket = sock
        # The same connection once more: its writes do not wait, reads of the other one still do.
        self._at_once = sock.dup()
        self._at_once.setblocking(False)
        self._failed = failed
        self._write = frames.write_patiently if patient else frames.write_all
        self._lock = threading.Lock()
        self._backlog: deque[bytes] = deque()
        self._size = 0

    def send(self, payload: bytes) -> None:
        """Send one frame, or see to it that it is sent, in order. Never waits.

        Raises ConnectionLost when the peer is gone, or has left too much unread.
        """
        data = frames.frame(payload)
        with self._lock:
            if not self._backlog:
                data = data[self._try(data) :]
                if not data:
                    return
                self._start()
            elif self._size + len(data) > MAX_BACKLOG:
                raise ConnectionLost("the other process does not read")
            self._backlog.append(data)
            self._size += len(data)

    def close(self) -> None:
        """Close this side's copy of the socket; the thread ends with the socket itself."""
        with self._lock:
            self._at_once.close()

    def _start(self) -> None:
        """Start the thread, which waits for the lock until there is something to send."""
        try:
            threading.Thread(target=self._drain, name="wherein-outbox", daemon=True).start()
        except RuntimeError as error:
            raise ConnectionLost("the system has no thread to send with") from error

    def _try(self, data: bytes) -> int:
        try:
            return self._at_once.send(data)
        except BlockingIOError:
            return 0
        except (OSError, ValueError) as error:
            raise ConnectionLost("the other process is gone") from error

    def _drain(self) -> None:
        """Send what was left until nothing is; then this thread ends."""
        while True:
            with self._lock:
                data = self._backlog[0]
            try:
                self._write(self._socket, data)
            except WhereinError as error:
                with contextlib.suppress(WhereinError):
                    self._failed(error)
                return
            with self._lock:
                self._backlog.popleft()
                self._size -= len(data)
                if not self._backlog:
                    return
