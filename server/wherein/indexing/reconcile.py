"""What must be done so that the index equals the disk: a comparison, without doing any of it.

Runs in the file-watcher worker.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from wherein.domain import KnownFile, Signature, Skip
from wherein.indexing.walker import Walk

NO_SIGNATURE: Final = Signature(0, 0, 0, 0)

# Timestamps move in ticks: an edit within the tick of the last look leaves no trace. 0.1 s covers
# the kernel's clock tick of file systems with fine times, 2 s those that count whole seconds.
_FINE_TICK_NS: Final = 100_000_000
_COARSE_TICK_NS: Final = 2_000_000_000


class Plan(NamedTuple):
    """`read`: look into these files; `skip`: note these reasons; `remove`: these are gone.

    New files are read before those that changed: which files there are is right first.
    """

    read: list[bytes]
    skip: list[tuple[bytes, Skip]]
    remove: list[bytes]


def compare(walk: Walk, known: Mapping[bytes, KnownFile], *, max_bytes: int | None = None) -> Plan:
    """Compare a walk of the disk with what the index knows.

    A file below a directory that could not be read is unknown, not gone. Files that another limit
    of size, `max_bytes`, was applied to are read again.
    """
    read = []
    for path, signature in walk.files.items():
        entry = known.get(path)
        if entry is None or entry.signature != signature:
            read.append(path)
        elif max_bytes is not None:
            too_large = entry.skip is Skip.TOO_LARGE
            if too_large != (signature.size > max_bytes) and (too_large or entry.skip is None):
                read.append(path)
    skip = []
    for path, reason in walk.skipped.items():
        entry = known.get(path)
        if entry is not None and reason is Skip.UNREADABLE:
            continue  # its directory does not let us look: it is unknown, not gone
        if entry is None or entry.skip is not reason:
            skip.append((path, reason))
    remove = [
        path
        for path in known
        if path not in walk.files and path not in walk.skipped and not walk.is_unknown(path)
    ]
    return Plan(sorted(read, key=lambda path: (path in known, path)), skip, remove)


def settled(signature: Signature, now_ns: int | None = None) -> Signature:
    """Return the signature to remember for a file that was just read.

    A file that changed a moment ago may change again within the same tick of the clock, unseen.
    Such a file is remembered with a signature that matches nothing, so that the next reconcile
    reads it once more.
    """
    now = time.time_ns() if now_ns is None else now_ns
    tick = _COARSE_TICK_NS if signature.mtime_ns % 1_000_000_000 == 0 else _FINE_TICK_NS
    if max(signature.mtime_ns, signature.ctime_ns) > now - tick:
        return Signature(signature.size, signature.mtime_ns, signature.ctime_ns, 0)
    return signature
