"""How long a question takes while a first index is being made, and afterwards, over LSP.

    python bench/waiting.py

django and scipy as installed, one question every 100 ms. docs/adr/0014 rests on it: what could be
shown before the whole answer would be seen for this long.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

import speed
from corpora import copy
from support.rpc import serving

PAUSE_S = 0.1
AFTER = 100
MOST_S = 300


def main() -> None:
    """Ask, and print a row for each phase."""
    taken: dict[str, list[float]] = {"words": [], "meaning": [], "complete": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, speed.home():
        project = Path(scratch) / "project"
        for name in ("django", "scipy"):
            copy(name, project)
        with serving() as client:
            client.initialize(project)
            end = time.monotonic() + MOST_S
            for question in itertools.cycle(speed.QUESTIONS):
                (row,) = client.ask("wherein/status")["folders"]
                done = row["state"] == "ok" and row["files"] > 0
                phase = "complete" if done else "meaning" if row["wordsPercent"] == 100 else "words"
                began = time.perf_counter()
                client.ask("wherein/search", {"query": question, "limit": 30, "snippetLines": 12})
                taken[phase].append((time.perf_counter() - began) * 1_000)
                if len(taken["complete"]) >= AFTER or time.monotonic() > end:
                    break
                time.sleep(PAUSE_S)
            client.close()
    print("| while | questions | p50 | p95 | longest |\n|---|--:|--:|--:|--:|")
    for phase, times in taken.items():
        times.sort()
        if times:
            p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
            print(f"| {phase} | {len(times)} | {p50:.0f} ms | {p95:.0f} ms | {times[-1]:.0f} ms |")


if __name__ == "__main__":
    main()
