"""Finding the file or chunk that kills a worker, so that it is left out and the rest goes on.

A worker writes down what it is at before each unit of work, into a small file that its death does
not take away. A unit that was in hand when a worker died is suspect: the next worker takes suspects
one by one. A unit that was alone in hand at a second death is guilty: it is not touched any more
until its content, and with that its key, is another. One that was survived is cleared.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

_MAX_NOTE: Final = 256 * 1024  # bytes; what does not fit cannot be suspected


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """One file or chunk: the hash of its content, and its name for people."""

    key: bytes
    name: str


class Care(msgspec.Struct, frozen=True):
    """What a worker is told when it starts: keys to take one by one, and keys to leave alone."""

    suspects: frozenset[bytes] = frozenset()
    guilty: frozenset[bytes] = frozenset()


class WorkNote:
    """The worker's side: what it is at. One at a time; `path` "" keeps no file.

    `survived` gets the keys of suspects that were worked on, and nothing happened.
    """

    def __init__(
        self,
        path: str = "",
        care: Care = Care(),  # noqa: B008 - it cannot change
        survived: Callable[[Sequence[bytes]], None] = lambda _keys: None,
    ) -> None:
        self.care = care
        self._survived = survived
        self._lock = threading.Lock()
        self._began: float | None = None
        self._fd = -1
        if path:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
            with contextlib.suppress(OSError):
                self._fd = os.open(path, flags, 0o600)

    @contextlib.contextmanager
    def at(self, units: Sequence[Unit]) -> Iterator[None]:
        """Say what is in hand, and at the end that it is no more."""
        with self._lock:
            self._began = time.monotonic()
        content = msgspec.msgpack.encode(units)
        self._write(content if len(content) <= _MAX_NOTE else b"")
        try:
            yield
        finally:
            with self._lock:
                self._began = None
            self._write(b"")
            suspects = [unit.key for unit in units if unit.key in self.care.suspects]
            if suspects:
                self._survived(suspects)

    def busy_s(self) -> float:
        """For how many seconds the same unit has been in hand."""
        with self._lock:
            return 0.0 if self._began is None else time.monotonic() - self._began

    def excuse(self) -> None:
        """This process was stopped for a while: the time does not count."""
        with self._lock:
            if self._began is not None:
                self._began = time.monotonic()

    def _write(self, content: bytes) -> None:
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, len(content).to_bytes(4, "big") + content)


def clear_note(path: str) -> None:
    """Forget what a worker had in hand: who dies next without a note of its own had none of it."""
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108 - may be no text


def read_note(path: str) -> list[Unit]:
    """Read what a worker that is dead had in hand."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - may be no text
            raw = file.read(_MAX_NOTE + 4)
        size = int.from_bytes(raw[:4], "big")
        return msgspec.msgpack.decode(raw[4 : 4 + size], type=list[Unit]) if size else []
    except (OSError, msgspec.MsgspecError):
        return []


class Casebook:
    """The host's side: who is suspect and who is guilty. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._suspects: set[bytes] = set()
        self._guilty: dict[bytes, str] = {}

    def died(self, units: Sequence[Unit]) -> Unit | None:
        """Note what was in hand at a death; returns the unit that is guilty now, if one is."""
        with self._lock:
            if len(units) == 1 and units[0].key in self._suspects:
                self._suspects.discard(units[0].key)
                self._guilty[units[0].key] = units[0].name
                return units[0]
            self._suspects |= {unit.key for unit in units} - self._guilty.keys()
        return None

    def survived(self, keys: Sequence[bytes]) -> None:
        """Clear suspects that a worker has lived through."""
        with self._lock:
            self._suspects -= set(keys)

    def care(self) -> Care:
        """Return what the next worker is told."""
        with self._lock:
            return Care(frozenset(self._suspects), frozenset(self._guilty))

    def names(self) -> list[str]:
        """Return the names of what is left out."""
        with self._lock:
            return sorted(set(self._guilty.values()))
