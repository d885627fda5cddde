"""Frames on a stream socket: four bytes of length, big endian, then that many bytes of msgpack.

Every wait has a deadline. A socket given to this module has a timeout of `POLL_S`: a read that is
idle between two frames goes on waiting as long as the caller wants, a frame that has begun must be
complete within `FRAME_S`, or by the caller's deadline, and a peer that does not read makes a write
fail instead of hanging.
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


def read_frame(sock: socket.socket, deadline: float | None = None, most: int = MAX_FRAME) -> bytes:
    """Receive one frame of at most `most` bytes.

    `deadline` is a time.monotonic() value for the whole frame; None waits for ever for it to begin.
    Raises ConnectionLost at the end of the stream, DeadlineExceeded, and ProtocolError for a frame
    that is too long or stops halfway.
    """
    first = _first_byte(sock, deadline)
    limit = time.monotonic() + FRAME_S if deadline is None else deadline
    hurry = deadline is not None
    (length,) = _HEADER.unpack(first + _rest(sock, _HEADER.size - 1, limit, hurry=hurry))
    if length > most:
        raise ProtocolError(f"a frame says it has {length} bytes; {most} are allowed")
    return _rest(sock, length, limit, hurry=hurry)


def _first_byte(sock: socket.socket, deadline: float | None) -> bytes:
    while True:
        left = POLL_S if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded("nothing arrived in time")
        piece = _receive(sock, 1) if deadline is None else _receive_within(sock, 1, left)
        if piece is not None:
            return piece


def _rest(sock: socket.socket, size: int, limit: float, *, hurry: bool) -> bytes:
    """Read exactly `size` bytes; memory grows with what arrives, not with what was announced.

    In a `hurry` it ends when the limit does, else with the socket's next timeout.
    """
    buffer = bytearray()
    while len(buffer) < size:
        left = max(0.001, limit - time.monotonic())
        step = min(size - len(buffer), _STEP)
        piece = _receive_within(sock, step, left) if hurry else _receive(sock, step)
        if piece is not None:
            buffer += piece
        if time.monotonic() > limit and len(buffer) < size:
            raise ProtocolError("a frame stopped halfway")
    return bytes(buffer)


def _receive_within(sock: socket.socket, size: int, seconds: float) -> bytes | None:
    """Receive as `_receive` does, for so long at most. Nobody else may use the socket meanwhile."""
    try:
        sock.settimeout(min(seconds, POLL_S))
        piece = _receive(sock, size)
        prepare(sock)
    except OSError as error:  # another thread has closed it
        raise ConnectionLost("the connection broke") from error
    return piece


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
