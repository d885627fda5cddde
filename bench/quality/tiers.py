"""How good the answers are with a slow model: at the first question, and as a second opinion.

    python bench/quality/tiers.py [first|second]… [--repos NAME …] [--budget-ms 400] [--keep DIR]

`first`: all-MiniLM-L6-v2 is the model in use and no vector is there. Every question is the first
one of its index: what it has made is not kept. Beside it words alone, and every vector there.
`second`: the model of the package is in use, and all-MiniLM-L6-v2 orders the best twenty anew.
Budgets are CPU time of the model on one thread, so that other work on the machine changes nothing.
The model must be here: `wherein model build all-MiniLM-L6-v2`. --keep leaves the indexes in DIR.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402 - found by the path above
import sets  # noqa: E402 - as above
from report import table  # noqa: E402 - as above

from wherein.db_worker.engine import Engine, Reader  # noqa: E402 - as above
from wherein.db_worker.missing import Maker  # noqa: E402 - as above
from wherein.db_worker.second import Second  # noqa: E402 - as above
from wherein.domain import (  # noqa: E402 - as above
    BatchRequest,
    EmbedItem,
    FileUpdate,
    Mode,
    Quality,
    QueryVector,
    SearchQuery,
    VectorBatch,
)
from wherein.embedding.catalogue import MINILM  # noqa: E402 - as above
from wherein.embedding.embedder import Embedder  # noqa: E402 - as above
from wherein.embedding.fastembed_backend import load_embedder  # noqa: E402 - as above
from wherein.embedding.models import resolve  # noqa: E402 - as above
from wherein.indexing.chunker import parse  # noqa: E402 - as above
from wherein.indexing.ignore import IgnoreRules  # noqa: E402 - as above
from wherein.indexing.reader import Source, read  # noqa: E402 - as above
from wherein.indexing.walker import walk  # noqa: E402 - as above

METRICS = ("ndcg10", "ndcg10_file", "mrr10", "hit1")
HEADS = ("NDCG@10", "by file", "MRR@10", "hit@1")
#: The clock on the wall bounds nothing here: `Model` counts CPU time.
UNBOUND = {"budget_ms": 600_000, "embed_ms": 600_000}
BATCH = 256


class Model:
    """A model in this process, behind the calls that the database worker makes of its worker."""

    def __init__(self, embedder: Embedder, budget_ms: int) -> None:
        self.embedder = embedder
        self._budget_s = budget_ms / 1_000
        self._questions: dict[str, QueryVector] = {}
        self.made: list[int] = []

    def question(self, text: str) -> Future[QueryVector]:
        """Embed a question, each one once."""
        if text not in self._questions:
            vector = self.embedder.embed_query(text).astype("<f4").tobytes()
            known = QueryVector(
                self.embedder.fingerprint, self.embedder.dim, vector, self.embedder.symbol_weight
            )
            self._questions[text] = known
        return _done(self._questions[text])

    def now(self, items: Sequence[EmbedItem], budget_ms: int) -> Future[VectorBatch]:
        """Embed slice by slice until our own budget, of CPU time, is spent."""
        del budget_ms
        until = time.process_time() + self._budget_s
        batches: list[VectorBatch] = []
        for start in range(0, len(items), self.embedder.slice_items):
            if batches and time.process_time() >= until:
                break
            batches.append(self.embed(items[start : start + self.embedder.slice_items]))
        keys = [key for batch in batches for key in batch.keys]
        self.made.append(len(keys))
        return _done(
            VectorBatch(
                self.embedder.fingerprint,
                self.embedder.dim,
                keys,
                b"".join(batch.vectors for batch in batches),
                [key for batch in batches for key in batch.failed],
            )
        )

    def embed(self, items: Sequence[EmbedItem]) -> VectorBatch:
        """Embed a batch."""
        found = self.embedder.embed_documents(items)
        keep = [row for row in range(len(items)) if row not in set(found.failed)]
        return VectorBatch(
            self.embedder.fingerprint,
            self.embedder.dim,
            [items[row].key for row in keep],
            found.vectors[keep].astype("<f4").tobytes(),
            [items[row].key for row in found.failed],
        )


class Trees:
    """An open index of every tree of a question set, without vectors until `embed` was called."""

    def __init__(self, questions: list[sets.Question], where: Path, stack: ExitStack) -> None:
        self.questions = questions
        self._root = sets.CORPORA.resolve()
        self._engines: dict[Path, Engine] = {}
        self._readers: dict[Path, Reader] = {}
        for q in questions:
            folder = self._root / q["repo"] / q["root"]
            if folder not in self._engines:
                engine = Engine.open(where / q["repo"], str(folder))
                stack.callback(engine.close)
                _fill(engine, str(folder))
                self._engines[folder] = engine
                self._readers[folder] = engine.reader()
                stack.callback(self._readers[folder].close)

    def embed(self, model: Model) -> None:
        """Make every vector."""
        for folder, engine in self._engines.items():
            request = BatchRequest(model.embedder.fingerprint, model.embedder.dim, BATCH, 0.0)
            while items := engine.lease("bench", request).items:
                engine.put_vectors(model.embed(items))
            print(f"embedded {folder}", file=sys.stderr)

    def answers(
        self, model: Model, maker: Callable[[str, Engine], Maker | None], **query: object
    ) -> list[dict[str, Any]]:
        """Answer every question."""
        out = []
        for q in self.questions:
            folder = self._root / q["repo"] / q["root"]
            response = self._readers[folder].search(
                SearchQuery(text=q["query"], **UNBOUND, **query),  # type: ignore[arg-type]
                model.question,
                lambda: False,
                maker(str(folder), self._engines[folder]),
            )
            results = [
                {"path": h.path.decode(), "start_line": h.start_line, "end_line": h.end_line}
                for h in response.hits
            ]
            out.append({"id": q["id"], "results": results})
        return out


def main() -> None:
    """Measure what was named and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", choices=["first", "second"], default=["first", "second"])
    parser.add_argument("--repos", nargs="*", default=[])
    parser.add_argument("--budget-ms", type=int, default=400)
    parser.add_argument("--keep", type=Path)
    words = parser.parse_args()
    asked = [q for q in sets.source().read() if not words.repos or q["repo"] in words.repos]
    minilm = Model(load_embedder(resolve(MINILM.name)), words.budget_ms)
    with ExitStack() as stack:
        where = words.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if "first" in words.what:
            print(_first(Trees(asked, where / "first", stack), minilm, words.budget_ms))
        if "second" in words.what:
            print(_second(Trees(asked, where / "second", stack), minilm, words.budget_ms))


