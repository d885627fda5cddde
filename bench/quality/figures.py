"""From answers to figures: means with intervals, groups, comparisons, one repository left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sets import Question, QuestionSet, read_lines, scoring

METRICS = ("ndcg10", "ndcg10_file", "mrr10", "recall10", "hit1")
HEADS = ("NDCG@10", "by file", "MRR@10", "R@10", "hit@1")
SAMPLES = 5_000

Row = dict[str, float]
Rows = dict[str, Row]


def evaluate(questions: QuestionSet, answers: Path) -> Rows:
    """Score a file of answers; returns the metrics of each question by its id."""
    rows: Rows
    rows, _, silent = scoring().evaluate(questions.read(), str(answers))
    if silent:
        raise SystemExit(f"{answers.name}: {silent} questions have no answer")
    return rows


def summary(questions: QuestionSet, rows: Rows) -> dict[str, Any]:
    """Return all means of a run, by category and language, with 95 % intervals of NDCG@10."""
    asked = questions.read()
    out: dict[str, Any] = {"all": _group(asked, rows), "left_out": left_out(asked, rows)}
    for key in ("category", "lang", "repo"):
        values = sorted({q[key] for q in asked})
        out[key] = {v: _group([q for q in asked if q[key] == v], rows) for v in values}
    out["mean_over_languages"] = mean(group["ndcg10"] for group in out["lang"].values())
    return out


def compare(questions: QuestionSet, rows: Rows, earlier: Rows, metric: str) -> dict[str, Any]:
    """Compare two runs question by question: a paired bootstrap of rows - earlier."""
    asked = questions.read()
    change = {q["id"]: {metric: rows[q["id"]][metric] - earlier[q["id"]][metric]} for q in asked}
    values = [change[q["id"]][metric] for q in asked]
    low, high = scoring().bootstrap(values, SAMPLES)
    repos = {
        repo: mean(change[q["id"]][metric] for q in asked if q["repo"] == repo)
        for repo in {q["repo"] for q in asked}
    }
    return {
        "mean": mean(values),
        "low": low,
        "high": high,
        "better": sum(v > 0 for v in values),
        "worse": sum(v < 0 for v in values),
        "repos_better": sum(v > 1e-9 for v in repos.values()),
        "repos_worse": sum(v < -1e-9 for v in repos.values()),
        "left_out": left_out(asked, change, metric),
    }


def left_out(asked: list[Question], rows: Rows, metric: str = "ndcg10") -> tuple[float, float]:
    """Return the lowest and the highest mean when any one code base is left out."""
    means = [
        mean(rows[q["id"]][metric] for q in asked if q["repo"] != repo)
        for repo in {q["repo"] for q in asked}
    ]
    return min(means), max(means)


def ranks(questions: QuestionSet, answers: Path) -> dict[str, int | None]:
    """Return the rank of the first right file of each question, files counted once."""
    found = {answer["id"]: answer for answer in read_lines(answers)}
    out: dict[str, int | None] = {}
    for q in questions.read():
        files = list(dict.fromkeys(r["path"] for r in found[q["id"]]["results"]))
        places = [files.index(p) + 1 for p in q["relevant"] if p in files]
        out[q["id"]] = min(places, default=None)
    return out


def within(found: Iterable[int | None], place: int) -> float:
    """The share of ranks that are no later than a place."""
    return mean(float(rank is not None and rank <= place) for rank in found)


def mean(values: Iterable[float]) -> float:
    """The mean, not a number when there is nothing."""
    some = list(values)
    return sum(some) / len(some) if some else math.nan


def _group(asked: list[Question], rows: Rows) -> dict[str, Any]:
    bootstrap: Callable[..., tuple[float, float]] = scoring().bootstrap
    values = {m: [rows[q["id"]][m] for q in asked] for m in METRICS}
    return {
        "n": len(asked),
        **{m: mean(v) for m, v in values.items()},
        "interval": bootstrap(values["ndcg10"], 1_000),
    }
