"""A few requests at a time, some that wait, and the oldest of those refused when there are more."""

from __future__ import annotations

import asyncio

import pytest

from wherein.errors import TooManyRequests
from wherein.lsp.crowd import RUNNING, WAITING, Crowd


class Work:
    """Requests that stay in their turn until they are let go."""

    def __init__(self) -> None:
        self.crowd = Crowd()
        self.began: list[int] = []
        self.go_on = asyncio.Event()

    async def one(self, number: int) -> int:
        """Take a turn and stay in it."""
        async with self.crowd.turn():
            self.began.append(number)
            await self.go_on.wait()
        return number

    async def start(self, count: int) -> list[asyncio.Task[int]]:
        """Start requests in order, and let them come as far as they can."""
        tasks = [asyncio.create_task(self.one(number)) for number in range(count)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return tasks


async def test_the_newest_are_kept() -> None:
    work = Work()
    count = RUNNING + WAITING + 5
    tasks = await work.start(count)
    assert work.began == list(range(RUNNING))
    refused = tasks[RUNNING : RUNNING + 5]  # those that had waited longest
    for task in refused:
        with pytest.raises(TooManyRequests):
            await task
    work.go_on.set()
    done = await asyncio.gather(*(task for task in tasks if task not in refused))
    assert len(done) == count - 5
    assert work.began == done


async def test_turns_that_are_cancelled_are_free_again() -> None:
    work = Work()
    tasks = await work.start(RUNNING + 3)
    tasks[0].cancel()  # in its turn: the next one gets it
    tasks[RUNNING + 1].cancel()  # waiting: it is passed over
    await asyncio.wait([tasks[0], tasks[RUNNING + 1]])
    await asyncio.sleep(0)
    assert work.began == [*range(RUNNING), RUNNING]
    work.go_on.set()
    await asyncio.wait(tasks)
    again = Work()
    again.crowd = work.crowd
    tasks = await again.start(RUNNING)
    assert len(again.began) == RUNNING  # no turn was lost
    again.go_on.set()
    await asyncio.wait(tasks)


async def test_a_turn_that_comes_with_the_cancel_is_passed_on() -> None:
    work = Work()
    tasks = await work.start(RUNNING + 2)
    work.go_on.set()
    tasks[0].cancel()
    await asyncio.wait([tasks[0]])
    tasks[RUNNING].cancel()  # it was given the turn a moment ago
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[RUNNING + 1] == RUNNING + 1
    assert work.crowd._running == 0
