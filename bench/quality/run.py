"""Measures how good the answers are: `make quality`.

python bench/quality/run.py [source|words|whole|docstring|django|ablation|peers]…
                            [--against RUN] [--out DIR] [--only-print] [--model M] [--with WORDS]

Without names everything is measured and docs/quality.md is written from it; the peers only when
`python bench/peers/peers.py install` was run once. The answers stay in DIR, one file a set, so that
a later run can be compared with them: RUN is such a folder, or one file for the first named set.
--model measures another model (`wherein model use M`), --with hands words to `wherein search`;
neither writes the document.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "peers")]

import engines  # noqa: E402 - found by the path above
import figures  # noqa: E402 - as above
import report  # noqa: E402 - as above
import sets  # noqa: E402 - as above

import speed  # noqa: E402 - as above

SETS = {
    "source": sets.source,
    "words": sets.words,
    "whole": sets.whole,
    "docstring": sets.docstring,
    "django": sets.django,
}
#: What the ablation runs on.
ABLATION = ("source", "whole", "docstring")
RANKS_WITHIN = 50


def main() -> None:
    """Measure what was named and print it; everything, when nothing was."""
    words = _words()
    sets.shared()  # a clear end, before anything is measured
    before = _sources()
    wanted = words.what or [*SETS, "ablation", "peers"]
    ablated = list(ABLATION) if "ablation" in wanted else []
    chosen = {n: SETS[n]() for n in SETS if n in wanted or n in ablated}
    more = (*(("--wait", "full") if words.model else ()), *shlex.split(words.more))
    chosen = {n: replace(one, words=(*one.words, *more)) for n, one in chosen.items()}
    found: dict[str, Any] = {"sets": {}, "against": {}, "ablation": {}, "django": {}, "peers": {}}
    with speed.home():
        if words.model:
            speed.wherein("model", "use", words.model)
        for name, questions in chosen.items():
            answers = words.out / f"{name}.jsonl"
            deep = name == "django"
            engines.wherein(questions, answers, RANKS_WITHIN if deep else 10)
            if deep:
                found["django"] = figures.ranks(questions, answers)
                continue
            rows = figures.evaluate(questions, answers)
            found["sets"][name] = figures.summary(questions, rows)
            earlier = _earlier(words.against, name, first=name == next(iter(chosen)))
            if earlier:
                theirs = figures.evaluate(questions, earlier)
                found["against"][name] = {
                    m: figures.compare(questions, rows, theirs, m) for m in figures.METRICS
                }
        if ablated:
            import ablation

            for name in ablated:
                found["ablation"][name] = ablation.run(chosen[name], words.out / f"{name}.jsonl")
    if "peers" in wanted:
        import peers

        found["peers"] = peers.measure(words.out)
    found["changed"] = _sources() != before
    text = report.written(found)
    print(text)
    if not (words.what or words.only_print or more):
        (sets.ROOT / "docs/quality.md").write_text(text, "utf-8")


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", metavar="NAME")
    parser.add_argument("--against", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, default=sets.WORK / "latest", metavar="DIR")
    parser.add_argument("--only-print", action="store_true")
    parser.add_argument("--model", default="", metavar="M")
    parser.add_argument("--with", dest="more", default="", metavar="WORDS")
    words = parser.parse_args()
    if unknown := set(words.what) - {*SETS, "ablation", "peers"}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if words.against and words.against.resolve() == words.out.resolve():
        parser.error("--against is the folder that this run writes to; copy it, or name --out")
    return words


def _sources() -> str:
    """A hash of wherein's own code: a run that saw two versions of it says so."""
    paths = sorted((sets.ROOT / "server/wherein").rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def _earlier(against: Path | None, name: str, *, first: bool) -> Path | None:
    """The answers to compare a set with."""
    if against is None:
        return None
    if against.is_dir():
        path = against / f"{name}.jsonl"
        return path if path.is_file() else None
    if not against.is_file():
        raise SystemExit(f"--against: there is no {against}")
    return against if first else None


if __name__ == "__main__":
    main()
