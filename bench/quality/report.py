"""The report of a run as Markdown: what is printed, and docs/quality.md."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

from figures import HEADS, METRICS, within
from sets import django

TITLES = {
    "source": "source folders",
    "words": "words and rules only",
    "whole": "whole packages",
    "docstring": "docstring set",
}
INTRO = f"""# How good the answers are

Written by `make quality` (Python {platform.python_version()}); do not edit. The questions and the
scoring are kept outside this repository (`make quality QUALITY=DIR`, default `../shared/quality`);
the code bases come from the registries, pinned. Every answer is one of the real command line,
`wherein search --batch - --dir DIR --limit 10 --json`, on an index made from nothing in the same
run. One part alone: `python bench/quality/run.py NAME` with one of `source words whole docstring
django ablation peers`; compared with an earlier run: `--against DIR`.

NDCG@10 is raw (the list as returned, chunks and all) or by file; brackets are 95 % bootstrap
intervals; "one left out" is the lowest and the highest mean when any one code base is left out.
"Words and rules only" is on source folders; whole packages have tests, documents and examples in;
in the docstring set, raw is by function."""


def written(found: dict[str, Any]) -> str:
    """Return the whole report of what was measured."""
    parts = [INTRO]
    if found["changed"]:
        parts.append("**wherein's sources changed while this ran: the parts may not agree.**")
    if found["sets"]:
        parts += [_sets(found["sets"]), *_groups(found["sets"])]
    if found["against"]:
        parts.append(_against(found["against"]))
    if found["django"]:
        parts.append(_django(found["django"]))
    if found["ablation"]:
        parts += _ablation(found["ablation"])
    if found["peers"]:
        parts += found["peers"]
    return "\n\n".join(parts) + "\n"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, its first column to the left."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def interval(pair: tuple[float, float], form: str = ".3f") -> str:
    """Return two bounds."""
    return f"[{pair[0]:{form}}, {pair[1]:{form}}]"


def _sets(found: dict[str, Any]) -> str:
    rows = [
        [
            TITLES[name],
            str(s["all"]["n"]),
            f"{s['all']['ndcg10']:.3f} {interval(s['all']['interval'])}",
            *(f"{s['all'][m]:.3f}" for m in METRICS[1:]),
            f"{s['mean_over_languages']:.3f}",
            f"{s['left_out'][0]:.3f} to {s['left_out'][1]:.3f}",
        ]
        for name, s in found.items()
    ]
    heads = ["", "questions", *HEADS, "mean over languages", "one left out (NDCG@10)"]
    return "## Figures\n\n" + table(heads, rows)


def _groups(found: dict[str, Any]) -> Iterator[str]:
    """One table a break-down: all columns of the first set, NDCG@10 of the others."""
    for key, title in (("category", "By category"), ("lang", "By language")):
        shown = {n: s[key] for n, s in found.items() if len(s[key]) > 1}
        if shown:
            first, *others = shown
            head = f"### {title}: {TITLES[first]}\n\n"
            yield head + _detail(shown[first], {n: shown[n] for n in others})
    if "docstring" in found:
        yield "### By code base: docstring set\n\n" + _detail(found["docstring"]["repo"], {})


def _detail(groups: dict[str, Any], others: dict[str, Any]) -> str:
    rows = [
        [
            value,
            str(g["n"]),
            f"{g['ndcg10']:.3f} {interval(g['interval'])}",
            *(f"{g[m]:.3f}" for m in METRICS[1:]),
            *(f"{other[value]['ndcg10']:.3f}" for other in others.values()),
        ]
        for value, g in groups.items()
    ]
    return table(["", "questions", *HEADS, *(f"NDCG@10, {TITLES[n]}" for n in others)], rows)


def _against(found: dict[str, Any]) -> str:
    rows = [
        [
            TITLES[name],
            head,
            _change(c[m]),
            f"{c[m]['better']} / {c[m]['worse']}",
            f"{c[m]['repos_better']} / {c[m]['repos_worse']}",
        ]
        for name, c in found.items()
        for m, head in zip(METRICS, HEADS, strict=True)
    ]
    heads = ["", "", "change", "questions better / worse", "code bases better / worse"]
    return "## Against the earlier run\n\n" + table(heads, rows)


def _django(ranks: dict[str, int | None]) -> str:
    questions = django().read()
    by_set: dict[str, list[int | None]] = {}
    for q in questions:
        by_set.setdefault(q["set"], []).append(ranks[q["id"]])
        shares = "shares an identifier" if q["shares_identifier"] else "shares no identifier"
        by_set.setdefault(shares, []).append(ranks[q["id"]])
    rows = [
        [f"`{name}`" if "." in name else name, str(len(some))]
        + [f"{100 * within(some, place):.0f} %" for place in (1, 5, 10)]
        for name, some in by_set.items()
    ]
    by_set = dict(sorted(by_set.items(), key=lambda item: not item[0].endswith(".jsonl")))
    text = "## Questions about django\n\nWritten before any search was run on it; the rank of the "
    text += (
        "first right file within `--limit 50`, files counted once. Django as installed. Nine of "
    )
    text += "the second file's twenty ask for a file that the first ten ask for too.\n\n"
    text += table(["", "questions", "first", "in 5", "in 10"], rows)
    each = [[q["query"], f"`{q['relevant'][0]}`", str(ranks[q["id"]] or "none")] for q in questions]
    return text + "\n\n" + table(["question", "file", "rank"], each)


def _ablation(found: dict[str, Any]) -> Iterator[str]:
    yield (
        "## What each part gives\n\nWith one part out at a time, and what the part gives "
        "(everything in minus without it; above nought it helps). The last two columns, NDCG@10, "
        'show a part that helps one code base only. "meaning" or "words" out: the other alone.'
    )
    for name, part in found.items():
        lines = []
        for row in part["rows"]:
            cells = [row["out"]]
            for metric, mean in row["mean"].items():
                gives = row["gives"].get(metric)
                cells += [f"{mean:.4f}", _change(gives) if gives else ""]
            gives = row["gives"].get(METRICS[0])
            if gives:
                low, high = gives["left_out"]
                cells.append(f"{low:+.4f} to {high:+.4f}")
                cells.append(f"{gives['repos_better']} / {gives['repos_worse']}")
            else:
                cells += ["", ""]
            lines.append(cells)
        heads = ["out", "NDCG@10", "gives", "by file", "gives", "one left out"]
        heads += ["code bases better / worse"]
        text = f"### {TITLES[name].capitalize()}\n\n" + table(heads, lines)
        if part["differ"]:
            text += f"\n\n{part['differ']} of {part['questions']} answers of this table's "
            text += "first line differ from those of the command line."
        yield text


def _change(c: dict[str, Any]) -> str:
    return f"{c['mean']:+.4f} {interval((c['low'], c['high']), '+.3f')}"
