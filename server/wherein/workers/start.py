"""What a worker is told when it starts: plain data that multiprocessing pickles into the child.

The token goes this way, through the spawn pipe, and never through argv or the environment.
"""

from __future__ import annotations

import enum

import msgspec

from wherein.paths import IndexPaths
from wherein.settings import Settings
from wherein.workers.quarantine import Care


class WorkerType(str, enum.Enum):
    """The kinds of worker process, in the order in which they are stopped."""

    FILE_WATCHER = "file_watcher"
    VECTORIZATION = "vectorization"
    DATABASE = "database"


class WatchMode(str, enum.Enum):
    """How long the file watcher stays: for an editor, or for one command line call."""

    FOLLOW = "follow"
    ONCE = "once"


class WorkerStart(msgspec.Struct, frozen=True):
    """The arguments of one worker. `indexes` are those it works for; a database worker has one."""

    type: WorkerType
    indexes: tuple[IndexPaths, ...]
    token: bytes
    settings: Settings
    mode: WatchMode = WatchMode.FOLLOW
    note: str = ""  # path of the file in which the worker says what it is at
    care: Care = Care()
