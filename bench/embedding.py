"""Measures the embedding model on real functions: speed, latency, load time, memory.

    python bench/embedding.py [--model default|NAME|FOLDER] [--package django==5.2] [--limit N]

The functions come from a wheel of PyPI, downloaded once into bench/.cache. Speeds are per second of
CPU time of this process on one thread, so other work on the machine disturbs them little. The first
run has every word before it for the first time, as a first index has; "again" is the best of two.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

# As the worker runtime sets them; before numpy and tokenizers are imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from wherein.domain import EmbedItem
from wherein.embedding import models
from wherein.embedding.service import EmbeddingService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CACHE = Path(__file__).parent / ".cache"
QUERIES = (
    "where do we retry failed uploads",
    "parse the accept-language header",
    "how is a migration rolled back",
    "session cookie expiry",
    "convert a hex string to rgb",
)


def wheel(package: str) -> Path:
    """Return the package's wheel, downloaded on the first run."""
    name = package.split("==", maxsplit=1)[0].replace("-", "_").lower()
    CACHE.mkdir(exist_ok=True)
    if not (found := [path for path in CACHE.glob("*.whl") if path.name.lower().startswith(name)]):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--only-binary", ":all:", "--dest", CACHE, package], check=True)
        found = [path for path in CACHE.glob("*.whl") if path.name.lower().startswith(name)]
    return found[0]


def functions(archive: Path) -> Iterator[EmbedItem]:
    """Yield every function and method of the wheel, headed by its path and qualified name."""
    with zipfile.ZipFile(archive) as files:
        for name in sorted(files.namelist()):
            if not name.endswith(".py"):
                continue
            source = files.read(name).decode("utf-8", "replace")
            lines = source.splitlines(keepends=True)
            parents: list[tuple[ast.AST, str]] = [(ast.parse(source), "")]
            while parents:
                parent, prefix = parents.pop()
                for node in ast.iter_child_nodes(parent):
                    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                        continue
                    parents.append((node, f"{prefix}{node.name}."))
                    if not isinstance(node, ast.ClassDef):
                        code = "".join(lines[node.lineno - 1 : node.end_lineno])
                        yield EmbedItem(b"", f"{name} {prefix}{node.name}", code)


def cpu_seconds(work: Callable[[], object], runs: int) -> float:
    """Return the CPU time of the fastest run."""
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def tokenizer_seconds(spec: models.ModelSpec, items: list[EmbedItem], runs: int) -> float:
    """Time the tokenizer on whole texts, in blocks of the same size."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(spec.folder / "tokenizer.json"))

    def tokenize() -> None:
        for start in range(0, len(items), 64):
            block = items[start : start + 64]
            tokenizer.encode_batch_fast([item.header for item in block], add_special_tokens=False)
            tokenizer.encode_batch_fast([item.text for item in block], add_special_tokens=False)

    return cpu_seconds(tokenize, runs)


def onnx_seconds(spec: models.ModelSpec, items: list[EmbedItem]) -> float:
    """Time ONNX Runtime called bare on the same texts, tokenised before, one at a time."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    limits = json.loads((spec.folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(spec.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(limits["model_max_length"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(spec.folder / spec.weights), options, providers=["CPUExecutionProvider"]
    )
    wanted = [given.name for given in session.get_inputs()]
    feeds = []
    for item in items:
        ids = np.array([tokenizer.encode(f"{item.header}\n{item.text}").ids], dtype=np.int64)
        known = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        feeds.append({name: known[name] for name in wanted})
    print(f"tokens             {np.mean([feed['input_ids'].size for feed in feeds]):.0f} a chunk")
    return cpu_seconds(lambda: [session.run(None, feed) for feed in feeds], 1)


def latencies_ms(ask: Callable[[str], object], pause_s: float = 0.0) -> tuple[float, float]:
    """Return the p50 and p99 of 500 queries by the clock, with a pause before each."""
    taken = []
    for _ in range(100):
        for query in QUERIES:
            if pause_s:
                time.sleep(pause_s)  # lets the next slice of documents begin
            begin = time.perf_counter()
            ask(query)
            taken.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def latencies_during_batches_ms(
    service: EmbeddingService, items: list[EmbedItem]
) -> tuple[float, float]:
    """Ask while another thread embeds without a pause, as in a first index."""
    done = threading.Event()

    def keep_busy() -> None:
        while not done.is_set():
            service.embed_documents(items[:1024])

    background = threading.Thread(target=keep_busy)
    background.start()
    try:
        return latencies_ms(service.embed_query, pause_s=0.006)
    finally:
        done.set()
        background.join()


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="default")
    parser.add_argument("--package", default="django==5.2")
    parser.add_argument("--limit", type=int, default=20_000)
    arguments = parser.parse_args()

    process = psutil.Process()
    before_rss = process.memory_info().rss
    spec = models.resolve(arguments.model)
    start = time.process_time()
    import fastembed.text.static_embedding  # noqa: F401 - timed apart from our own loading

    imported = time.process_time()
    from wherein.embedding.fastembed_backend import load_embedder

    embedder = load_embedder(spec)
    ready = time.process_time()
    embedder.prepare()
    loaded = time.process_time()
    loaded_rss = process.memory_info().rss

    items = list(functions(wheel(arguments.package)))[: arguments.limit]
    size = sum(len(item.header.encode()) + len(item.text.encode()) for item in items)
    corpus_rss = process.memory_info().rss
    again = 2 if embedder.slice_items > 1 else 0
    seconds = cpu_seconds(lambda: embedder.embed_documents(items), 1)
    later_s = cpu_seconds(lambda: embedder.embed_documents(items), again)
    result_bytes = len(items) * embedder.dim * 8  # the sums and the unit rows
    grown = process.memory_info().rss - corpus_rss - result_bytes
    tokenizer_s = tokenizer_seconds(spec, items, 1 + again)
    onnx_s = onnx_seconds(spec, items) if spec.kind == "transformer" else None
    alone = latencies_ms(embedder.embed_query)
    busy = latencies_during_batches_ms(EmbeddingService(embedder), items)

    per_second, speed = len(items) / seconds, size / seconds / 1e6
    print(f"model              {embedder.name}, {embedder.dim} dimensions, {embedder.fingerprint}")
    print(f"chunks             {len(items):,} functions of {arguments.package}")
    print(f"average            {size / len(items):,.0f} bytes a chunk, header included")
    print(f"documents          {per_second:,.0f} a CPU second, {speed:.1f} MB/s")
    if again:
        print(f"the same again     {len(items) / later_s:,.0f} a CPU second")
    print(f"tokenizer alone    {len(items) / tokenizer_s:,.0f} a CPU second")
    print(f"ours beside it     {tokenizer_s / seconds:.2f} of its speed, pooling included")
    if onnx_s is not None:
        bare = len(items) / onnx_s
        print(f"onnxruntime bare   {bare:,.0f} a CPU second; ours is {per_second / bare:.2f} of it")
    print(f"query              p50 {alone[0]:.3f} ms, p99 {alone[1]:.3f} ms")
    print(f"query, batches on  p50 {busy[0]:.3f} ms, p99 {busy[1]:.3f} ms")
    print(f"import fastembed   {imported - start:.2f} CPU s")
    print(f"ready for a query  {ready - imported:.2f} CPU s after the import")
    print(f"load and check     {loaded - imported:.2f} CPU s")
    print(f"resident           {loaded_rss / 1e6:.0f} MB loaded, {before_rss / 1e6:.0f} MB before")
    print(f"grown by embedding {max(0, grown) / 1e6:.0f} MB beside the vectors")


if __name__ == "__main__":
    main()
