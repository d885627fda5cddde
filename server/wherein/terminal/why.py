"""`wherein why FILE`: which rule keeps a file out of the index. Looks at the disk only."""

# Paths are bytes here, which pathlib cannot hold.
# ruff: noqa: PTH100, PTH118, PTH119, PTH120

from __future__ import annotations

import os

from wherein.commands.why import describe
from wherein.errors import UsageError
from wherein.paths import check_folder, relative_to
from wherein.settings import Settings
from wherein.terminal.streams import write, write_json


def why(file: str, folder: str, settings: Settings, *, json: bool) -> int:
    """Print one sentence; returns 0 for a file that belongs in the index, 1 for one kept out.

    Raises UsageError for a file that lies outside the folder.
    """
    root = check_folder(folder)
    full = os.path.abspath(file)
    # The folder may have been named through a link; the file itself may be one, and stays it.
    real = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
    path = relative_to(root, os.fsencode(full)) or relative_to(root, os.fsencode(real))
    if path is None:
        raise UsageError(f"{file} is not below {root}. Name its project with --dir DIR")
    found = describe(root, path, settings, None)
    out = bool(found.source or found.skip)
    shown = path.decode("utf-8", "replace")
    sentence = found.sentence if out else f"{shown} belongs in the index: no rule keeps it out"
    if json:
        rule = {"source": found.source, "line": found.line, "pattern": found.pattern}
        write_json({"path": shown, "indexed": not out, "sentence": sentence, **rule,
                    "skip": found.skip})  # fmt: skip
    else:
        write(sentence)
    return 1 if out else 0
