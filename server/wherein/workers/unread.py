"""Whether all that a look found to be read was read, kept beside the index as a file.

Written by the file-watcher worker; read where nobody owns the index, to tell how far words go.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from wherein.errors import StorageError
from wherein.paths import IndexPaths, write_private


class Unread:
    """The mark of a look that has not ended."""

    def __init__(self, paths: IndexPaths) -> None:
        self._file = Path(paths.directory) / "unread"

    @property
    def left(self) -> bool:
        """Say whether the last look ended before everything was read."""
        return self._file.exists()

    def begin(self) -> None:
        """Note that there is something to read. Without room for that, it is not noted."""
        with contextlib.suppress(StorageError):
            write_private(self._file, b"")

    def end(self) -> None:
        """Note that all was read."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
