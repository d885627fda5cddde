"""Logging for every process: to stderr, one line a record, never a person's text or code.

Queries and source text are not logged at info level or above, and absolute paths are cut short
there, whoever put them into an error; a relative path goes through `shown`, which keeps control
characters out of a terminal. Nobody waits for whoever
reads stderr, and what is said again and again is said once in a while.
"""

from __future__ import annotations

import logging
import os
import re
import time
from logging.handlers import QueueHandler, QueueListener
from queue import Queue
from typing import Final

_FORMAT: Final = "%(asctime)s wherein[%(process)d] %(levelname)s %(name)s: %(message)s"
_BEHIND: Final = 1_000  # records that may wait for a reader; more are dropped
_FLUSH_S: Final = 0.3  # how long the end of a process waits for a reader
_AGAIN_S: Final = 30.0
_REMEMBERED: Final = 1_000  # different messages
_DIRECTORIES: Final = re.compile(r"(?<![\w./\\])(?:[A-Za-z]:)?[\\/](?:[^\\/\s'\":]+[\\/])+")


class _Descriptor:
    """A stream that writes to a descriptor and keeps nothing back.

    sys.stderr has a lock that the interpreter takes at its end, when a thread may hang in a write.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, text: str) -> None:
        """Write a record, to its end; waits for the reader."""
        rest = text.encode("utf-8", "backslashreplace")
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def flush(self) -> None:
        """Nothing is held back."""


class _Behind(QueueHandler):
    """Hands records to a thread that may have to wait, and drops them when too many do."""

    def __init__(self, target: logging.Handler) -> None:
        self._records: Queue[logging.LogRecord] = Queue(_BEHIND)
        super().__init__(self._records)
        QueueListener(self._records, target).start()

    def flush(self) -> None:
        """Wait a moment for what was handed over."""
        until = time.monotonic() + _FLUSH_S
        while self._records.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)  # a queue can be joined, but not for a limited time


class Seldom(logging.Filter):
    """Lets the same message through once in 30 seconds, with how often it came meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is to be written."""
        if record.levelno <= logging.DEBUG:
            return True
        said = (record.name, record.getMessage())
        at, more = self._said.get(said, (record.created - 2 * _AGAIN_S, 0))
        if record.created - at < _AGAIN_S:
            self._said[said] = (at, more + 1)
            return False
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said[said] = (record.created, 0)
        if more:
            record.msg, record.args = f"{said[1]} (and {more:,} times more)", None
        return True


def set_up(level: str, *, kept: int | None = None, seen: int = 2) -> None:
    """Send this process's log to the descriptor `seen`; called again, only the level changes.

    A worker's log file, `kept`, gets each record before the next line of code runs: whatever ends
    the worker then takes none away. pygls logs whole message bodies at INFO: kept quiet.
    """
    root = logging.getLogger()
    root.setLevel(getattr(logging, level.upper(), logging.WARNING))
    if not any(isinstance(handler, _Behind) for handler in root.handlers):
        for handler in (_Behind(_writing(seen)), None if kept is None else _writing(kept)):
            if handler is not None:
                handler.addFilter(Seldom())
                root.addHandler(handler)
    for noisy in ("pygls", "watchdog", "fsevents", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Nobody reads a traceback about a log that cannot be written.
    logging.raiseExceptions = False


def _writing(fd: int) -> logging.Handler:
    handler = logging.StreamHandler(_Descriptor(fd))
    handler.setFormatter(_Placeless(_FORMAT))
    return handler


class _Placeless(logging.Formatter):
    """Writes records; above debug, without directories: errors carry paths, tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the text of a record."""
        text = super().format(record)
        return text if record.levelno <= logging.DEBUG else without_places(text)


def without_places(text: str) -> str:
    """Shorten absolute paths to their last part: where things lie is nobody's business."""
    return _DIRECTORIES.sub("", text)


def shown(path: bytes) -> str:
    """A path for people: undecodable bytes and control characters escaped."""
    text = os.fsdecode(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
