"""What was written for training: sound, and nothing of what models are measured by."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from training import clean, keepout, lock, written
from training.pairs import Pair
from wherein.ranking.words import STOP_WORDS, tokens

QUALITY = Path(__file__).parents[2] / "bench/quality"
CONCEPTS = [one for _, one in written.concepts()]
ASKED = written.questions(written.QUESTIONS)
SOUGHT = [one for path in written.SOUGHT_FOLDER.iterdir() for one in written.questions(path)]


def words(text: str) -> frozenset[str]:
    """The words of a question that carry meaning."""
    return frozenset(one for one in tokens(text) if one not in STOP_WORDS and len(one) > 2)


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two questions have three words and half of all their words in common."""
    shared = len(one & other)
    return shared >= 3 and shared >= len(one | other) / 2


def test_every_concept_has_names_code_and_questions() -> None:
    assert len(CONCEPTS) > 5_000
    for one in CONCEPTS:
        assert one.names, one
        assert one.code.isascii(), one
        assert one.asked, one
        assert all(text.isascii() and text.strip() for text in (*one.names, *one.asked)), one


def test_no_question_is_there_twice() -> None:
    texts = [text for one in (*CONCEPTS, *SOUGHT) for text in one.asked]
    times = Counter(" ".join(text.lower().split()) for text in texts)
    assert [text for text, count in times.items() if count > 1] == []


@pytest.mark.parametrize("file", sorted(QUALITY.glob("*questions*.jsonl")), ids=lambda p: p.name)
def test_no_question_is_like_one_that_models_are_measured_by(file: Path) -> None:
    measured = [words(json.loads(line)["query"]) for line in file.read_text("utf-8").splitlines()]
    having: dict[str, list[frozenset[str]]] = {}
    for one in measured:
        for word in one:
            having.setdefault(word, []).append(one)
    own = [text for line in (*CONCEPTS, *ASKED, *SOUGHT) for text in line.asked]
    found = []
    for text in own:
        has = words(text)
        if any(alike(has, other) for word in has for other in having.get(word, ())):
            found.append(text)
    assert found == []


def test_what_counts_as_like_another_question() -> None:
    assert alike(
        words("compare passwords without leaking timing"), words("leaking the timing of passwords")
    )
    assert not alike(words("compare passwords"), words("compare passwords"))


def test_pairs_take_turns_with_the_names(tmp_path: Path) -> None:
    line = {"names": ["gzip", "deflate"], "code": "zlib level", "asked": ["one", "two", "three"]}
    (tmp_path / "field.jsonl").write_text(json.dumps(line) + "\n")
    found = written.pairs(tmp_path)
    assert [(one.query, one.own_name) for one in found] == [
        ("one", "gzip"), ("two", "deflate"), ("three", "gzip"),
    ]  # fmt: skip
    assert {one.code for one in found} == {"zlib level"}


def test_questions_about_code_are_about_what_is_trained_on_alone() -> None:
    assert len(SOUGHT) > 10_000
    locked = {one.name for one in lock.read()}
    for one in SOUGHT:
        assert one.package in locked, one
        assert not keepout.package_is_kept_out(one.package), one
        assert not keepout.path_is_foreign(one.file), one
        here = Pair("doc", one.language, one.package, one.file, one.name, "", "")
        assert not clean.is_tuning(here), one
        assert one.asked, one
        assert all(len(text.split()) > 1 and text == text.strip() for text in one.asked), one


def test_no_code_is_asked_for_in_two_lines() -> None:
    times = Counter((one.package, one.file, one.name) for one in SOUGHT)
    assert [place for place, count in times.items() if count > 1] == []


def test_a_question_about_code_takes_its_answer_from_the_pairs(tmp_path: Path) -> None:
    line = {"package": "p", "language": "go", "file": "a.go", "name": "F", "asked": ["one", "two"]}
    (tmp_path / "go.jsonl").write_text(json.dumps(line) + "\n")
    answer = Pair("doc", "go", "p", "a.go", "F", "q", "code", "rest")
    others = [
        Pair("doc", "go", "p", "a.go", "G", "q", "code"),
        Pair("comment", "go", "p", "a.go", "F", "q", "some rows"),
    ]
    found = written.sought([answer, *others], tmp_path)
    assert [(one.kind, one.query, one.code, one.rest) for one in found] == [
        ("sought", "one", "code", "rest"), ("sought", "two", "code", "rest"),
    ]  # fmt: skip


def test_questions_in_other_words_are_about_tuning_packages_alone() -> None:
    assert len(ASKED) > 300
    assert len({one.language for one in ASKED}) >= 16
    known = clean.TUNING | set(clean._BY_FILE)
    assert {one.package for one in ASKED} <= known


def test_a_question_in_other_words_takes_its_answer_from_the_tuning_pairs() -> None:
    line = ASKED[0]
    answer = Pair("doc", line.language, line.package, line.file, line.name, "q", "code")
    other = Pair("doc", line.language, line.package, line.file, "another", "q", "code")
    found = written.asked([other, answer])
    assert [one.query for one in found] == line.asked
    assert {(one.kind, one.name, one.code) for one in found} == {("asked", line.name, "code")}
