"""The first exchange on every local connection: which version, and that both sides know the token.

Client: Hello. Server: Challenge. Client: Proof. Server: Welcome, or Refused and the end. The token
is never sent: each side proves that it has it by an HMAC over the numbers of both, the server
first. So whoever came to listen in the place of a dead worker learns nothing and is believed
nothing. Both sides wait 2 seconds at most.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import socket
import struct
import sys
import time
from typing import Final, TypeVar

import msgspec

from wherein import __version__
from wherein.errors import UNREADABLE, ConnectionLost, IndexBusy, ProtocolError, WorkerUnavailable
from wherein.ipc.frames import read_frame, write_frame

PROTOCOL: Final = 1
#: The layout of a stored index: SQLite's user_version. Raise it when a table, a column, how files
#: are cut, or what the tokeniser puts into `words` changes: old indexes are then rebuilt, with
#: nothing asked.
SCHEMA: Final = 8
HANDSHAKE_S: Final = 2.0
HELLO_BYTES: Final = 4096  # nobody has shown the token yet: nothing of his is kept
_NONCE_BYTES: Final = 32
_STARTED: Final = time.time()


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """What a client says first. `nonce` is 32 random bytes that it has never used before."""

    protocol: int
    build: str
    pid: int
    nonce: bytes
    schema: int = 0
    started: float = 0.0  # unix time at which the process began to speak


class Challenge(msgspec.Struct, frozen=True, tag="challenge"):
    """What a server answers: 32 random bytes of its own, and the proof that it has the token."""

    nonce: bytes
    proof: bytes


class Proof(msgspec.Struct, frozen=True, tag="proof"):
    """The proof that the client has the token."""

    proof: bytes


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


_T = TypeVar("_T")
_encode = msgspec.msgpack.Encoder().encode
_HELLO: Final = msgspec.msgpack.Decoder(Hello)
_CHALLENGE: Final = msgspec.msgpack.Decoder(Challenge)
_PROOF: Final = msgspec.msgpack.Decoder(Proof)
_ANSWER: Final[msgspec.msgpack.Decoder[Welcome | Refused]] = msgspec.msgpack.Decoder(
    Welcome | Refused
)


def proof(token: bytes, side: str, hello: Hello, nonce: bytes) -> bytes:
    """Return what only a holder of the token can say: `side` is "server" or "client"."""
    return hmac.digest(token, b"%s\0%b\0%b" % (side.encode(), hello.nonce, nonce), "sha256")


def greet(sock: socket.socket, token: bytes) -> Welcome:
    """Do the client's side.

    Raises IndexBusy when the server is of a newer version, WorkerUnavailable when it refuses for
    another reason, as an older one does that retires, or does not know the token.
    """
    end = time.monotonic() + HANDSHAKE_S
    nonce = secrets.token_bytes(_NONCE_BYTES)
    hello = Hello(PROTOCOL, __version__, os.getpid(), nonce, SCHEMA, _STARTED)
    write_frame(sock, _encode(hello))
    challenge = _read(sock, end, _CHALLENGE)
    if not hmac.compare_digest(challenge.proof, proof(token, "server", hello, challenge.nonce)):
        raise WorkerUnavailable("What answers in the worker's place does not know its token")
    write_frame(sock, _encode(Proof(proof(token, "client", hello, challenge.nonce))))
    answer = _read(sock, end, _ANSWER)
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
    end = time.monotonic() + HANDSHAKE_S
    hello = _read(sock, end, _HELLO)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    write_frame(sock, _encode(Challenge(nonce, proof(token, "server", hello, nonce))))
    shown = _read(sock, end, _PROOF).proof
    version = _order(hello.protocol, hello.schema, hello.build)
    ours = _order(PROTOCOL, SCHEMA, __version__)
    reason = ""
    if not hmac.compare_digest(shown, proof(token, "client", hello, nonce)):
        reason = "the token is wrong"
    elif version != ours:
        reason = f"this worker is of version {__version__}, you are of {hello.build}"
    if reason:
        known = reason != "the token is wrong"
        write_frame(sock, _encode(Refused(reason, known and ours > version)))
        raise (Newcomer if known and version > ours else ProtocolError)(reason)
    write_frame(sock, _encode(Welcome(PROTOCOL, __version__, os.getpid())))
    return hello


def _read(sock: socket.socket, end: float, decoder: msgspec.msgpack.Decoder[_T]) -> _T:
    try:
        return decoder.decode(read_frame(sock, end, HELLO_BYTES))
    except UNREADABLE as error:
        raise ProtocolError("the other side is not a wherein process") from error


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
