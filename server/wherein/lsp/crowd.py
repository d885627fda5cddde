"""How many requests of one kind are worked on at a time. Runs in the server process, on its loop.

A client may ask faster than an index can answer: a search for each key that is typed. A few
requests are with the databases, some wait for their turn, and when too many wait, the one that has
waited longest is refused: its answer is the one that nobody looks at any more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from wherein.errors import TooManyRequests

RUNNING: Final = 8
WAITING: Final = 64


class Crowd:
    """The requests of one kind. Used on one loop only."""

    def __init__(self) -> None:
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and have it. Raises TooManyRequests when 64 newer ones wait."""
        if self._running < RUNNING:
            self._running += 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self._leave()

    async def _wait(self) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if len(self._waiting) > WAITING:
            self._waiting.popleft().set_exception(
                TooManyRequests("More requests came than can be answered; this one was the oldest")
            )
        try:
            await mine
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
            elif not mine.cancelled() and mine.exception() is None:
                self._leave()  # the turn came at the same moment
            raise

    def _leave(self) -> None:
        """Give the turn to the one that has waited longest, or back."""
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():
                next_one.set_result(None)
                return
        self._running -= 1
