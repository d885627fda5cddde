"""The question sets: where their questions and trees are, and how answers are scored.

Questions, corpora and scoring are not part of this repository: they live in a folder of their own,
../shared/quality beside the checkout or wherever the environment's QUALITY says.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "bench/.cache"
CORPORA = CACHE / "corpora"
DOCSTRING = CACHE / "docstring"
WORK = CACHE / "quality"

Question = dict[str, Any]


@dataclass(frozen=True)
class QuestionSet:
    """Questions about the trees `trees/REPO/ROOT`; `words` go to the command line as well."""

    name: str
    title: str
    questions: Path
    trees: Path
    words: tuple[str, ...] = ()

    def read(self) -> list[Question]:
        """Return the questions."""
        return read_lines(self.questions)


def shared() -> Path:
    """Return the folder with the questions and the scoring, or end with what to do."""
    folder = Path(os.environ.get("QUALITY") or ROOT.parent / "shared/quality")
    if not (folder / "dev.jsonl").is_file():
        raise SystemExit(
            f"The questions and the scoring are not in {folder}. They are kept outside this "
            "repository: put their folder there, or name it: make quality QUALITY=DIR"
        )
    return folder.resolve()


def scoring() -> ModuleType:
    """Load the shared score.py as a module."""
    spec = importlib.util.spec_from_file_location("score", shared() / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object a line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def source() -> QuestionSet:
    """The development questions on the source folder of each code base."""
    path = WORK / "questions/source.jsonl"
    write_lines(path, _development())
    return QuestionSet("source", "source folders", path, CORPORA)


def words() -> QuestionSet:
    """The same, by words and rules only."""
    found = source()
    return QuestionSet(
        "words", "source folders, words and rules only", found.questions, found.trees,
        ("--mode", "lexical"),
    )  # fmt: skip


def whole() -> QuestionSet:
    """The same on whole packages: tests, documents and examples are in."""
    path = WORK / "questions/whole.jsonl"
    rows = []
    for q in _development():
        inside = [f"{q['root']}/{p}" if q["root"] else p for p in q["relevant"]]
        rows.append({**q, "root": "", "relevant": inside})
    write_lines(path, rows)
    return QuestionSet("whole", "whole packages", path, CORPORA)


def docstring() -> QuestionSet:
    """Functions by the first sentence of their docstring, which was taken out."""
    path = DOCSTRING / "docstring.jsonl"
    if not path.is_file():
        _corpora()
        _call("docstring_set.py", "--out", str(DOCSTRING), "--corpora", str(CORPORA))
    return QuestionSet("docstring", "docstring set", path, DOCSTRING)


def django() -> QuestionSet:
    """Our own questions about django as installed, written blind; ranks are taken within 50."""
    sys.path.insert(0, str(ROOT / "bench"))
    import corpora

    tree = corpora.tree("django")
    rows = []
    for file in ("django_questions.jsonl", "django_questions_2.jsonl"):
        for q in read_lines(ROOT / "bench/quality" / file):
            rows.append({**q, "repo": "django", "root": "", "set": file})
    path = WORK / "questions/django.jsonl"
    write_lines(path, rows)
    return QuestionSet("django", "questions about django", path, tree.parent)


def _development() -> list[Question]:
    """The questions whose code base could be had."""
    _corpora()
    questions = read_lines(shared() / "dev.jsonl")
    here = [q for q in questions if (CORPORA / q["repo"] / q["root"]).is_dir()]
    if missing := {q["repo"] for q in questions} - {q["repo"] for q in here}:
        print(f"not to be had, left out: {', '.join(sorted(missing))}", file=sys.stderr)
    return here


def _corpora() -> None:
    specs = json.loads((shared() / "corpora.json").read_text("utf-8"))
    missing = [s["name"] for s in specs if not (CORPORA / s["name"]).is_dir()]
    if missing:
        _call("get_corpora.py", "--out", str(CORPORA), "--only", *missing)


def _call(script: str, *words: str) -> None:
    """Run a shared script; what it could not fetch it says itself."""
    subprocess.run([sys.executable, str(shared() / script), *words], check=False, stdout=sys.stderr)
