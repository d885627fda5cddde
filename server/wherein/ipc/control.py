"""Messages on the control pipe between the server process and one worker.

Up: ready, heartbeat, progress, state, need_database, synced, log tail, owner_asked, outdated. Down:
stop, pause, resume, sync, near, hint, database_at, owner_says. Each is one tagged msgpack struct in
one frame. `root` is an index's id, since a folder's path need not be text.
"""

from __future__ import annotations

import msgspec

from wherein.asking import AskOwner
from wherein.errors import Fault


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker serves now; `endpoint` is where, "" when it serves no socket."""

    endpoint: str


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """Sent each second: CPU seconds used so far, resident bytes, seconds at one unit of work."""

    cpu_s: float
    rss: int
    busy_s: float = 0.0


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far the watcher is with one folder. `phase`: `scanning`, `indexing`, `idle`."""

    root: str
    phase: str
    done: int
    total: int
    reconciled: bool  # a full reconcile has been finished since the worker started


class State(msgspec.Struct, frozen=True, tag="state"):
    """Something a person should know: name of a state of `status.py` and why; "" clears it."""

    name: str
    reason: str
    root: str = ""


class ModelReady(msgspec.Struct, frozen=True, tag="model_ready"):
    """The vectorization worker has loaded its model."""

    name: str
    fingerprint: str
    dim: int


class NeedDatabase(msgspec.Struct, frozen=True, tag="need_database"):
    """A worker wants the database worker of this index running."""

    request: int
    db_path: bytes


class DatabaseAt(msgspec.Struct, frozen=True, tag="database_at"):
    """The answer: an endpoint, or an error sentence."""

    request: int
    endpoint: str
    error: str


class Sync(msgspec.Struct, frozen=True, tag="sync"):
    """Reconcile a folder with the disk and drain; `rebuild` makes its index anew."""

    request: int
    root: str
    paths: tuple[bytes, ...] = ()  # looked at first
    rebuild: bool = False


class Synced(msgspec.Struct, frozen=True, tag="synced"):
    """The folder's disk state at the time of the request is committed as of `commit`."""

    request: int
    commit: int
    error: str


class Near(msgspec.Struct, frozen=True, tag="near"):
    """Files near the open editors: (root, relative path) pairs."""

    files: tuple[tuple[str, bytes], ...]


class Hint(msgspec.Struct, frozen=True, tag="hint"):
    """Files of a folder that may have changed, as an editor says; no paths: anything may have."""

    root: str
    paths: tuple[bytes, ...]


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Do no background work until `Resume`."""


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Go on after `Pause`."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Finish what is in hand and exit."""


class OwnerAsked(msgspec.Struct, frozen=True, tag="owner_asked"):
    """Another process, joined to this index, asks its owner for something."""

    request: int
    asked: AskOwner


class OwnerSays(msgspec.Struct, frozen=True, tag="owner_says"):
    """The answer to `OwnerAsked`: a fault, or the msgpack of what was asked for."""

    request: int
    fault: Fault | None
    body: bytes = b""


class Outdated(msgspec.Struct, frozen=True, tag="outdated"):
    """A newer wherein wants the index: its owner gives it up."""


class Survived(msgspec.Struct, frozen=True, tag="survived"):
    """These units of work, which were in hand when a worker died, are harmless."""

    keys: tuple[bytes, ...]


class LogTail(msgspec.Struct, frozen=True, tag="log_tail"):
    """The sentence that says why the worker is about to fail."""

    text: str


Up = (
    Ready
    | Heartbeat
    | Progress
    | State
    | ModelReady
    | NeedDatabase
    | Synced
    | LogTail
    | OwnerAsked
    | Survived
    | Outdated
)
Down = DatabaseAt | OwnerSays | Sync | Near | Hint | Pause | Resume | Stop
