"""What tells an edited file from an untouched one. Watcher and database process; pure."""

from __future__ import annotations

import os

from wherein.domain import Signature


def signature_of(seen: os.stat_result) -> Signature:
    """Take it from what `stat` says."""
    return Signature(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)
