"""Memory that is not needed goes back to the system. Database process only."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

import apsw

from wherein.db_worker.schema import pragma
from wherein.ranking import words

#: Blocks of this many bytes and more are given back when they are freed. Left alone, glibc raises
#: the limit to 32 MB with use, and arrays that come and go leave holes: 26 MB of 105,463 chunks.
_OWN_BLOCK: Final = 128 << 10
_M_MMAP_THRESHOLD: Final = -3  # malloc.h


def keep_blocks_apart() -> None:
    """Have large blocks of memory taken from the system one by one, where glibc is."""
    _glibc("mallopt", _M_MMAP_THRESHOLD, _OWN_BLOCK)


def give_back(conn: apsw.Connection) -> None:
    """Return to the system what reading or writing a whole index took.

    That is the connection's page cache, the identifiers that were split, and what the allocator
    holds: 100 of 299 MB after 52,617 chunks. Takes a hundredth of a second.
    """
    words.forget()
    pragma(conn, "shrink_memory")
    _glibc("malloc_trim", 0)


def _glibc(function: str, *arguments: int) -> None:
    if os.name == "posix":
        call: Any = getattr(ctypes.CDLL(None), function, None)
        if call is not None:
            call(*arguments)
