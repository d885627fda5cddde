"""When to look at the disk without being asked: policies over clocks that the caller reads.

Runs in the file-watcher worker.
"""

from __future__ import annotations

from typing import Final

PERIOD_S: Final = 300.0  # the disk is the truth: look again without being asked
LONGEST_PERIOD_S: Final = 1_800.0  # where looking has found nothing again and again
POLL_S: Final = 30.0  # the same, when events cannot be relied on
WATCH_AGAIN_S: Final = 300.0  # how often watching is tried again meanwhile
RETRY_S: Final = 1.0  # after the database was not there, or could not write
LONGEST_RETRY_S: Final = 30.0
#: The clocks may drift apart so much between two looks; more is a sleep, or a clock that was set.
_DRIFT_S: Final = 5.0


class Rhythm:
    """The pauses between looks at one folder, in seconds."""

    def __init__(self) -> None:
        self._period = PERIOD_S
        self._retry = RETRY_S

    def after_look(self, *, found: bool, polling: bool) -> float:
        """Return the pause after a reconcile; `found`: it had something to do."""
        self._retry = RETRY_S
        self._period = PERIOD_S if found else min(self._period * 2, LONGEST_PERIOD_S)
        return POLL_S if polling else self._period

    def after_failure(self) -> float:
        """Return the pause after the database could not be written to."""
        pause, self._retry = self._retry, min(self._retry * 2, LONGEST_RETRY_S)
        return pause


class Sleep:
    """Tells that the machine slept, that this process was stopped, or that a clock was set.

    Then events may be missing, and times of change may lie in the future or in the past.
    """

    def __init__(self, monotonic: float, wall: float) -> None:
        self._monotonic = monotonic
        self._ahead = wall - monotonic  # one clock stands still while the machine sleeps

    def happened(self, monotonic: float, wall: float, expected: float) -> bool:
        """Say whether one happened since the last call, which was to be `expected` seconds ago."""
        gap, self._monotonic = monotonic - self._monotonic, monotonic
        ahead = wall - monotonic
        jump, self._ahead = abs(ahead - self._ahead), ahead
        return jump > _DRIFT_S or gap > expected + 2 * _DRIFT_S
