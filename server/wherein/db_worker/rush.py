"""Whether files come in so fast that making vectors would slow the words. Database process only."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final

#: With more cores than this nobody is in the way of anybody. On two, words of a first index come
#: 15 % sooner when vectors wait (django and scipy: 460 -> 533 files a second).
CROWDED_CORES: Final = 2
WINDOW_S: Final = 0.5
#: Within the window; more than a person or a formatter saves.
MANY_FILES: Final = 25


def cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Rush:
    """Counts files as they are written. Safe in any thread for one writer."""

    def __init__(
        self, crowded: bool | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._crowded = cores() <= CROWDED_CORES if crowded is None else crowded
        self._clock = clock
        self._written: deque[tuple[float, int]] = deque()

    def came(self, files: int) -> None:
        """Say that so many files were written just now."""
        now = self._clock()
        self._written.append((now, files))
        while self._written[0][0] < now - WINDOW_S:
            self._written.popleft()

    def over_in(self) -> float:
        """Return the seconds until it may be over, 0 when there is none."""
        if not self._crowded:
            return 0.0
        recent = [(at, n) for at, n in list(self._written) if at > self._clock() - WINDOW_S]
        if sum(n for _, n in recent) < MANY_FILES:
            return 0.0
        return max(0.001, recent[-1][0] + WINDOW_S - self._clock())
