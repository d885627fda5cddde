"""How long the stages of a request took. Database process only."""

from __future__ import annotations

import time


class Clock:
    """Microseconds of each stage of one request."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self._start = self._last = time.perf_counter_ns()

    def stage(self, name: str) -> None:
        """Note that a stage has ended."""
        now = time.perf_counter_ns()
        self.times[name] = self.times.get(name, 0) + (now - self._last) // 1_000
        self._last = now

    def beside(self, name: str, other: Clock) -> None:
        """Note that a stage has ended in which another thread's were waited for, and take those."""
        self.stage(name)
        self.times |= other.times

    def total(self) -> dict[str, int]:
        """Return all times, the whole with them."""
        self.times["total"] = (time.perf_counter_ns() - self._start) // 1_000
        return self.times
