"""Answers a batch of questions with semble, in the contract of the shared run.py.

Run by the Python of the peers' environment: semble_batch.py DIR LIMIT < questions. One index
a process, in memory, as `semble search` makes it: a batch costs one start, as it does wherein.
"""

from __future__ import annotations

import json
import sys
import time

from semble import SembleIndex


def main(folder: str, limit: int) -> None:
    """Index the folder, then answer each line of the standard input."""
    index = SembleIndex.from_path(folder)
    for line in sys.stdin:
        question = json.loads(line)
        began = time.perf_counter()
        found = index.search(question["query"], top_k=limit)
        took = 1000 * (time.perf_counter() - began)
        results = [
            {
                "path": r.chunk.file_path,
                "start_line": r.chunk.start_line,
                "end_line": r.chunk.end_line,
            }
            for r in found
        ]
        print(json.dumps({"id": question["id"], "ms": round(took, 3), "results": results}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
