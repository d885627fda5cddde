"""What indexing by words costs, in CPU seconds, beside what the same files cost bare tree-sitter.

The CPU seconds are those of the file watcher and of the database worker when a sync on a fresh
index is answered: starting them is in, vectors are not, for on two cores words come first.
"""

from __future__ import annotations

import time
from pathlib import Path

from tree_sitter import Parser
from tree_sitter_language_pack import get_language

from corpora import copy
from speed import RUNS, Row, home, median, serving
from wherein.indexing.languages import language, language_of


def indexing(scratch: Path) -> list[Row]:
    """Files and megabytes a CPU second for django and scipy as installed, and a ratio."""
    folder = copy("scipy", copy("django", scratch / "for-words"))
    taken: dict[str, list[float]] = {"file_watcher": [], "database": [], "vectorization": []}
    stats, parsing, size = {}, [], 0
    for _ in range(RUNS):
        seconds, size = _parsed(folder)
        parsing.append(seconds)
        with home(), serving() as client:
            client.initialize(folder)
            client.ask("wherein/sync", {}, 120)
            for worker in client.ask("wherein/workers", {})["workers"]:
                taken[worker["type"]].append(worker["cpuS"])
            (stats,) = client.ask("wherein/status", {})["folders"]
    watcher, database, vectors = (median(seconds) for seconds in taken.values())
    both = watcher + database
    text = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and _text(p)) / 1e6
    return [
        Row(
            f"indexing by words, {stats['files']:,} text files, {text:.0f} MB, one core: CPU "
            f"seconds of watcher and database (vectorization meanwhile {vectors:.1f})",
            f"{watcher:.1f} + {database:.1f}: {stats['files'] / both:,.0f} files/s, "
            f"{text / both:.1f} MB/s",
            "≥ 650 files/s or ≥ 4 MB/s",
        ),
        Row(
            f"the same, as a ratio to bare tree-sitter on what it parses, {size / 1e6:.0f} MB",
            f"{both / median(parsing):.1f} x ({median(parsing):.1f} s)",
            "",
        ),
    ]


def _text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8_192]


def _parsed(folder: Path) -> tuple[float, int]:
    """CPU seconds of parsing every file of a known language, and their bytes."""
    known = []
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        one = language(language_of(str(path).encode(), data[:4_096]))
        if one is not None and one.grammar and data and _text(path) and len(data) <= 1 << 20:
            known.append((get_language(one.grammar), data))  # type: ignore[arg-type] # one it has
    began = time.process_time()
    for grammar, data in known:
        Parser(grammar).parse(data)
    return time.process_time() - began, sum(len(data) for _, data in known)
