"""The envelopes that requests and replies travel in, and the codec for them."""

from __future__ import annotations

import msgspec

from wherein.errors import Fault


class Request(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """One request; `body` is the msgpack of the operation's parameters."""

    id: int
    operation: str
    body: msgspec.Raw


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The asker does not want the answer any more."""

    id: int


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The answer to a request: a fault, or the msgpack of the operation's result."""

    id: int
    fault: Fault | None
    body: msgspec.Raw


encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request | Cancel).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
