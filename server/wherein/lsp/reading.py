"""Reading the editor's messages: frames out of a stream of bytes. Runs in the server process.

What pygls' own reader leaves open and this closes: a header in lower case or with a bare line feed,
a length that never ends, or a body that stops halfway made it wait for ever and say nothing. Here a
stream that cannot be understood ends the conversation, so that the editor starts a new server.

One thread reads and parses, the loop handles. The thread is a few messages ahead and then waits, so
a client that floods us is held up by its own pipe and not by our memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO, Final

MAX_HEADER: Final = 8 << 10  # bytes, all header lines of one message
MAX_BODY: Final = 64 << 20
FRAME_S: Final = 30.0  # a message that has begun must be complete by then
READ_BYTES: Final = 1 << 16
AHEAD_MESSAGES: Final = 64
AHEAD_BYTES: Final = 1 << 18  # of bodies; parsed, JSON takes some twenty times as much
_TICK_S: Final = 1.0
_DIGITS: Final = re.compile(rb"[0-9]{1,18}\Z")


class BrokenStream(Exception):
    """The bytes are no messages, and nobody can say where the next one would begin."""


class Frames:
    """Takes bytes as they come and gives the bodies of whole messages.

    Header names are read in any case and lines may end with a bare line feed; other headers are
    passed over. Raises BrokenStream for anything else than one sound Content-Length.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._length: int | None = None  # of the body that is being read; None within the header

    @property
    def within(self) -> bool:
        """True when a message has begun and is not complete."""
        return bool(self._data) or self._length is not None

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes; return the bodies that are complete now."""
        self._data += data
        bodies = []
        while (body := self._next()) is not None:
            bodies.append(body)
        return bodies

    def _next(self) -> bytes | None:
        if self._length is None:
            header = self._header()
            if header is None:
                return None
            self._length = _length_of(header)
        if len(self._data) < self._length:
            return None
        body = bytes(self._data[: self._length])
        del self._data[: self._length]
        self._length = None
        return body

    def _header(self) -> bytes | None:
        """Take the header off the front, if it is complete: up to an empty line."""
        end = re.search(rb"\r?\n\r?\n", self._data[: MAX_HEADER + 4])
        if end is None:
            if len(self._data) > MAX_HEADER:
                raise BrokenStream(f"a header is longer than {MAX_HEADER} bytes")
            return None
        header = bytes(self._data[: end.start()])
        del self._data[: end.end()]
        return header


def _length_of(header: bytes) -> int:
    found = []
    for line in header.split(b"\n"):
        name, colon, value = line.removesuffix(b"\r").partition(b":")
        if not colon:
            raise BrokenStream("a line of a header has no colon")
        if name.strip().lower() == b"content-length":
            found.append(value.strip(b" \t"))
    if len(found) != 1:
        raise BrokenStream(f"a header has {len(found)} lines Content-Length, not one")
    if not _DIGITS.match(found[0]):
        raise BrokenStream("a Content-Length is not a number")
    length = int(found[0])
    if length > MAX_BODY:
        raise BrokenStream(f"a message says it has {length} bytes; {MAX_BODY} are allowed")
    return length


def parse(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Read a body as JSON. Raises ValueError, also for nesting and numbers beyond all reason."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("too deep") from None


class Ahead:
    """How far the thread that reads is ahead of the loop: many small messages, or one large one.

    One at a time would have two threads wait for each other at each message: a flood of searches
    took four times as long, and what came behind it waited.
    """

    def __init__(self) -> None:
        self._messages = 0
        self._bytes = 0
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until a message of so many bytes may be handed over."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(size))
            self._messages += 1
            self._bytes += size

    def give_back(self, size: int) -> None:
        """Note that one was handled."""
        with self._changed:
            self._messages -= 1
            self._bytes -= size
            self._changed.notify()

    def _has_room(self, size: int) -> bool:
        few = self._messages < AHEAD_MESSAGES and self._bytes + size <= AHEAD_BYTES
        return few or not self._messages


class Reading:
    """The thread that reads, and the loop's side of it.

    `stdin` is a file descriptor. `handle` gets each message, `refuse` is called for a body that is
    no JSON; both on the loop. `ended` is called on the reading thread at the end of the stream,
    when the loop may be stuck.
    """

    def __init__(
        self,
        stdin: int,
        handle: Callable[[Any], None],
        refuse: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._stdin = stdin
        self._handle = handle
        self._refuse = refuse
        self._ended = ended
        self._frames = Frames()
        # While the thread waits for more of a message: time.monotonic() when that message began.
        self._began: float | None = None
        self._ahead = Ahead()

    async def run(self) -> None:
        """Handle messages until the stream ends. Raises BrokenStream."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        threading.Thread(
            target=self._read, args=(loop, over), name="wherein-stdin", daemon=True
        ).start()
        while not over.done():
            await asyncio.wait([over], timeout=_TICK_S)
            began = self._began
            if began is not None and time.monotonic() - began > FRAME_S:
                raise BrokenStream("a message stopped halfway")
        over.result()

    def _read(self, loop: asyncio.AbstractEventLoop, over: asyncio.Future[None]) -> None:
        problem: BrokenStream | None = None
        began = 0.0
        try:
            while True:
                self._began = began if self._frames.within else None
                data = os.read(self._stdin, READ_BYTES)
                self._began = None
                if not data:
                    break
                if not self._frames.within:
                    began = time.monotonic()
                for body in self._frames.feed(data):
                    self._hand_over(loop, body)
                    began = time.monotonic()
            if self._frames.within:
                problem = BrokenStream("the stream ended within a message")
        except BrokenStream as error:
            problem = error
        except OSError:
            pass  # the pipe broke: an end like any other
        try:
            loop.call_soon_threadsafe(_finish, over, problem)
        except RuntimeError:
            return  # the loop has ended by itself
        self._ended()

    def _hand_over(self, loop: asyncio.AbstractEventLoop, body: bytes) -> None:
        """Parse a message here and have it handled there, one after the other."""
        try:
            message, sound = parse(body), True
        except ValueError:
            message, sound = None, False
        self._ahead.take(len(body))

        def work() -> None:
            try:
                if sound:
                    self._handle(message)
                else:
                    self._refuse()
            finally:
                self._ahead.give_back(len(body))

        try:
            loop.call_soon_threadsafe(work)
        except RuntimeError:
            raise OSError("the loop has ended") from None


class Writing:
    """The editor's end of stdout. When it is closed nobody hears us: `gone` is called, once."""

    def __init__(self, stream: BinaryIO, gone: Callable[[], None]) -> None:
        self._stream = stream
        self._gone: Callable[[], None] | None = gone

    def write(self, data: bytes) -> None:
        """Write and flush; blocks while the editor does not read."""
        gone = self._gone
        if gone is None:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            self._gone = None
            gone()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def _finish(over: asyncio.Future[None], problem: BrokenStream | None) -> None:
    if over.done():
        return
    if problem is None:
        over.set_result(None)
    else:
        over.set_exception(problem)
