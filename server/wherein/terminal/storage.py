"""`wherein prune` and `wherein index --remove`: indexes that nobody needs leave the disk."""

from __future__ import annotations

import os
from pathlib import Path

from wherein.errors import UsageError
from wherein.logs import shown
from wherein.ownership.indexes import prune, remove
from wherein.paths import index_paths
from wherein.terminal.streams import human_bytes, write


def remove_index(folder: str) -> int:
    """Remove the index of a folder, which itself need not be there any more."""
    if not folder:
        raise UsageError("No folder was named. Name it with --remove DIR")
    paths = index_paths(folder)
    if not Path(paths.directory).is_dir():
        raise UsageError(f"{folder} has no index")
    size = remove(paths)
    write(f"Removed the index of {shown(os.fsencode(paths.root))}: {human_bytes(size)}")
    return 0


def prune_indexes(*, dry: bool) -> int:
    """Remove, or with `dry` only name, the indexes of folders that are gone or long not used."""
    done = "Would remove" if dry else "Removed"
    count = size = 0
    for stored, reason in prune(dry=dry):
        count, size = count + 1, size + stored.size
        folder = shown(os.fsencode(stored.paths.root))
        write(f"{done} the index of {folder}: {reason}, {human_bytes(stored.size)}")
    if count:
        write(f"{count:,} {'index' if count == 1 else 'indexes'}, {human_bytes(size)}")
    else:
        write("Nothing to remove: every index is of a folder that is there and in use")
    return 0
