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


def frame(payload: bytes) -> bytes:
    """Put the length in front. Raises ProtocolError when there is too much."""
    if len(payload) > MAX_FRAME:
        raise ProtocolError(f"a message of {len(payload)} bytes is larger than {MAX_FRAME}")
    return _HEADER.pack(len(payload)) + payload


def write_frame(sock: socket.socket, payload: bytes) -> None:
    """Send one frame; raises ConnectionLost when the peer is gone or has not read for `POLL_S`."""
    write_all(sock, frame(payload))


def write_all(sock: socket.socket, data: bytes) -> None:
    """Send bytes; raises ConnectionLost when the peer is gone or has not read for `POLL_S`."""
    try:
        view = memoryview(data)
        for start in range(0, len(view), _STEP):
            sock.sendall(view[start : start + _STEP])
    except (OSError, ValueError) as error:
        raise ConnectionLost("the other process does not read, or is gone") from error


def write_patiently(sock: socket.socket, data: bytes) -> None:
    """Send bytes, however long the peer leaves them; raises ConnectionLost when it is gone."""
    view = memoryview(data)
    while view:
        try:
            view = view[sock.send(view) :]
        except TimeoutError:
            continue
        except (OSError, ValueError) as error:
            raise ConnectionLost("the other process is gone") from error


def read_frame(sock: socket.socket, deadline: float | None = None) -> bytes:
    """Receive one frame.

    `deadline` is a time.monotonic() value for the first byte, None for ever. Raises ConnectionLost
    at the end of the stream, DeadlineExceeded, and ProtocolError for a frame that is too long or
    stops halfway.
    """
    first = _first_byte(sock, deadline)
    limit = time.monotonic() + FRAME_S
    (length,) = _HEADER.unpack(first + _rest(sock, _HEADER.size - 1, limit))
    if length > MAX_FRAME:
        raise ProtocolError(f"a frame says it has {length} bytes; {MAX_FRAME} are allowed")
    return _rest(sock, length, limit)


def _first_byte(sock: socket.socket, deadline: float | None) -> bytes:
    while True:
        left = POLL_S if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded("nothing arrived in time")
        if deadline is None:
            piece = _receive(sock, 1)
        else:
            try:
                sock.settimeout(min(left, POLL_S))
                piece = _receive(sock, 1)
                prepare(sock)
            except OSError as error:  # another thread has closed it
                raise ConnectionLost("the connection broke") from error
        if piece is not None:
            return piece


def _rest(sock: socket.socket, size: int, limit: float) -> bytes:
    """Read exactly `size` bytes; memory grows with what arrives, not with what was announced."""
    buffer = bytearray()
    while len(buffer) < size:
        piece = _receive(sock, min(size - len(buffer), _STEP))
        if piece is not None:
            buffer += piece
        if time.monotonic() > limit and len(buffer) < size:
            raise ProtocolError("a frame stopped halfway")
    return bytes(buffer)


def _receive(sock: socket.socket, size: int) -> bytes | None:
    """Receive up to `size` bytes; None when nothing came within the socket's timeout."""
    try:
        piece = sock.recv(size)
    except TimeoutError:
        return None
    except (OSError, ValueError) as error:
        raise ConnectionLost("the connection broke") from error
    if not piece:
        raise ConnectionLost("the other process closed the connection")
    return piece
