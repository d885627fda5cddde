"""Folders to index, and ways to change them that a seed decides."""

from __future__ import annotations

import os
import random
from pathlib import Path

_WORDS = (
    "upload", "retry", "part", "clock", "server", "colour", "paint", "mix", "digest", "token",
    "frame", "socket", "worker", "index", "chunk", "query", "vector", "folder", "branch",
    "commit", "reader", "writer", "lock", "owner", "window",
)  # fmt: skip


def text(seed: random.Random) -> str:
    """Make a small Python file with a few functions."""
    lines = [f'"""{seed.choice(_WORDS).title()} and {seed.choice(_WORDS)}."""\n']
    for _ in range(seed.randint(1, 5)):
        name = f"{seed.choice(_WORDS)}_{seed.choice(_WORDS)}_{seed.randint(0, 999)}"
        lines.append(f"\ndef {name}({seed.choice(_WORDS)}):")
        for _ in range(seed.randint(1, 6)):
            lines.append(f"    {seed.choice(_WORDS)} = {seed.choice(_WORDS)}({seed.random()})")
    return "\n".join(lines) + "\n"


def make_tree(root: Path, files: int, seed: int = 1) -> Path:
    """Write so many files into a folder, a dozen in each directory; returns the folder."""
    dice = random.Random(seed)
    for number in range(files):
        path = root / f"pkg{number // 12}" / f"file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(dice), encoding="utf-8")
    return root


def change(root: Path, dice: random.Random, steps: int) -> None:
    """Edit, add, remove and rename a few files of a tree that `make_tree` wrote."""
    for _ in range(steps):
        files = sorted(path for path in root.rglob("*.py") if path.is_file())
        victim = dice.choice(files)
        what = dice.randrange(5)
        if what == 0 and len(files) > 3:
            victim.unlink()
        elif what == 1:
            victim.rename(victim.with_name(f"moved{dice.randint(0, 10**6)}.py"))
        elif what == 2:
            fresh = victim.with_name(f"new{dice.randint(0, 10**6)}.py")
            fresh.write_text(text(dice), encoding="utf-8")
        else:
            victim.write_text(text(dice), encoding="utf-8")


def make_deep(place: Path, levels: int, name: str, content: bytes) -> None:
    """Write a file that lies below so many directories, each with a name of one letter."""
    here = os.open(place, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    made = os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(made, content)
    os.close(made)
    os.close(here)
