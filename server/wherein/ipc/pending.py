"""An answer that is on its way: await it in the server, or wait for it in a worker."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from wherein.errors import DeadlineExceeded

T = TypeVar("T")
R = TypeVar("R")


class Pending(Generic[T]):
    """One answer with its deadline.

    `future` is resolved by the connection's reader thread; `give_up` tells the other process that
    the answer is not wanted any more, and is called when a waiter times out or is cancelled.
    """

    def __init__(
        self,
        future: concurrent.futures.Future[T],
        what: str,
        deadline_s: float,
        give_up: Callable[[], None],
    ) -> None:
        self.future = future
        self._what = what
        self._until = time.monotonic() + deadline_s
        self._give_up = give_up

    def result(self, timeout: float | None = None) -> T:
        """Block until the answer is there; raises its error, or DeadlineExceeded."""
        left = max(0.0, self._until - time.monotonic())
        try:
            return self.future.result(left if timeout is None else min(timeout, left))
        except concurrent.futures.TimeoutError:
            self._give_up()
            raise self._late() from None

    def then(self, convert: Callable[[T], R]) -> Pending[R]:
        """Return the same answer in another form; `convert` may raise a WhereinError."""
        outcome: concurrent.futures.Future[R] = concurrent.futures.Future()

        def done(future: concurrent.futures.Future[T]) -> None:
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                if future.cancelled():
                    outcome.cancel()
                    return
                try:
                    outcome.set_result(convert(future.result()))
                except Exception as error:  # noqa: BLE001 - handed to whoever waits
                    outcome.set_exception(error)

        self.future.add_done_callback(done)
        left = self._until - time.monotonic()
        return Pending(outcome, self._what, left, self._give_up)

    def __await__(self) -> Generator[object, None, T]:
        return self._wait().__await__()

    async def _wait(self) -> T:
        import asyncio  # only the server awaits; a worker starts 12 ms sooner without it

        left = max(0.0, self._until - time.monotonic())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self.future), left)
        except (asyncio.TimeoutError, concurrent.futures.TimeoutError):
            self._give_up()
            raise self._late() from None
        except asyncio.CancelledError:
            self._give_up()
            raise

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"The worker did not answer ({self._what}) in time")
