"""Logging for every process: to stderr, one line a record, never a person's text or code.

Queries, source text and absolute paths are not logged at info level or above; a relative path
goes through `shown`, which keeps control characters out of a terminal.
"""

from __future__ import annotations

import logging
import os
import sys

_FORMAT = "%(asctime)s wherein[%(process)d] %(levelname)s %(name)s: %(message)s"


def set_up(level: str) -> None:
    """Send this process's log to stderr. pygls logs whole message bodies at INFO: kept quiet."""
    logging.basicConfig(
        level=getattr(logging, level.upper(), logging.WARNING),
        format=_FORMAT,
        stream=sys.stderr,
        force=True,
    )
    for noisy in ("pygls", "watchdog", "fsevents", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A client that does not read our stderr must not stop us, nor flood it with tracebacks.
    logging.raiseExceptions = False


def shown(path: bytes) -> str:
    """A path for people: undecodable bytes and control characters escaped."""
    text = os.fsdecode(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
