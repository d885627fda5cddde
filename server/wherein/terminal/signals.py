"""How the command line ends when it is asked to: Ctrl-C, SIGTERM, a closed terminal. Main thread.

A signal becomes an exception in the main thread, so that `finally` stops the workers and gives the
index up. Nothing that was committed is lost by that.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

INTERRUPTED = 130


class Ended(BaseException):
    """A signal told this process to end; `exit_code` is what a shell expects after it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class _Held:
    """Whether the asked-for end has to wait, and whether one was asked for."""

    active = False
    number: int | None = None


def _end(number: int, _frame: FrameType | None) -> None:
    if _Held.active:
        _Held.number = number
        return
    raise Ended(number)


def install() -> None:
    """Turn the signals that end a process into `Ended`."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # nohup and background jobs of a script ignore them on purpose: leave that as it is.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def ignore() -> None:
    """From now on nothing interrupts: the workers are being stopped, which takes about a second."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let no signal in between starting processes and knowing of them.

    Processes and threads that are started meanwhile never see the terminal's Ctrl-C: they inherit
    the blocked SIGINT, and are stopped in order by this process instead.
    """
    masked = hasattr(signal, "pthread_sigmask")
    if masked:
        # multiprocessing starts it with its first process, and lets SIGINT through after that.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    _Held.active = True
    try:
        yield
    finally:
        _Held.active = False
        number, _Held.number = _Held.number, None
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if number is not None:
            raise Ended(number)
