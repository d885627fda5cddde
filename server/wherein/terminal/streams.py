"""Where the command line writes: results to stdout as whole lines, everything else to stderr.

Colour only where a terminal shows it. A reader that goes away (`| head`) raises BrokenPipeError,
which `cli.main` ends quietly.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, TextIO


def open_missing() -> None:
    """Open /dev/null for standard streams that are closed: a socket must not get their number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def drop_stdout() -> None:
    """Throw away what stdout did not take, so that the interpreter does not complain at exit."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def write_json(value: object, *, flush: bool = False) -> None:
    """Write one value as one line of JSON in UTF-8, whatever the locale.

    A file name that is not text has lone surrogates (`os.fsdecode`); they become JSON escapes, so
    that the line stays valid and Python reads the same name back.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # `backslashreplace` writes \udcff, which is just how JSON escapes it inside a string.
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    if flush:
        sys.stdout.buffer.flush()


def write(line: str = "") -> None:
    """Write one line of text to stdout; what its encoding lacks is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.buffer.write(line.encode(encoding, "backslashreplace") + b"\n")


def say(line: str) -> None:
    """Write one line for the person to stderr; that nobody can read it is no failure."""
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the one place that does


def is_terminal(stream: TextIO) -> bool:
    """Say whether the stream is a terminal that moves its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM", "") != "dumb"
    except ValueError:
        return False


class Style:
    """Marks text for a terminal; leaves it as it is for a pipe, with NO_COLOR, or on request."""

    def __init__(self, stream: TextIO) -> None:
        self.active = is_terminal(stream) and not os.environ.get("NO_COLOR")

    def bold(self, text: str) -> str:
        """Make the text stand out."""
        return self._mark("1", text)

    def dim(self, text: str) -> str:
        """Make the text step back."""
        return self._mark("2", text)

    def place(self, text: str) -> str:
        """Colour a place in the code."""
        return self._mark("36", text)

    def alarm(self, text: str) -> str:
        """Colour what a person must act on."""
        return self._mark("31", text)

    def _mark(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.active and text else text


def printable(text: str) -> str:
    """Escape control characters and what is not text, so that code cannot steer a terminal."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def human_bytes(count: float) -> str:
    """Write a size for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def counted(number: int, noun: str) -> str:
    """Write a count with its noun: `1 file`, `1,204 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


Json = dict[str, Any]
