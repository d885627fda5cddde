"""Somebody who comes to a worker without its token and says everything else right."""

from __future__ import annotations

import os
import secrets

import msgspec

from wherein.ipc import frames, handshake, transport


def impostor(endpoint: str, hello: handshake.Hello | None = None) -> handshake.Refused:
    """Greet so, believe whatever the worker proves, and return how it refuses."""
    hello = hello or handshake.Hello(
        handshake.PROTOCOL, handshake.__version__, os.getpid(), secrets.token_bytes(32),
        handshake.SCHEMA,
    )  # fmt: skip
    with frames.prepare(transport.connect(endpoint)) as sock:
        frames.write_frame(sock, msgspec.msgpack.encode(hello))
        msgspec.msgpack.decode(frames.read_frame(sock), type=handshake.Challenge)
        shown = handshake.Proof(secrets.token_bytes(32))
        frames.write_frame(sock, msgspec.msgpack.encode(shown))
        answer = frames.read_frame(sock)
    return msgspec.msgpack.decode(answer, type=handshake.Refused)
