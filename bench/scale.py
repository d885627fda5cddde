"""Measures searching large indexes: real code, replicated with noise, up to a million chunks.

python bench/scale.py [CHUNKS]…   (default 20000 100000 200000; a million takes 5 GB of disk and
a quarter of an hour). Each copy of django and scipy has one identifier in ten renamed, so its words
and vectors differ. The questions are 40 of the development set, five times; each time is from the
driver's socket to the finished hits, the query's vector included. Beside it, in the same run: one
product of a matrix of that size with a vector, which is the memory's limit; and how many of the
true nearest 50 a scan finds, which compares most vectors by their sketches only.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import psutil

from wherein.domain import SearchQuery
from wherein.errors import DeadlineExceeded
from wherein.ipc.client import Client as Socket
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.ownership.lock import read_owner
from wherein.paths import index_paths

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "quality")]

from sets import read_lines, shared  # noqa: E402 - found by the path above

from corpora import tree  # noqa: E402 - found by the path above
from speed import home  # noqa: E402 - found by the path above
from support.rpc import Client, Failed, serving  # noqa: E402 - found by the path that speed adds

SIZES = (20_000, 100_000, 200_000)
TARGETS = {20_000: "≤ 6 ms", 100_000: "≤ 12 ms", 200_000: "≤ 20 ms", 1_000_000: "≤ 80 ms"}
CHUNKS_OF = {"django": 19_600, "scipy": 33_000}  # about
_NEAREST = 50
_NAME = re.compile(rb"\b[A-Za-z_]{5,}\b")


def noisy(data: bytes, copy: int) -> bytes:
    """Rename one identifier in ten, another tenth in each copy; copy 0 stays as it is."""
    if not copy:
        return data

    def renamed(match: re.Match[bytes]) -> bytes:
        name = match.group()
        return name + b"_%d" % copy if zlib.crc32(name, copy) % 10 == 0 else name

    return _NAME.sub(renamed, data)


def build(folder: Path, chunks: int) -> None:
    """Write a tree of about so many chunks."""
    made = copy = 0
    while made < 0.95 * chunks:
        for name, size in CHUNKS_OF.items():
            if made >= 0.95 * chunks:
                break
            source = tree(name)
            for path in source.rglob("*"):
                if path.is_file():
                    place = folder / f"copy{copy}" / name / path.relative_to(source)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(noisy(path.read_bytes(), copy))
            made += size
        copy += 1


def settled(client: Client) -> dict[str, Any]:
    """Wait for all vectors; returns the folder's status."""
    until = time.monotonic() + 3_600
    synced = False
    while time.monotonic() < until:
        try:
            synced = synced or client.ask("wherein/sync", {}, 3_600) is not None
        except Failed as error:
            if error.code != DeadlineExceeded.code:
                raise
            continue  # a million chunks take longer than a sync waits
        (folder,) = client.ask("wherein/status", {})["folders"]
        if folder["state"] == "ok":
            return folder  # type: ignore[no-any-return] # JSON
        time.sleep(0.5)
    raise SystemExit(f"the index did not become complete: {folder['sentence']}")


def bare_scan(rows: int) -> float:
    """Milliseconds of one matrix-vector product of that many rows of 256 float32, the median."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy as np

    matrix = np.random.default_rng(0).standard_normal((rows, 256), np.float32)
    vector = matrix[0].copy()
    times = []
    for _ in range(20):
        began = time.perf_counter()
        matrix @ vector
        times.append(time.perf_counter() - began)
    return 1_000 * statistics.median(times)


def recall(folder: Path, questions: list[str]) -> float:
    """Return the share of the 50 truly nearest chunks that a scan has, over some questions."""
    import numpy as np

    from wherein.db_worker.engine import Engine
    from wherein.db_worker.scan import scan
    from wherein.embedding.fastembed_backend import load_embedder
    from wherein.embedding.models import resolve

    place = index_paths(str(folder))
    engine = Engine.open(Path(place.directory), place.root)
    snapshot, embedder = engine._matrix.snapshot, load_embedder(resolve("default"))
    shares = []
    blocks = [block for block in (snapshot.base, snapshot.tail) if len(block)]
    for text in questions:
        vector = snapshot.spread.turned(snapshot, embedder.embed_query(text))
        every = [
            np.where(block.alive, block.cosines(np.arange(len(block)), vector), -2)
            for block in blocks
        ]
        least = np.partition(np.concatenate(every), -_NEAREST)[-_NEAREST]
        found = scan(snapshot, vector, 0.0)
        near = found.cosines >= least - 1e-6  # as near as the 50th, where some are equal
        shares.append(min(_NEAREST, int(near.sum())) / _NEAREST)
    engine.close()
    return statistics.mean(shares)


def measure(chunks: int) -> str:
    """Return one row of the table."""
    questions = [q["query"] for q in read_lines(shared() / "dev.jsonl")[::6][:40]]
    with tempfile.TemporaryDirectory(prefix="scale-") as scratch, home():
        folder = Path(scratch)
        build(folder, chunks)
        with serving() as client:
            client.initialize(folder)
            began = time.perf_counter()
            status = settled(client)
            indexed = time.perf_counter() - began
            paths = index_paths(str(folder))
            owner = read_owner(paths)
            if owner is None:
                raise SystemExit("nobody owns the index")
            socket = Socket(owner.database, paths.token_file.read_bytes(), DATABASE_OPERATIONS)
            time.sleep(3)  # for the database worker to tidy up
            times, stages = [], []
            for round_ in range(6):
                for text in questions:
                    sent = time.perf_counter()
                    query = SearchQuery(text=text, snippet_lines=5)
                    found = socket.submit("search", query).result()
                    if round_:
                        stages.append(found.timings_us)
                        times.append(1_000 * (time.perf_counter() - sent))
            workers = client.ask("wherein/workers", {})["workers"]
            (pid,) = [w["pid"] for w in workers if w["type"] == "database"]
            memory = psutil.Process(pid).memory_info().rss / 1e6
            socket.close()
        found = recall(folder, questions)
    parts = {k: statistics.median(t.get(k, 0) for t in stages) / 1_000 for k in stages[0]}
    print({k: round(v, 1) for k, v in parts.items()}, file=sys.stderr)
    times.sort()
    rows = status["chunks"]
    return (
        f"| {rows:,} | {statistics.median(times):.1f} ms | {times[len(times) * 95 // 100]:.1f} ms "
        f"| {TARGETS.get(chunks, '')} | {bare_scan(rows):.1f} ms | {found:.4f} | {memory:.0f} MB "
        f"| {120 + 0.0014 * rows:.0f} MB | {indexed:.0f} s |"
    )


def main(sizes: list[int]) -> None:
    """Print the table."""
    heads = "chunks p50 p95 target bare_scan nearest_50_found database_worker target indexed_in"
    print("| " + " | ".join(head.replace("_", " ") for head in heads.split()) + " |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for chunks in sizes or SIZES:
        print(measure(chunks), flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
