"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import measure
import numpy as np
from numpy.typing import NDArray

Values = dict[str, dict[str, Any]]
Figures = NDArray[np.float64]


def written(models: Sequence[str], values: Values) -> str:
    """Return all tables for these models, those that were measured."""
    parts = []
    for part in ("docstring", "docstring, small pools"):
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
    """MRR@10 a set and model; below, the means over sets with what they differ by."""
    names = list(values[models[0]])
    figures = {m: {n: measure.reciprocal(np.array(values[m][n])) for n in names} for m in models}
    rows = [
        [f"{n} ({len(values[models[0]][n])})", *(f"{figures[m][n].mean():.3f}" for m in models)]
        for n in names
    ]
    first = [figures[models[0]][n] for n in names]
    mean, gain, change = ["**mean, MRR@10**"], ["mean, NDCG@10"], [f"{models[0]} minus it"]
    for m in models:
        groups = [figures[m][n] for n in names]
        low, high = measure.interval(groups)
        mean.append(f"**{np.mean([g.mean() for g in groups]):.3f}** [{low:.3f}, {high:.3f}]")
        gains = [measure.gain(np.array(values[m][n])).mean() for n in names]
        gain.append(f"{np.mean(gains):.3f}")
        change.append("" if m == models[0] else _difference(first, groups))
    return table(["set (questions)", *models], [*rows, mean, gain, change])


def _questions(models: Sequence[str], values: dict[str, Any]) -> str:
    """One table of the models that were asked everything, one of all models if that is less."""
    most = max(len(values[m]) for m in models)
    full = [m for m in models if len(values[m]) == most]
    parts = [_asked(full, values, list(values[full[0]]))]
    if len(full) < len(models):
        common = [i for i in values[models[0]] if all(i in values[m] for m in models)]
        parts.append(_asked(models, values, common))
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
