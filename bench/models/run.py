"""Compares embedding models: `make models MODELS="FOLDER ..."`.

python bench/models/run.py [MODEL ...] [--only PART,…] [--out DIR]

MODEL is a folder (the static layout or a transformer's), `default`, or a baseline: starter minilm
wordllama bm25. Without names: the default and all baselines. What was measured is kept in DIR by
the model's name and not measured again (`--again` does); the table is printed and written to
DIR/table.md. Differences are from the first model named, with paired 95 % intervals.

docstring    function by the first sentence of its documentation, vectors alone (or words alone),
             among all functions of a language's packages and among those of its own; MiniLM and
             wordllama on the small pools only, where all are measured
handwritten  bench/quality/questions.jsonl by the cosine of chunks alone; MiniLM is asked about the
             packages of at most 3,000 chunks, and everybody is compared on those as well
search       the same through the whole engine: words, vectors, rules
development  the shared development set and its docstring questions, through the engine; not MiniLM
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
import inside  # noqa: E402 - as above
import measure  # noqa: E402 - as above
import sources  # noqa: E402 - as above
import tables  # noqa: E402 - as above
from docstrings import Pool, pool  # noqa: E402 - as above

PARTS = ("docstring", "handwritten", "search", "development", "cost")
ALONE = tables.ALONE
TURNS = 3
SLOW = frozenset(("minilm",))
#: Its tokenizer takes ten times as long as ours: the small pools will do.
SLOW_WORDS = frozenset(("wordllama",))
#: More than 3,000 chunks each: a transformer would take minutes for one of them.
LARGE = frozenset(("redis", "commons-lang", "coroutines", "newtonsoft-json"))


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
    if "development" in words.only:
        _development(kept, models)
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

    def has(self, part: str, model: str) -> bool:
        """Tell whether a model was measured, and need not be again."""
        there = name_of(model) in self.values.get(part, {})
        return there and (not self._again or (part, model) in self._fresh)

    def get(self, part: str, model: str, make: Callable[[], Any]) -> None:
        """Measure unless it was."""
        if self.has(part, model):
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

        def ranks(
            of: dict[str, Pool], model: str = model, *, turned: bool = False
        ) -> dict[str, dict[str, list[int]]]:
            place = _place(model)
            return {
                name: one.by_package(measure.of_pool(one, place, turned=turned).tolist())
                for name, one in of.items()
            }

        def alone(model: str = model, *, turned: bool = False) -> dict[str, dict[str, list[int]]]:
            place = _place(model)
            return {
                name: {
                    package: measure.of_pool(own, place, turned=turned).tolist()
                    for package, own in one.apart().items()
                }
                for name, one in pools.items()
            }

        if model not in SLOW | SLOW_WORDS:
            kept.get("docstring", model, lambda: ranks(pools))
            kept.get(ALONE, model, alone)
            if model != contenders.BM25:
                kept.get("docstring, questions turned", model, lambda: ranks(pools, turned=True))
                kept.get(f"{ALONE}, questions turned", model, lambda: alone(turned=True))
        kept.get("docstring, small pools", model, lambda: ranks(small))


def _questions(model: str = "") -> list[dict[str, Any]]:
    """The hand-written questions; those about the smaller packages for a slow model."""
    lines = sources.QUESTIONS.read_text("utf-8").splitlines()
    here = {spec["name"] for spec in sources.packages() if sources.folder(spec).is_dir()}
    here -= LARGE if model in SLOW else frozenset()
    return [q for q in map(json.loads, lines) if q["repo"] in here]


def _scored(model: str, answers: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The reciprocal rank of each question by its id."""
    found = {a["id"]: a["results"] for a in answers}
    score = sources.scoring()
    asked = _questions(model)
    return {q["id"]: score.measure(found.get(q["id"], []), q)["mrr10"] for q in asked}


def _handwritten(kept: Kept, models: Sequence[str]) -> None:
    for model in models:

        def asked(model: str = model) -> dict[str, float]:
            return _scored(model, measure.of_chunks(_questions(model), _place(model)))

        kept.get("handwritten", model, asked)


def _search(kept: Kept, models: Sequence[str]) -> None:
    """Slow models first: their questions are fewer, and the trees are made for those alone."""
    for some in (SLOW.intersection(models), [m for m in models if m not in SLOW]):
        missing = [m for m in some if not kept.has("search", m)]
        if not missing:
            continue
        trees = inside.Trees(_questions(missing[0]), sources.TREES)
        for model in missing:

            def asked(model: str = model, trees: inside.Trees = trees) -> dict[str, float]:
                return _scored(model, trees.answers(_place(model)))

            kept.get("search", model, asked)
        trees.close()


def _development(kept: Kept, models: Sequence[str]) -> None:
    """The two shared sets, NDCG@10 as returned: by language, and by code base where all is one."""
    import sets

    score = sources.scoring()
    models = [m for m in models if m not in SLOW]
    for part, chosen, group in (
        ("development set", sets.source, "lang"),
        ("development set's docstring questions", sets.docstring, "repo"),
    ):
        missing = [m for m in models if not kept.has(part, m)]
        if not missing:
            continue
        one = chosen()
        trees = inside.Trees(one.read(), one.trees)
        for model in missing:

            def asked(model: str = model) -> dict[str, dict[str, float]]:
                found = {a["id"]: a["results"] for a in trees.answers(_place(model))}  # noqa: B023
                groups: dict[str, dict[str, float]] = {}
                for q in one.read():  # noqa: B023 - called at once
                    value = score.measure(found[q["id"]], q)["ndcg10"]
                    groups.setdefault(q[group], {})[q["id"]] = value  # noqa: B023 - as above
                return groups

            kept.get(part, model, asked)
        trees.close()


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
