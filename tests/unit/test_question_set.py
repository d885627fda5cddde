"""The hand-written questions: enough, well spread, and each one answerable by its format."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

QUALITY = Path(__file__).parents[2] / "bench/quality"
QUESTIONS = [
    json.loads(line) for line in (QUALITY / "questions.jsonl").read_text("utf-8").splitlines()
]
PACKAGES = {p["name"]: p for p in json.loads((QUALITY / "questions_packages.json").read_text())}


def test_questions_are_many_and_spread() -> None:
    assert len(QUESTIONS) >= 150
    assert len({q["repo"] for q in QUESTIONS}) >= 12
    assert len({q["lang"] for q in QUESTIONS}) >= 8
    assert max(Counter(q["repo"] for q in QUESTIONS).values()) <= len(QUESTIONS) / 10


def test_at_least_half_share_no_word_with_the_answers_name() -> None:
    assert sum(not q["shares_identifier"] for q in QUESTIONS) >= len(QUESTIONS) / 2


def test_ids_and_questions_are_unique() -> None:
    assert len({q["id"] for q in QUESTIONS}) == len(QUESTIONS)
    assert len({q["query"] for q in QUESTIONS}) == len(QUESTIONS)


def test_each_answer_has_a_path_and_perhaps_a_symbol_with_lines() -> None:
    for q in QUESTIONS:
        assert q["relevant"], q["id"]
        assert len(q["relevant"]) == len(q["symbols"]) == len(q["lines"]), q["id"]
        for symbol, lines in zip(q["symbols"], q["lines"], strict=True):
            assert (symbol is None) == (lines is None), q["id"]
            assert lines is None or 1 <= lines[0] <= lines[1], q["id"]


def test_every_package_is_pinned_by_version_and_hash() -> None:
    for q in QUESTIONS:
        package = PACKAGES[q["repo"]]
        assert q["root"] == package["root"]
        assert q["lang"] == package["lang"]
    for package in PACKAGES.values():
        assert len(package["sha256"]) == 64
        assert package["version"][0].isdigit()
