"""Syncs: the requests to bring an index up to the disk that wait for the file watcher.

Thread-safe; runs in the hosting process. They outlive a watcher: the next one is asked again, for
as long as somebody waits.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import itertools
import threading
import time
from collections.abc import Callable, Sequence

from wherein.errors import DeadlineExceeded, WhereinError, WorkerUnavailable
from wherein.ipc import control
from wherein.ipc.pending import Pending

Outcome = concurrent.futures.Future[int]


class Syncs:
    """Requests by number, each with the future of its commit number and when it is given up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[control.Sync, Outcome, float]] = {}

    def add(
        self, index: str, paths: Sequence[bytes], deadline_s: float, *, rebuild: bool
    ) -> tuple[control.Sync, Outcome]:
        """Make a request for the index of this id; its message is for the watcher."""
        until = time.monotonic() + deadline_s
        with self._lock:
            message = control.Sync(next(self._numbers), index, tuple(paths), rebuild)
            outcome: Outcome = concurrent.futures.Future()
            self._waiting[message.request] = message, outcome, until
        return message, outcome

    def waiting(self) -> list[control.Sync]:
        """Return the messages of all requests, for a watcher that has just started.

        What a joined window asked is forgotten here: its own time ran out in its own process.
        """
        with self._lock:
            now = time.monotonic()
            late = [number for number, (_, _, until) in self._waiting.items() if until <= now]
            left = [self._waiting.pop(number) for number in late]
            messages = [message for message, _, _ in self._waiting.values()]
        for _, outcome, _ in left:
            settle(outcome, DeadlineExceeded("The worker did not answer (sync) in time"))
        return messages

    def done(self, said: control.Synced) -> None:
        """Take the watcher's answer."""
        with self._lock:
            known = self._waiting.pop(said.request, None)
        if known is not None:
            settle(known[1], WorkerUnavailable(said.error) if said.error else said.commit)

    def forget(self, number: int) -> None:
        """Drop a request that nobody waits for."""
        with self._lock:
            self._waiting.pop(number, None)

    def take(self, index: str | None = None) -> list[tuple[control.Sync, Outcome]]:
        """Remove and return the requests for one index, or for all."""
        with self._lock:
            leaving = {
                number: request
                for number, request in self._waiting.items()
                if index in (None, request[0].root)
            }
            for number in leaving:
                del self._waiting[number]
        return [(message, outcome) for message, outcome, _ in leaving.values()]

    def hand_on(self, index: str, ask: Callable[..., Pending[int]], deadline_s: float) -> None:
        """Have the next owner of an index do what was asked of this one."""
        for message, outcome in self.take(index):
            asked = ask(message.paths, deadline_s, rebuild=message.rebuild)
            asked.future.add_done_callback(functools.partial(pass_on, outcome))


def settle(outcome: Outcome, answer: int | WhereinError) -> None:
    """Give a future its commit number or its error, unless it has one."""
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        if isinstance(answer, WhereinError):
            outcome.set_exception(answer)
        else:
            outcome.set_result(answer)


def pass_on(outcome: Outcome, done: Outcome) -> None:
    """Give one future what another one got."""
    if done.cancelled():
        outcome.cancel()
        return
    error = done.exception()
    if error is None or isinstance(error, WhereinError):
        settle(outcome, error or done.result())
    else:
        settle(outcome, WorkerUnavailable("The index could not be brought up to date"))
