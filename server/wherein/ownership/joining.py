"""Living with an index that another process owns: finding its workers, and the next election.

Used in hosting processes only. The lock decides who owns; what is read here is information.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final

from wherein.errors import WorkerUnavailable
from wherein.ownership.lock import read_owner
from wherein.paths import IndexPaths

JITTER_S: Final = 0.3  # those who lost the same owner do not all try at once
HASTE_S: Final = 3.0  # so long after a loss the lock is tried again and again
CALM_S: Final = 1.0  # and each second at other times: an owner may go without a sound
#: An election takes a fraction of a second, and a new database worker about one.
PATIENCE_S: Final = 6.0
BRIEF_S: Final = 5.0  # a command line that owns for longer hands over to an editor
_LOOK_S: Final = 0.05


class Pace:
    """When to try for the lock next. `chance` gives numbers from 0 to 1."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._hasty_until = 0.0

    def lost(self, now: float) -> None:
        """Note that a connection to an owner broke."""
        self._hasty_until = now + HASTE_S

    def pause(self, now: float) -> float:
        """Return for how many seconds to wait."""
        spread = JITTER_S * self._chance()
        return spread if now < self._hasty_until else CALM_S + spread


def find_owner(
    paths: IndexPaths,
    answers: Callable[[str], bool],
    ours: Callable[[], bool],
    closed: threading.Event,
) -> str:
    """Return where the owner's database worker listens, "" when the index has become ours.

    Waits while the index changes hands. `answers` tries an endpoint. Raises WorkerUnavailable after
    `PATIENCE_S`, naming the owner.
    """
    until = time.monotonic() + PATIENCE_S
    while not ours():
        owner = read_owner(paths)
        if owner is not None and owner.database and answers(owner.database):
            return owner.database
        if time.monotonic() > until:
            who = f"process {owner.pid}" if owner is not None else "another process"
            raise WorkerUnavailable(f"The index of this folder is kept by {who}: no answer from it")
        if closed.wait(_LOOK_S):
            raise WorkerUnavailable("The server is shutting down")
    return ""