def _first(trees: Trees, model: Model, budget_ms: int) -> str:
    def maker(root: str, _: Engine) -> Maker:
        return Maker(root, model.now, lambda batch: None)

    answers = {
        "words": trees.answers(model, lambda root, engine: None, mode=Mode.LEXICAL),
        "first question": trees.answers(model, maker),
    }
    made = sum(model.made) / max(1, len(model.made))
    trees.embed(model)
    answers["all vectors"] = trees.answers(model, lambda root, engine: None)
    title = f"{MINILM.name} as the model, {budget_ms} ms: {made:.0f} vectors a question"
    return _report(title, trees.questions, answers, "all vectors")


def _second(trees: Trees, model: Model, budget_ms: int) -> str:
    own = Model(load_embedder(resolve("")), budget_ms)
    trees.embed(own)

    def maker(root: str, engine: Engine) -> Maker:
        def keep(batch: VectorBatch) -> None:
            engine.put_vectors(batch)

        return Maker(root, own.now, keep, Second(root, model.question, model.now, keep))

    model.made.clear()
    answers = {
        "one model": trees.answers(own, lambda root, engine: None),
        "second opinion": trees.answers(own, maker, quality=Quality.ON),
    }
    made = sum(model.made) / max(1, len(model.made))
    title = f"{MINILM.name} for second opinions, {budget_ms} ms: {made:.0f} vectors a question"
    return _report(title, trees.questions, answers, "one model")


def _report(
    title: str,
    asked: list[sets.Question],
    answers: dict[str, list[dict[str, Any]]],
    against: str,
) -> str:
    scored: dict[str, figures.Rows] = {}
    measure = sets.scoring().measure
    for name, given in answers.items():
        results = {row["id"]: row["results"] for row in given}
        scored[name] = {q["id"]: measure(results[q["id"]], q) for q in asked}
    rows = []
    for name, found in scored.items():
        means = [f"{figures.mean(r[m] for r in found.values()):.4f}" for m in METRICS]
        gaps = [found[q["id"]]["ndcg10"] - scored[against][q["id"]]["ndcg10"] for q in asked]
        low, high = sets.scoring().bootstrap(gaps, figures.SAMPLES)
        gap = "" if name == against else f"{figures.mean(gaps):+.4f} [{low:+.4f}, {high:+.4f}]"
        rows.append([name, *means, gap])
    heads = ["", *HEADS, f"NDCG@10 against {against}"]
    return f"### {title} ({len(asked)} questions)\n\n{table(heads, rows)}\n"


def _fill(engine: Engine, root: str) -> None:
    numbers = count(1)
    for path, signature in walk(root, IgnoreRules(root)).files.items():
        source = read(root, path)
        if isinstance(source, Source):
            parsed = parse(source)
            engine.replace_file(
                FileUpdate(
                    path, signature, source.content_hash, parsed.language, parsed.chunks,
                    parsed.symbols, next(numbers).to_bytes(16, "big"),
                )
            )  # fmt: skip


def _done(value: Any) -> Future[Any]:  # noqa: ANN401 - of whatever was asked
    future: Future[Any] = Future()
    future.set_result(value)
    return future


if __name__ == "__main__":
    main()
