"""How far the thread that reads the editor's messages may be ahead of who handles them."""

from __future__ import annotations

import threading

import pytest

from support.waiting import until
from wherein.lsp.reading import AHEAD_BYTES, AHEAD_MESSAGES, Ahead


def taking(ahead: Ahead, size: int) -> threading.Thread:
    """Take from another thread, which waits where there is no room."""
    thread = threading.Thread(target=ahead.take, args=(size,), daemon=True)
    thread.start()
    return thread


def test_many_small_messages_do_not_wait_for_each_other() -> None:
    ahead = Ahead()
    for _ in range(AHEAD_MESSAGES):
        ahead.take(100)
    one_more = taking(ahead, 100)
    one_more.join(0.2)
    assert one_more.is_alive(), "a flood is held up in the pipe, not kept in memory"
    ahead.give_back(100)
    until(lambda: not one_more.is_alive())


@pytest.mark.parametrize("size", [AHEAD_BYTES, 64 << 20])
def test_a_large_message_is_alone(size: int) -> None:
    ahead = Ahead()
    ahead.take(1)
    large = taking(ahead, size)
    large.join(0.2)
    assert large.is_alive(), "two large messages would be in memory at a time"
    ahead.give_back(1)
    until(lambda: not large.is_alive())
