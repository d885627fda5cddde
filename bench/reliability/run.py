"""Measure what docs/reliability.md promises in figures: `make reliability` writes its table.

    python bench/reliability/run.py [rounds] [odd] [many] [storm] [idle]   only those, only printed

Real servers, real kills. Not a test: a busy machine gives worse figures, and the load is printed
beside them. ROUNDS=10, SERVERS=50, FILES=20000 and MINUTES=10 (idle) make it shorter or longer.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

import idle
import many
import odd
import rounds
import storm
from common import Row

from support.workspace import make_project

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
_MARKS = ("<!-- slo: begin -->", "<!-- slo: end -->")
_PARTS = {
    "rounds": lambda home: rounds.measure(make_project(home / "rounds")),
    "odd": lambda home: odd.measure(make_project(home / "odd")),
    "many": lambda home: many.measure(make_project(home / "many")),
    "storm": storm.measure,
    "idle": idle.measure,
}


def table(rows: list[tuple[str, Row]]) -> str:
    """Write the rows, each with the command that measures it alone."""
    lines = [
        "| what | measured | target | `python bench/reliability/run.py …` |",
        "|---|--:|--:|---|",
    ]
    lines += [f"{row.shown()} `{part}` |" for part, row in rows]
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the table where the document has its marks."""
    old = DOCUMENT.read_text(encoding="utf-8")
    marked = re.compile(f"{re.escape(_MARKS[0])}.*?{re.escape(_MARKS[1])}", re.DOTALL)
    if not marked.search(old):
        raise SystemExit(f"{DOCUMENT} has no marks {_MARKS[0]} … {_MARKS[1]}")
    fresh = f"{_MARKS[0]}\n\n{text}\n\n{_MARKS[1]}"
    DOCUMENT.write_text(marked.sub(lambda _: fresh, old), encoding="utf-8")


def main(parts: list[str]) -> int:
    """Measure; returns 1 when a target was missed."""
    rows: list[tuple[str, Row]] = []
    loads = [os.getloadavg()[0]]
    for part in parts or list(_PARTS):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="wh-") as home:
            os.environ["WHEREIN_HOME"] = str(Path(home) / "h")
            rows += [(part, row) for row in _PARTS[part](Path(home))]
        loads.append(os.getloadavg()[0])
        sys.stderr.write(f"{part}: {time.monotonic() - began:.0f} s, load {loads[-1]:.1f}\n")
    text = (
        f"{os.cpu_count()} cores, load {min(loads):.1f} to {max(loads):.1f}, "
        f"{time.strftime('%Y-%m-%d')}.\n\n{table(rows)}"
    )
    print(text)
    if not parts:
        write(text)
    return 0 if all(row.met for _, row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
