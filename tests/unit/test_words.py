"""Identifiers into words, and words to their stems."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherein.ranking.words import MAX_IDENTIFIER, MAX_TOKEN, stem, token_text, tokens, tokens_of


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("HTTPServer", "http server httpserver"),
        ("http_server", "http server httpserver"),
        ("httpServer", "http server httpserver"),
        ("__init__", "init"),
        ("utf8", "utf 8 utf8"),
        ("getURLs", "get url geturls"),
        ("XMLHttpRequest", "xml http request xmlhttprequest"),
        ("Größe", "größ"),
        ("straßenName", "straßen nam straßenname"),
        ("文件上传", "文件 件上 上传"),
        ("单", "单"),
        ("a.b-c", "a b c"),
        ("", ""),
        ("->(){};", ""),
    ],
)
def test_identifier_is_split(identifier: str, expected: str) -> None:
    assert token_text(identifier) == expected


@pytest.mark.parametrize(
    "family",
    [
        ("upload", "uploads", "uploading", "uploaded"),
        ("retry", "retries", "retried", "retrying"),
        ("embed", "embedding", "embedded"),
        ("delete", "deletes", "deleting", "deleted", "deletion"),
        ("cache", "caches", "caching", "cached"),
        ("parse", "parsing", "parsed", "parses"),
        ("run", "running", "runs"),
        ("connect", "connection", "connections", "connecting"),
        ("class", "classes"),
        ("address", "addresses"),
    ],
)
def test_forms_of_a_word_share_a_stem(family: tuple[str, ...]) -> None:
    assert len({stem(word) for word in family}) == 1


@pytest.mark.parametrize("word", ["string", "thing", "status", "speed", "bus", "this", "is", "io"])
def test_words_that_only_look_inflected_stay(word: str) -> None:
    assert stem(word) == word


def test_data_is_not_a_word() -> None:
    assert token_text("A" * (MAX_IDENTIFIER + 1)) == ""
    assert tokens("x = 'QUJD" + "RkZG" * 200 + "'") == ["x"]


@given(st.text())
def test_any_text_gives_tokens_that_are_plain(text: str) -> None:
    for token in tokens(text):
        assert token
        assert not any(c.isspace() or c in "\"'()*:^\0" for c in token)
        assert token == token.lower() or not token.isascii()


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=60))
def test_a_token_finds_itself(text: str) -> None:
    """What a document stores is found by the same text as a query: splitting is a function."""
    assert tokens(text) == tokens(text)
    for word in text.split():
        assert set(tokens(word)) <= set(tokens(text))


IDENTIFIERS = st.text(alphabet="abcsdgneXYZ09_", min_size=1, max_size=MAX_IDENTIFIER + 4)


@given(IDENTIFIERS)
def test_the_quick_way_of_a_document_is_the_way_of_a_question(identifier: str) -> None:
    assert token_text(identifier) == " ".join(tokens_of(identifier))


@pytest.mark.parametrize("identifier", ["a" * 65, "a" * 64 + "B", "_" * 70 + "aB", "a1" * 40, "_"])
def test_too_long_a_part_is_left_out_and_the_rest_stays(identifier: str) -> None:
    assert token_text(identifier) == " ".join(tokens_of(identifier))
    assert all(0 < len(token) <= MAX_TOKEN for token in tokens(identifier))
