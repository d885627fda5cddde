"""Measures wherein and prints the table that the README has: `make bench`.

python bench/run.py [initialize|words|indexing|django|search|splitting|frames|embedding]…
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import indexing
import speed

_BY_NAME = {
    "initialize": speed.initialize,
    "words": speed.words,
    "indexing": indexing.indexing,
    "django": speed.django,
    "search": speed.search,
    "splitting": lambda _: speed.splitting(),
    "frames": lambda _: speed.frames(),
}


def main(names: list[str]) -> None:
    """Run the named measurements, or all."""
    wanted = names or [*_BY_NAME, "embedding"]
    rows: list[speed.Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        speed.many_files(Path(scratch))
        for name in wanted:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            if name in _BY_NAME:
                rows += _BY_NAME[name](Path(scratch))
    print("| what | measured | target |")
    print("|---|--:|--:|")
    for row in rows:
        print(f"| {row.what} | {row.measured} | {row.target} |")
    if "embedding" in wanted:
        print(flush=True)
        subprocess.run([sys.executable, str(Path(__file__).parent / "embedding.py")], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
