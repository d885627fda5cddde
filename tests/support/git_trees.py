"""Trees of files, and what git and wherein list of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from wherein.indexing.ignore import IgnoreRules
from wherein.indexing.walker import walk


def git(folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def listed_by_git(folder: Path) -> set[bytes]:
    out = git(folder, "ls-files", "-z", "-co", "--exclude-standard")
    return {path for path in out.split(b"\0") if path and not path.endswith(b"/")}


def listed(folder: Path, excludes: tuple[str, ...] = ()) -> set[bytes]:
    rules = IgnoreRules(str(folder), excludes)
    found = walk(str(folder), rules)
    for path in found.files:
        assert not IgnoreRules(str(folder), excludes).is_ignored(path, False)
    return set(found.files)
