"""Token ids by run, beside what the tokenizer itself says of the whole text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers

from model_folders import write_static
from wherein.embedding import models, runs
from wherein.embedding.runs import RememberedRuns, splits_at_runs

ROOT = Path(__file__).parents[2]
LONG = 512


def ours() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(models.resolve("").folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length=LONG)
    return tokenizer


TOKENIZER = ours()
REMEMBERED = RememberedRuns(TOKENIZER)


def whole(text: str) -> list[int]:
    return list(TOKENIZER.encode(text, add_special_tokens=False).ids)


def test_the_ids_of_our_own_sources_are_the_tokenizers() -> None:
    texts = [
        path.read_text(encoding="utf-8")[start : start + 1_500]
        for folder in ("server", "client-ts/src", "tests/unit/snapshots")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".ts", ".scm", ".json", ".toml")
        for start in (0, 1_500, 3_000)
    ]
    assert len(texts) > 300
    for text in texts:
        assert REMEMBERED.ids_of([text]) == [whole(text)]


CODE = st.lists(
    st.sampled_from(
        [
            "getHTTPResponse2", "snake_case", "XMLHttpRequest", "x86_64", "UTF8", "aB", "AB", "Ab",
            "12345678", "0x1F600", "é", "straße", "İstanbul", "K", "日本", "日本語2Go", "π2", "ﬁ",
            "\u00a0", "\u2028", "\u200d", "\x00", "\x0b", "\x1c", "\x7f", "\ufeff", "_", "-", ".",
            "$", " ", "\n", "\t", "[UNK]", "[unk]", "[", "UNK", "]", "😀", "e\u0301", "ǅ", "ß",
        ]
    )
    | st.characters(exclude_categories=("Cs",)),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(CODE)
def test_the_ids_of_any_text_are_the_tokenizers(text: str) -> None:
    assert REMEMBERED.ids_of([text, ""]) == [whole(text), []]


def test_a_long_text_is_cut_where_the_tokenizer_cuts() -> None:
    text = "one two " * LONG
    assert REMEMBERED.ids_of([text]) == [whole(text)]
    assert len(whole(text)) == LONG


def test_half_a_surrogate_pair_is_taken() -> None:
    (ids,) = REMEMBERED.ids_of(["a\ud800b"])
    assert ids == whole("a?b")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_REMEMBERED", 50)
    remembered = RememberedRuns(TOKENIZER)
    texts = [f"name{number} {'x' * 100}{number}" for number in range(500)]
    assert remembered.ids_of(texts) == [whole(text) for text in texts]
    assert 0 < len(remembered) <= 50
    assert all(len(run) <= 64 for run in remembered)


def test_only_a_tokenizer_made_as_ours_is_taken_by_run(tmp_path: Path) -> None:
    assert splits_at_runs(ours())
    folder = write_static(tmp_path / "own")
    assert not splits_at_runs(Tokenizer.from_file(str(folder / "tokenizer.json")))
    for change in (
        lambda t: setattr(t, "pre_tokenizer", pre_tokenizers.Whitespace()),
        lambda t: setattr(t, "normalizer", normalizers.Lowercase()),
        lambda t: t.add_tokens([AddedToken("a-b")]),
        lambda t: t.enable_padding(),
    ):
        changed = ours()
        change(changed)
        assert not splits_at_runs(changed)
    assert json.loads(ours().to_str())["post_processor"] is None
