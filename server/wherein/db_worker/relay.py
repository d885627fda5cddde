"""Requests to the owner of the index, passed on: a process that joined speaks to this worker only.

What it asks goes up the control pipe to the owner, and the answer comes back the same way, so the
owner needs no socket of its own. Runs in the database process only.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from wherein.asking import OwnerSays
from wherein.errors import from_fault
from wherein.ipc import control
from wherein.ipc.service import Call
from wherein.workers.runtime import WorkerContext


class OwnerRelay:
    """The requests that wait for the owner. `send` sends up the control pipe."""

    def __init__(self, send: Callable[[control.Up], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Call] = {}

    def ask(self, call: Call) -> None:
        """Pass a request on; the owner's answer is its reply."""
        with self._lock:
            # What was cancelled, or whose client is gone, is not waited for.
            self._waiting = {n: c for n, c in self._waiting.items() if not c.cancelled}
            number = next(self._numbers)
            self._waiting[number] = call
        self._send(control.OwnerAsked(number, call.params))

    def listen(self, context: WorkerContext) -> None:
        """Give out the owner's answers until the worker is to stop."""
        while not context.stopping.is_set():
            message = context.inbox.get()
            if isinstance(message, control.OwnerSays):
                self.answered(message)

    def answered(self, message: control.OwnerSays) -> None:
        """Give the owner's answer to whoever asked."""
        with self._lock:
            call = self._waiting.pop(message.request, None)
        if call is None:
            return
        if message.fault is not None:
            call.fail(from_fault(message.fault))
        else:
            call.reply(OwnerSays(message.body))
