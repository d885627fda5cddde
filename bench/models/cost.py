"""What a model costs, in a process of its own: prints one JSON line.

    python bench/models/cost.py FOLDER

Chunks per CPU second on one thread, the best of three runs over all functions of django (a part of
them for a transformer), load time in CPU seconds without fastembed's import, resident memory.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

import embedding
from wherein.embedding import models

PACKAGE = "django==5.2"
SLOW_PART = 40  # one function in so many for a transformer


def main() -> None:
    """Measure the model in the folder named on the command line."""
    spec = models.resolve(sys.argv[1])
    import fastembed.text.static_embedding  # noqa: F401 - timed apart from our own loading

    from wherein.embedding.fastembed_backend import load_embedder

    process = psutil.Process()
    before, start = process.memory_info().rss, time.process_time()
    embedder = load_embedder(spec)
    load = time.process_time() - start
    after = process.memory_info().rss
    items = list(embedding.functions(embedding.wheel(PACKAGE)))
    fast = embedder.slice_items > 1
    items = items if fast else items[::SLOW_PART]
    size = sum(len(i.header.encode()) + len(i.text.encode()) for i in items)
    seconds = embedding.cpu_seconds(lambda: embedder.embed_documents(items), 3 if fast else 1)
    found = {
        "chunks": len(items),
        "bytes": size / len(items),
        "per_second": len(items) / seconds,
        "load_s": load,
        "grown_mb": (after - before) / 1e6,
        "rss_mb": after / 1e6,
        "query_ms": embedding.latencies_ms(embedder.embed_query)[0],
        "size_mb": sum((spec.folder / f).stat().st_size for f in spec.files) / 1e6,
        "dim": embedder.dim,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
