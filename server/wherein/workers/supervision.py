"""When a dead worker is started again: a budget and a back-off. Pure; in the hosting process."""

from __future__ import annotations

from collections import deque
from typing import Final

# vscode-languageclient gives up after 5 closes within 3 minutes; a worker gets the same.
BUDGET: Final = 5
WINDOW_S: Final = 180.0
FIRST_DELAY_S: Final = 0.2
LONGEST_DELAY_S: Final = 30.0


class RestartPolicy:
    """Counts the deaths of one worker within a sliding window."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque()

    def died(self, now: float) -> float | None:
        """Record a death; return the seconds to wait before the next start, None for no more."""
        self._deaths.append(now)
        while self._deaths and self._deaths[0] < now - WINDOW_S:
            self._deaths.popleft()
        if len(self._deaths) > BUDGET:
            return None
        return float(min(FIRST_DELAY_S * 2 ** (len(self._deaths) - 1), LONGEST_DELAY_S))
