"""What each ranking rule gives: the same questions with one rule out at a time.

Runs in this process on the indexes that the command line left behind, with the database worker's
own reader and the real model; nothing is indexed again. The answers with every rule in are compared
with those of the command line first, so that the table cannot be about something else.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import figures
from sets import WORK, QuestionSet, read_lines, write_lines

from wherein.db_worker.engine import Engine, Reader
from wherein.domain import Mode, QueryVector, SearchQuery
from wherein.embedding.fastembed_backend import load_embedder
from wherein.embedding.models import read_choice, resolve
from wherein.paths import config_home, index_paths
from wherein.ranking import fusion, rules

EVERYTHING = "everything in"
METRICS = ("ndcg10", "ndcg10_file")
Variant = tuple[str, Mode, Callable[[], Any]]


class Runner:
    """Open readers of every tree of a question set, and the chosen model."""

    def __init__(self, questions: QuestionSet, stack: ExitStack) -> None:
        self._questions = questions
        self._embedder = load_embedder(resolve(read_choice(config_home())))
        self._vectors: dict[str, QueryVector] = {}
        self._readers: dict[Path, Reader] = {}
        for q in questions.read():
            folder = questions.trees / q["repo"] / q["root"]
            if folder not in self._readers:
                place = index_paths(str(folder))
                engine = Engine.open(Path(place.directory), place.root)
                stack.callback(engine.close)
                stats = engine.stats()
                if not stats.chunks or stats.pending:
                    raise SystemExit(f"the index of {folder} is not complete")
                self._readers[folder] = engine.reader()
                stack.callback(self._readers[folder].close)

    def answers(self, mode: Mode) -> list[dict[str, Any]]:
        """Answer every question, in the shape of `wherein search --batch --json`."""
        out = []
        for q in self._questions.read():
            reader = self._readers[self._questions.trees / q["repo"] / q["root"]]
            query = SearchQuery(text=q["query"], limit=10, mode=mode)
            hits = reader.search(query, self._embed, lambda: False).hits
            found = [
                {"path": h.path.decode(), "start_line": h.start_line, "end_line": h.end_line}
                for h in hits
            ]
            out.append({"id": q["id"], "results": found})
        return out

    def _embed(self, text: str) -> Future[QueryVector]:
        if text not in self._vectors:
            numbers = self._embedder.embed_query(text).astype("<f4").tobytes()
            self._vectors[text] = QueryVector(
                self._embedder.fingerprint,
                self._embedder.dim,
                numbers,
                self._embedder.symbol_weight,
            )
        done: Future[QueryVector] = Future()
        done.set_result(self._vectors[text])
        return done


def variants() -> Iterator[Variant]:
    """Everything in; then each rule of `RULES` out; then the parts of fusion out."""
    yield EVERYTHING, Mode.HYBRID, nullcontext
    for rule in rules.RULES:
        kept = tuple(r for r in rules.RULES if r is not rule)
        yield f"rule: {rule.name} ({rule.weight:g})", Mode.HYBRID, functools.partial(_with, kept)
    yield "all rules", Mode.HYBRID, functools.partial(_with, ())
    if "decay" in inspect.signature(fusion.ordered).parameters:
        yield f"decay ({fusion.DECAY:g})", Mode.HYBRID, _without_decay
    yield "meaning", Mode.LEXICAL, nullcontext
    yield "words", Mode.SEMANTIC, nullcontext


@contextmanager
def _with(kept: tuple[rules.Rule, ...]) -> Iterator[None]:
    changed = functools.partial(rules.apply_rules, rules=kept)
    with mock.patch.object(rules, "apply_rules", changed):
        yield


@contextmanager
def _without_decay() -> Iterator[None]:
    changed = functools.partial(fusion.ordered, decay=1.0)
    with mock.patch.object(fusion, "ordered", changed):
        yield


def run(questions: QuestionSet, by_command_line: Path) -> dict[str, Any]:
    """Return one row a variant: its means, and what the part that is out gives, with intervals.

    `differ` counts the answers that the command line gave otherwise.
    """
    rows: list[dict[str, Any]] = []
    full: figures.Rows = {}
    differ = 0
    with ExitStack() as stack:
        runner = Runner(questions, stack)
        for name, mode, change in variants():
            print(f"ablation on {questions.title}: {name}", file=sys.stderr, flush=True)
            with change():
                answers = runner.answers(mode)
            if not full:
                differ = _differ(answers, by_command_line)
            path = WORK / "ablation.jsonl"
            write_lines(path, answers)
            scored = figures.evaluate(questions, path)
            full = full or scored
            row: dict[str, Any] = {"out": name, "gives": {}}
            row["mean"] = {m: figures.mean(r[m] for r in scored.values()) for m in METRICS}
            if scored is not full:
                row["gives"] = {m: figures.compare(questions, full, scored, m) for m in METRICS}
            rows.append(row)
    return {"rows": rows, "differ": differ, "questions": len(full)}


def _differ(answers: list[dict[str, Any]], by_command_line: Path) -> int:
    """Count the answers that are not those of the command line: there should be none."""
    theirs = {answer["id"]: answer["results"] for answer in read_lines(by_command_line)}
    return sum(
        [(r["path"], r["start_line"]) for r in answer["results"]]
        != [(r["path"], r["start_line"]) for r in theirs[answer["id"]]]
        for answer in answers
    )
