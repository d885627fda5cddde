"""Waiting for something to become true, with a deadline instead of a hopeful sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_STALL_S = 5.0  # a look that takes longer: the machine stood still, and nothing could happen
_AT_MOST_S = 60.0


def until(probe: Callable[[], T], timeout: float = 45.0, what: str = "") -> T:
    """Call `probe` until it returns something true, and return that; fail after `timeout` s.

    Looks that took long do not count, up to a minute of them.
    """
    looked = time.monotonic()
    end, stalled = looked + timeout, 0.0
    while True:
        found = probe()
        if found:
            return found
        before, looked = looked, time.monotonic()
        if looked - before > _STALL_S:
            stalled += looked - before
        if looked > end + min(stalled, _AT_MOST_S):
            raise AssertionError(f"not within {timeout} s: {what or probe}")
        time.sleep(0.02)
