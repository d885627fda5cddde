"""The first exchange on every local connection: who speaks, which version, and the shared token.

Client: Hello. Server: Welcome, or Refused and the end. Both sides wait 2 seconds at most.
"""

from __future__ import annotations

import hmac
import os
import socket
import struct
import sys
import time
from typing import Final

import msgspec

from wherein import __version__
from wherein.errors import ProtocolError, WorkerUnavailable
from wherein.ipc.frames import read_frame, write_frame

PROTOCOL: Final = 1
HANDSHAKE_S: Final = 2.0


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """What a client says first. `token` is the 32 bytes of the index's token file."""

    protocol: int
    build: str
    pid: int
    token: bytes


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """What a server answers to a client that it will serve."""

    protocol: int
    build: str
    pid: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """What a server answers before it hangs up."""

    reason: str


_encode = msgspec.msgpack.Encoder().encode
_hello = msgspec.msgpack.Decoder(Hello).decode
_answer = msgspec.msgpack.Decoder(Welcome | Refused).decode


def greet(sock: socket.socket, token: bytes) -> Welcome:
    """Do the client's side. Raises WorkerUnavailable when the server refuses."""
    write_frame(sock, _encode(Hello(PROTOCOL, __version__, os.getpid(), token)))
    try:
        answer: Welcome | Refused = _answer(read_frame(sock, time.monotonic() + HANDSHAKE_S))
    except msgspec.MsgspecError as error:
        raise ProtocolError("the other side is not a wherein process") from error
    if isinstance(answer, Refused):
        raise WorkerUnavailable(f"The worker refused the connection: {answer.reason}")
    return answer


def receive(sock: socket.socket, token: bytes) -> Hello:
    """Do the server's side. Raises ProtocolError when the client may not come in."""
    if not same_user(sock):
        raise ProtocolError("another user's process tried to connect")
    try:
        hello = _hello(read_frame(sock, time.monotonic() + HANDSHAKE_S))
    except msgspec.MsgspecError as error:
        raise ProtocolError("the other side is not a wherein process") from error
    reason = ""
    if not hmac.compare_digest(hello.token, token):
        reason = "the token is wrong"
    elif hello.protocol != PROTOCOL or hello.build != __version__:
        reason = f"this worker is of version {__version__}, you are of {hello.build}"
    if reason:
        write_frame(sock, _encode(Refused(reason)))
        raise ProtocolError(reason)
    write_frame(sock, _encode(Welcome(PROTOCOL, __version__, os.getpid())))
    return hello


def same_user(sock: socket.socket) -> bool:
    """Ask the kernel whose process is at the other end; True where it cannot say (loopback TCP)."""
    if sock.family != getattr(socket, "AF_UNIX", None):
        return True
    if sys.platform == "linux":
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", raw)
        return bool(uid == os.geteuid())
    return True  # the 0700 directory guards the socket there
