"""The first exchange on every local connection: who speaks, which version, and the shared token.

Client: Hello. Server: Welcome, or Refused and the end. Both sides wait 2 seconds at most.
"""

from __future__ import annotations

import hmac
import os
import re
import socket
import struct
import sys
import time
from typing import Final

import msgspec

from wherein import __version__
from wherein.errors import UNREADABLE, ConnectionLost, IndexBusy, ProtocolError, WorkerUnavailable
from wherein.ipc.frames import read_frame, write_frame

PROTOCOL: Final = 1
#: The layout of a stored index: SQLite's user_version. Raise it when a table, a column, how files
#: are cut, or what the tokeniser puts into `words` changes: old indexes are then rebuilt, with
#: nothing asked.
SCHEMA: Final = 5
HANDSHAKE_S: Final = 2.0
HELLO_BYTES: Final = 4096  # nobody has shown the token yet: nothing of his is kept
_STARTED: Final = time.time()


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """What a client says first. `token` is the 32 bytes of the index's token file."""

    protocol: int
    build: str
    pid: int
    token: bytes
    schema: int = 0
    started: float = 0.0  # unix time at which the process began to speak


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """What a server answers to a client that it will serve."""

    protocol: int
    build: str
    pid: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """What a server answers before it hangs up; `newer` when it is of a newer version."""

    reason: str
    newer: bool = False


class Newcomer(ProtocolError):
    """A client of a newer version came: this side is outdated."""


_encode = msgspec.msgpack.Encoder().encode
_hello = msgspec.msgpack.Decoder(Hello).decode
_answer = msgspec.msgpack.Decoder(Welcome | Refused).decode


def greet(sock: socket.socket, token: bytes) -> Welcome:
    """Do the client's side.

    Raises IndexBusy when the server is of a newer version, WorkerUnavailable when it refuses for
    another reason: an older one retires.
    """
    hello = Hello(PROTOCOL, __version__, os.getpid(), token, SCHEMA, _STARTED)
    write_frame(sock, _encode(hello))
    try:
        answer: Welcome | Refused = _answer(
            read_frame(sock, time.monotonic() + HANDSHAKE_S, HELLO_BYTES)
        )
    except UNREADABLE as error:
        raise ProtocolError("the other side is not a wherein process") from error
    if isinstance(answer, Refused) and answer.newer:
        raise IndexBusy(
            f"The index of this folder is in use by a newer wherein: {answer.reason}. "
            "Restart this editor's language server, or update wherein"
        )
    if isinstance(answer, Refused):
        raise WorkerUnavailable(f"The worker refused the connection: {answer.reason}")
    return answer


def receive(sock: socket.socket, token: bytes) -> Hello:
    """Do the server's side. Raises ProtocolError when the client may not come in, Newcomer when
    it is of a newer version.
    """
    if not same_user(sock):
        raise ProtocolError("another user's process tried to connect")
    try:
        hello = _hello(read_frame(sock, time.monotonic() + HANDSHAKE_S, HELLO_BYTES))
    except UNREADABLE as error:
        raise ProtocolError("the other side is not a wherein process") from error
    version = _order(hello.protocol, hello.schema, hello.build)
    ours = _order(PROTOCOL, SCHEMA, __version__)
    reason = ""
    if not hmac.compare_digest(hello.token, token):
        reason = "the token is wrong"
    elif version != ours:
        reason = f"this worker is of version {__version__}, you are of {hello.build}"
    if reason:
        known = reason != "the token is wrong"
        write_frame(sock, _encode(Refused(reason, known and ours > version)))
        raise (Newcomer if known and version > ours else ProtocolError)(reason)
    write_frame(sock, _encode(Welcome(PROTOCOL, __version__, os.getpid())))
    return hello


def _order(protocol: int, schema: int, build: str) -> tuple[int, int, tuple[int, ...], str]:
    """Make versions comparable: two that are not equal are an older and a newer one."""
    numbers = tuple(int(digits[:9]) for digits in re.findall(r"[0-9]+", build[:100]))
    return protocol, schema, numbers, build


def same_user(sock: socket.socket) -> bool:
    """Ask the kernel whose process is at the other end; True where it cannot say (loopback TCP)."""
    if sock.family != getattr(socket, "AF_UNIX", None):
        return True
    if sys.platform == "linux":
        try:
            raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError as error:  # we hung up meanwhile, because the worker is to stop
            raise ConnectionLost("the connection was closed") from error
        _, uid, _ = struct.unpack("3i", raw)
        return bool(uid == os.geteuid())
    return True  # the 0700 directory guards the socket there
