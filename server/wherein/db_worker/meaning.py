"""A query's vector, on its way while the words are searched, and what it met. Database process."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from wherein.db_worker.scan import Scan
from wherein.domain import Mode, QueryVector
from wherein.errors import RequestCancelled, WhereinError

EmbedQuery = Callable[[str], "concurrent.futures.Future[QueryVector]"]
Cancelled = Callable[[], bool]
T = TypeVar("T")

# Why there is no answer by meaning; INSTEAD says what there is.
LATE: Final = "The model did not answer in time"
NO_MODEL: Final = "The model cannot be asked now"
NOT_YET: Final = "The index has no vectors of this model yet"
UNKNOWN: Final = "The model knows none of these words"
INSTEAD: Final = {
    Mode.HYBRID: "this answer is by words",
    Mode.SEMANTIC: "so there is no answer by meaning",
}
#: How often a wait looks whether the request was cancelled.
SLICE_S: Final = 0.02


class Sense(NamedTuple):
    """What there is to compare by meaning; `absent` says why there is nothing.

    `floor` is the nearness that counts as nothing, None when no nearness is known.
    """

    vector: QueryVector | None = None
    scanned: Scan | None = None
    floor: float | None = None
    absent: str = ""


def check(cancelled: Cancelled) -> None:
    """Raise RequestCancelled when the asker does not want the answer any more."""
    if cancelled():
        raise RequestCancelled("The search was cancelled.")


def ask(embed_query: EmbedQuery | None, text: str) -> concurrent.futures.Future[QueryVector] | None:
    """Ask for the vector of a text; None when there is nobody to ask."""
    if embed_query is None:
        return None
    try:
        return embed_query(text)
    except WhereinError:
        return None


def wait(
    waiting: concurrent.futures.Future[T] | None,
    deadline: float,
    cancelled: Cancelled,
) -> T | str:
    """Wait for what the model was asked for until the deadline; returns why there is none."""
    if waiting is None:
        return NO_MODEL
    while True:
        left = max(0.0, deadline - time.monotonic())
        try:
            return waiting.result(min(left, SLICE_S))
        except concurrent.futures.TimeoutError:
            check(cancelled)
            if left <= SLICE_S:
                waiting.cancel()
                return LATE
        except (WhereinError, concurrent.futures.CancelledError):
            return NO_MODEL
