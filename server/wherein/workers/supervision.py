"""When a dead worker is started again, and when a silent one is taken for dead.

Pure policies over a clock that the caller reads. Used in the hosting process.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Final

from wherein.workers.start import WorkerType

# vscode-languageclient gives up after 5 closes within 3 minutes; a worker gets the same.
BUDGET: Final = 5
WINDOW_S: Final = 180.0
FIRST_DELAY_S: Final = 0.2
LONGEST_DELAY_S: Final = 30.0
JITTER: Final = 0.25  # of the delay, either way: the workers of many servers do not start as one
# A worker that was given up is tried again: for the next request, but not for each, or after this.
ASKED_AGAIN_S: Final = 30.0
GIVEN_UP_S: Final = 300.0

TICK_S: Final = 1.0
# A worker beats once a second from a thread of its own; one that holds the GIL, or is stopped, is
# silent. A slow model may keep the GIL for one batch.
SILENCE_S: Final = {
    WorkerType.FILE_WATCHER: 10.0,
    WorkerType.VECTORIZATION: 60.0,
    WorkerType.DATABASE: 10.0,
}
# Until it is ready it imports, which takes long where many others want the processor too. A worker
# that was killed for it would be started again, and make it worse.
STARTING_S: Final = 60.0

# Resident bytes that a worker may use. A model of the hub has a table or layers of its own size;
# the database keeps every vector in memory.
MEMORY_BYTES: Final = {
    WorkerType.FILE_WATCHER: 1_500 << 20,
    WorkerType.VECTORIZATION: 3 << 30,
    WorkerType.DATABASE: 6 << 30,
}
PATIENCE: Final = 6.0
OVERLOAD: Final = 3.0  # programs that want to run, for each core
# And one that beats may be stuck with one file or batch, in native code that lets others run.
BUSY_S: Final = 60.0


class RestartPolicy:
    """Counts the deaths of one worker within a sliding window.

    `chance` gives numbers from 0 to 1, for the jitter.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._deaths: deque[float] = deque()
        self._chance = chance

    def died(self, now: float) -> float | None:
        """Record a death; return the seconds to wait before the next start, None for no more."""
        self._deaths.append(now)
        while self._deaths and self._deaths[0] < now - WINDOW_S:
            self._deaths.popleft()
        if len(self._deaths) > BUDGET:
            return None
        delay: float = min(FIRST_DELAY_S * 2 ** (len(self._deaths) - 1), LONGEST_DELAY_S)
        return delay * (1 - JITTER + 2 * JITTER * self._chance())


class Vigil:
    """Tells real silence from our own: a laptop that slept, or this process being stopped."""

    def __init__(self, now: float) -> None:
        self._last = now
        self._excused = now

    def tick(self, now: float) -> None:
        """Note the time, about every `TICK_S`; after a long gap all workers start afresh."""
        if now - self._last > 3 * TICK_S:
            self._excused = now
        self._last = now

    def silent(
        self,
        worker: WorkerType,
        heard: float,
        now: float,
        *,
        starting: bool = False,
        patience: float = 1.0,
    ) -> float | None:
        """Return for how many seconds a worker has been silent, None while that is no reason.

        `patience` makes the limit longer.
        """
        silence = now - max(heard, self._excused)
        limit = STARTING_S if starting else SILENCE_S[worker]
        return silence if silence > limit * patience else None


def patience(load: float, cores: int) -> float:
    """Return how many times longer than usual to wait for a sign of life.

    `load` is the average of the last minute. On a machine with many more programs to run than
    cores, a worker that gives way to them all may not get to say anything for long.
    """
    return PATIENCE if load > OVERLOAD * cores else 1.0
