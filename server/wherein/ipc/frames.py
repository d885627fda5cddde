"""Frames on a stream socket: four bytes of length, big endian, then that many bytes of msgpack.

Every wait has a deadline. A socket given to this module has a timeout of `POLL_S`: a read that is
idle between two frames goes on waiting as long as the caller wants, a frame that has begun must be
complete within `FRAME_S`, and a peer that does not read makes a write fail instead of hanging.
Used by every process.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

from wherein.errors import ConnectionLost, DeadlineExceeded, ProtocolError

MAX_FRAME = 64 * 1024 * 1024
POLL_S = 5.0
FRAME_S = 30.0
_HEADER = struct.Struct(">I")
_STEP = 1 << 20


def prepare(sock: socket.socket) -> socket.socket:
    """Give a socket the timeout that this module expects."""
    sock.settimeout(POLL_S)
    return sock


def write_frame(sock: socket.socket, payload: bytes) -> None:
    """Send one frame; raises ConnectionLost when the peer is gone or has not read for `POLL_S`."""
    if len(payload) > MAX_FRAME:
        raise ProtocolError(f"a message of {len(payload)} bytes is larger than {MAX_FRAME}")
    try:
        if len(payload) < _STEP:
            sock.sendall(_HEADER.pack(len(payload)) + payload)
        else:
            sock.sendall(_HEADER.pack(len(payload)))
            view = memoryview(payload)
            for start in range(0, len(view), _STEP):
                sock.sendall(view[start : start + _STEP])
    except (OSError, ValueError) as error:
        raise ConnectionLost("the other process does not read, or is gone") from error


def read_frame(
    sock: socket.socket,
    deadline: float | None = None,
    idle: Callable[[], None] | None = None,
) -> bytes:
    """Receive one frame.

    `deadline` is a time.monotonic() value for the first byte, None for ever; `idle` is called each
    `POLL_S` while nothing comes. Raises ConnectionLost at the end of the stream, DeadlineExceeded,
    and ProtocolError for a frame that is too long or stalls halfway.
    """
    head = _receive(sock, _HEADER.size, deadline, idle)
    (length,) = _HEADER.unpack(head)
    if length > MAX_FRAME:
        raise ProtocolError(f"a frame says it has {length} bytes; {MAX_FRAME} are allowed")
    return _receive(sock, length, None, None, begun=True)


def _receive(
    sock: socket.socket,
    size: int,
    deadline: float | None,
    idle: Callable[[], None] | None,
    *,
    begun: bool = False,
) -> bytes:
    """Read exactly `size` bytes; memory grows with what arrives, not with what was announced."""
    buffer = bytearray()
    limit = time.monotonic() + FRAME_S if begun else None
    while len(buffer) < size:
        if not begun and deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded("nothing arrived in time")
            sock.settimeout(min(left, POLL_S))
        try:
            piece = sock.recv(min(size - len(buffer), _STEP))
        except TimeoutError:
            if limit is not None and time.monotonic() > limit:
                raise ProtocolError("a frame stopped halfway") from None
            if idle is not None and not begun:
                idle()
            continue
        except (OSError, ValueError) as error:
            raise ConnectionLost("the connection broke") from error
        finally:
            if deadline is not None and sock.fileno() >= 0:
                sock.settimeout(POLL_S)
        if not piece:
            raise ConnectionLost("the other process closed the connection")
        if not begun:
            begun = True
            limit = time.monotonic() + FRAME_S
        buffer += piece
    return bytes(buffer)
