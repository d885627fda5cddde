#!/usr/bin/env python3
"""Uploads with retries."""

from __future__ import annotations

import logging
import random
import time

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 5
_BACKOFF = 0.2
Handler = type[Exception]
waiting: list[int] = []

type Size = int


# How a part that could not be sent is told apart.
class UploadError(Exception):
    pass


class Part:
    """One piece of a file."""

    def __init__(self, number: int, data: bytes) -> None:
        self.number = number
        self.data = data

    class Meta:
        ordering = "number"


def retrying(attempts: int):
    """Make a decorator that tries again."""

    def decorate(function):
        def wrapper(*args, **kwargs):
            for attempt in range(attempts):
                try:
                    return function(*args, **kwargs)
                except UploadError:
                    time.sleep(_BACKOFF * 2**attempt + random.random())
            raise UploadError("gave up")

        return wrapper

    return decorate


class Uploader:
    """Sends the parts of a file to a store, a part at a time, and tries again when the
    network fails. The store says which parts it has, so that an upload can go on
    after the process was killed.
    """

    chunk_size: int = 1 << 20
    timeout = 30.0

    def __init__(self, store, *, concurrency: int = 4) -> None:
        self.store = store
        self.concurrency = concurrency
        self.sent: set[int] = set()
        self.failed: list[Part] = []

    @property
    def progress(self) -> float:
        """The share of parts that have arrived."""
        return len(self.sent) / max(1, len(self.sent) + len(self.failed))

    # Only the network is tried again; a refused part is not.
    @retrying(MAX_ATTEMPTS)
    def send(self, part: Part) -> None:
        if part.number in self.sent:
            return
        answer = self.store.put(part.number, part.data, timeout=self.timeout)
        if answer.status >= 500:
            self.failed.append(part)
            raise UploadError(f"part {part.number}: {answer.status}")
        self.sent.add(part.number)

    async def resume(self, parts: list[Part]) -> int:
        known = set(await self.store.known_parts())
        missing = [part for part in parts if part.number not in known]
        for part in missing:
            self.send(part)
        log.info("sent %d of %d parts", len(missing), len(parts))
        return len(missing)

    @staticmethod
    def split(data: bytes, size: int) -> list[Part]:
        return [Part(n, data[i : i + size]) for n, i in enumerate(range(0, len(data), size))]


if __name__ == "__main__":
    print(Uploader(None).progress)
