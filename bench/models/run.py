"""Compares embedding models: `make models MODELS="FOLDER ..."`.

python bench/models/run.py [MODEL ...] [--only docstring,handwritten,search,cost] [--out DIR]

MODEL is a folder (the static layout or a transformer's), `default`, or a baseline: starter minilm
wordllama bm25. Without names: the default and all baselines. What was measured is kept in DIR by
the model's name and not measured again (`--again` does); the table is printed and written to
DIR/table.md. Differences are from the first model named, with paired 95 % intervals.

docstring    function by the first sentence of its documentation, sets by language, vectors alone
             (or words alone); MiniLM on the small pools only, where everybody is measured too
handwritten  bench/quality/questions.jsonl by the cosine of chunks alone
search       the same through `wherein search`, the whole engine
cost         chunks per CPU second, load time, memory; the models take turns
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "bench/quality"), str(HERE.parents[1] / "bench")]

import contenders  # noqa: E402 - found by the path above
import measure  # noqa: E402 - as above
import sources  # noqa: E402 - as above
import tables  # noqa: E402 - as above
from docstrings import Pool, pool  # noqa: E402 - as above

PARTS = ("docstring", "handwritten", "search", "cost")
TURNS = 3
SLOW = frozenset(("minilm",))


def main() -> None:
    """Measure what is missing for the models named, and print the table."""
    words = _words()
    sources.fetch()
    kept = Kept(words.out, again=words.again)
    models = words.models or ["default", *contenders.BASELINES]
    if "docstring" in words.only:
        _docstring(kept, models)
    if "handwritten" in words.only:
        _handwritten(kept, models)
    if "search" in words.only:
        _search(kept, models)
    if "cost" in words.only:
        _cost(kept, models)
    text = tables.written([name_of(m) for m in models], kept.values)
    (words.out / "table.md").write_text(text, "utf-8")
    print(text)


class Kept:
    """What was measured, in one JSON file: part -> model -> values."""

    def __init__(self, folder: Path, *, again: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "measured.json"
        self._again = again
        self._fresh: set[tuple[str, str]] = set()
        self.values: dict[str, dict[str, Any]] = {}
        if self._path.is_file():
            self.values = json.loads(self._path.read_text("utf-8"))

    def get(self, part: str, model: str, make: Callable[[], Any]) -> None:
        """Measure unless it was."""
        there = name_of(model) in self.values.get(part, {})
        if there and (not self._again or (part, model) in self._fresh):
            return
        print(f"{part}: {name_of(model)}", file=sys.stderr, flush=True)
        self._fresh.add((part, model))
        self.values.setdefault(part, {})[name_of(model)] = make()
        self._path.write_text(json.dumps(self.values), "utf-8")


def name_of(model: str) -> str:
    """The short name of a model."""
    return Path(model).name


def _place(model: str) -> Path | str:
    return model if model == contenders.BM25 else contenders.folder(model)


def _docstring(kept: Kept, models: Sequence[str]) -> None:
    pools = {name: pool(name, specs) for name, specs in sources.by_set().items()}
    pools = {name: one for name, one in pools.items() if one.questions}
    small = {name: one.sample() for name, one in pools.items()}
    for model in models:

        def ranks(of: dict[str, Pool], model: str = model) -> dict[str, list[int]]:
            place = _place(model)
            return {name: measure.of_pool(one, place).tolist() for name, one in of.items()}

        if model not in SLOW:
            kept.get("docstring", model, lambda: ranks(pools))
        kept.get("docstring, small pools", model, lambda: ranks(small))


def _questions() -> list[dict[str, Any]]:
    lines = sources.QUESTIONS.read_text("utf-8").splitlines()
    here = {spec["name"] for spec in sources.packages() if sources.folder(spec).is_dir()}
    return [q for q in map(json.loads, lines) if q["repo"] in here]


def _scored(answers: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The reciprocal rank of each question by its id."""
    found = {a["id"]: a["results"] for a in answers}
    score = sources.scoring()
    return {q["id"]: score.measure(found.get(q["id"], []), q)["mrr10"] for q in _questions()}


def _handwritten(kept: Kept, models: Sequence[str]) -> None:
    for model in models:
        place = _place(model)
        kept.get(
            "handwritten",
            model,
            lambda place=place: _scored(measure.of_chunks(_questions(), place)),
        )


def _search(kept: Kept, models: Sequence[str]) -> None:
    import engines
    from sets import QuestionSet, read_lines

    import speed

    def ask(model: str) -> dict[str, float]:
        words = ("--mode", "lexical") if model == contenders.BM25 else ("--wait", "full")
        out = contenders.CACHE / f"answers-{name_of(model)}.jsonl"
        asked = contenders.CACHE / "questions.jsonl"
        asked.write_text("".join(json.dumps(q) + "\n" for q in _questions()), "utf-8")
        everything = QuestionSet("handwritten", "hand-written", asked, sources.TREES, words)
        with speed.home():
            if model not in (contenders.BM25, "default"):
                if model in SLOW:  # a known model is known by its folder here
                    print("minilm: a quarter of an hour", file=sys.stderr)
                speed.wherein("model", "use", str(contenders.folder(model)))
            engines.wherein(everything, out)
        return _scored(read_lines(out))

    for model in models:
        kept.get("search", model, lambda model=model: ask(model))


def _cost(kept: Kept, models: Sequence[str]) -> None:
    """Measure in turns, so that a busy minute hits every model; the best turn counts."""
    best: dict[str, dict[str, Any]] = {}
    measured = [m for m in models if m != contenders.BM25]
    for turn in range(TURNS):
        for model in measured:
            if turn and model in SLOW:
                continue
            command = [sys.executable, str(HERE / "cost.py"), str(contenders.folder(model))]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout)
            before = best.get(model, found)
            best[model] = max(found, before, key=lambda one: one["per_second"])
    for model in measured:
        kept.values.get("cost", {}).pop(name_of(model), None)  # in turns, or not comparable
        kept.get("cost", model, lambda model=model: best[model])


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,…")
    parser.add_argument("--out", type=Path, default=contenders.CACHE / "measured", metavar="DIR")
    parser.add_argument("--again", action="store_true")
    words = parser.parse_args()
    words.only = words.only.split(",")
    if unknown := set(words.only) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return words


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
