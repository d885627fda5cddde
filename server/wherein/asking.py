"""What a process that joined an index and the one that owns it say to each other: plain values."""

from __future__ import annotations

from typing import Literal

import msgspec


class AskOwner(msgspec.Struct, frozen=True, array_like=True):
    """What a process that joined an index asks of the one that owns it.

    `what` is `sync` (of `paths` first, all anew with `rebuild`; the answer, which is waited for
    `wait_s` seconds, is a commit number), `facts` (a `status.Facts`), `workers` (a list of
    `WorkerStatus`), `hint` (`paths` may have changed), `near` (`paths` are open in the editor of
    the process `asker`), `pause`, `resume`, or `retire`, which a brief owner follows and gives the
    index up.
    """

    what: Literal["sync", "facts", "workers", "hint", "near", "pause", "resume", "retire"]
    paths: tuple[bytes, ...] = ()
    rebuild: bool = False
    asker: int = 0
    wait_s: float = 0.0


class OwnerSays(msgspec.Struct, frozen=True, array_like=True):
    """The owner's answer, as the msgpack of what was asked for."""

    body: bytes
