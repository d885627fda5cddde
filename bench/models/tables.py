"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import measure
import numpy as np
from contenders import LEARNT_BY_STARTER
from numpy.typing import NDArray

ALONE = "docstring, each package by itself"
ENOUGH = 20  # questions, for a package to have a mean of its own

Values = dict[str, dict[str, Any]]
Figures = NDArray[np.float64]


def written(models: Sequence[str], values: Values) -> str:
    """Return all tables for these models, those that were measured."""
    parts = []
    for part in (
        "docstring", "docstring, questions turned", ALONE, f"{ALONE}, questions turned",
        "docstring, small pools",
    ):  # fmt: skip
        here = [m for m in models if m in values.get(part, {})]
        if here:
            parts += [f"## {part.capitalize()}", _sets(here, values[part])]
    for part, title in (("handwritten", "cosine alone"), ("search", "through the search")):
        here = [m for m in models if m in values.get(part, {})]
        if here:
            parts += [f"## Hand-written questions, {title}", _questions(here, values[part])]
    for part in ("development set", "development set's docstring questions"):
        here = [m for m in models if m in values.get(part, {})]
        if here:
            title = f"## {part.capitalize()}, through the search, NDCG@10"
            parts += [title, _groups(here, values[part])]
    here = [m for m in models if m in values.get("cost", {})]
    if here:
        parts += ["## Cost", _cost(here, values["cost"])]
    return "\n\n".join(parts) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column to the left."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sets(models: Sequence[str], values: dict[str, Any]) -> str:
    """MRR@10 a set and model; below, the means over sets and packages with what they differ by."""
    one = values[models[0]]
    of = {m: {s: {p: measure.reciprocal(np.array(r)) for p, r in packages.items()}
              for s, packages in values[m].items()} for m in models}  # fmt: skip
    sets = {m: [np.concatenate(list(of[m][s].values())) for s in one] for m in models}
    rows = [
        [f"{s} ({len(sets[models[0]][i])})", *(f"{sets[m][i].mean():.3f}" for m in models)]
        for i, s in enumerate(one)
    ]
    rows += _means("sets", models, sets)
    large = [(s, p) for s, packages in one.items() for p, r in packages.items() if len(r) >= ENOUGH]
    unseen = [(s, p) for s, p in large if p not in LEARNT_BY_STARTER]
    for title, chosen in (("packages", large), ("packages new to the starter", unseen)):
        rows += _means(title, models, {m: [of[m][s][p] for s, p in chosen] for m in models})
    return table(["set (questions)", *models], rows)


def _means(
    title: str, models: Sequence[str], groups: dict[str, list[Figures]]
) -> Iterator[list[str]]:
    """Two rows: each model's mean of the groups' means, and what the first gains on it."""
    first = groups[models[0]]
    mean, change = [f"**mean of {len(first)} {title}**"], [f"{models[0]} minus it"]
    for m in models:
        low, high = measure.interval(groups[m])
        value = np.mean([g.mean() for g in groups[m]])
        mean.append(f"**{value:.3f}** [{low:.3f}, {high:.3f}]")
        change.append("" if m == models[0] else _difference(first, groups[m]))
    yield mean
    yield change


def _questions(models: Sequence[str], values: dict[str, Any]) -> str:
    """One table of the models that were asked everything, one of all models if that is less."""
    most = max(len(values[m]) for m in models)
    full = [m for m in models if len(values[m]) == most]
    parts = [_asked(full, values, list(values[full[0]]))]
    common = [i for i in values[models[0]] if all(i in values[m] for m in models)]
    if len(full) < len(models):
        parts.append(_asked(models, values, common))
    unseen = [i for i in common if i.rpartition("-")[0] not in LEARNT_BY_STARTER]
    if len(unseen) < len(common):
        parts += ["About packages new to the starter:", _asked(models, values, unseen)]
    return "\n\n".join(parts)


def _asked(models: Sequence[str], values: dict[str, Any], ids: Sequence[str]) -> str:
    first = np.array([values[models[0]][i] for i in ids])
    rows = []
    for m in models:
        ranks = np.array([values[m][i] for i in ids])
        low, high = measure.interval([ranks])
        rows.append(
            [
                m,
                f"{ranks.mean():.3f} [{low:.3f}, {high:.3f}]",
                f"{(ranks >= 1 / 5).mean():.3f}",
                f"{(ranks >= 1).mean():.3f}",
                "" if m == models[0] else _difference([first], [ranks]),
            ]
        )
    heads = [f"{len(ids)} questions", "MRR@10", "hit@5", "hit@1", f"{models[0]} minus it"]
    return table(heads, rows)


def _groups(models: Sequence[str], values: dict[str, Any]) -> str:
    """A row a group, and all questions; each other model with what the first gains on it."""

    def of(model: str, group: str) -> Figures:
        asked = values[models[0]][group]
        return np.array([values[model][group][i] for i in asked])

    def line(title: str, figures: Sequence[Figures], form: str = "") -> list[str]:
        cells = [title]
        for one in figures:
            gain = "" if one is figures[0] else f" ({_difference([figures[0]], [one])})"
            cells.append(f"{form}{one.mean():.3f}{form}{gain}")
        return cells

    groups = list(values[models[0]])
    rows = [line(f"{g} ({len(of(models[0], g))})", [of(m, g) for m in models]) for g in groups]
    whole = [np.concatenate([of(m, g) for g in groups]) for m in models]
    rows.append(line(f"all ({len(whole[0])})", whole, "**"))
    heads = [f"in brackets: {models[0]} minus it", *models]
    return table(heads, rows)


def _difference(one: Sequence[Figures], other: Sequence[Figures]) -> str:
    pairs = [a - b for a, b in zip(one, other, strict=True)]
    low, high = measure.interval(pairs)
    return f"{np.mean([p.mean() for p in pairs]):+.3f} [{low:+.3f}, {high:+.3f}]"


def _cost(models: Sequence[str], values: dict[str, Any]) -> str:
    rows = [
        [
            m,
            f"{v['per_second']:,.0f}",
            f"{v['per_second'] * v['bytes'] / 1e6:.1f}",
            f"{v['query_ms']:.3f}",
            f"{v['load_s']:.2f}",
            f"{v['grown_mb']:.0f}",
            f"{v['rss_mb']:.0f}",
            f"{v['size_mb']:.1f}",
            str(v["dim"]),
        ]
        for m, v in ((m, values[m]) for m in models)
    ]
    heads = ["", "functions per CPU second", "MB/s", "query p50 ms", "load, CPU s"]
    heads += ["grown by loading, MB", "resident, MB", "files, MB", "dimensions"]
    most = max((values[m] for m in models), key=lambda v: v["chunks"])
    note = f"{most['chunks']:,} functions of django 5.2, {most['bytes']:,.0f} bytes on average."
    return f"{note}\n\n{table(heads, rows)}"
