# ruff: noqa: E501 - sources of many languages, one a line
"""What questions and answers are found in source files and documents."""

from __future__ import annotations

import random

import pytest

from training import code_pairs, prose, sentences, syntax
from training.pairs import Pair

PYTHON = b'''"""Keeps requests within the limits of a plan."""

class Limiter:
    """Counts requests in a sliding window.

    Old entries are forgotten when a new one arrives. Raises nothing.
    """

    @property
    def is_full(self):
        """Tell whether the next request must wait."""
        # the oldest entry leaves the window first
        oldest = self.entries[0]
        return oldest > self.now()

    def forget_old_entries(self):
        kept = [x for x in self.entries if x > 1]
        self.entries = kept
        self.size = len(kept)
        raise ValueError("the window holds no entry at all")
'''


def found(path: str, data: bytes) -> dict[str, list[Pair]]:
    source = syntax.parse(path, data)
    assert source is not None
    kinds: dict[str, list[Pair]] = {}
    place = code_pairs.Place("package", path)
    rnd = random.Random(0)
    rnd.random = lambda: 0.0  # type: ignore[method-assign]
    for pair in code_pairs.pairs(source, place, rnd):
        kinds.setdefault(pair.kind, []).append(pair)
    return kinds


def test_every_kind_of_pair_of_a_python_file() -> None:
    kinds = found("a/limiter.py", PYTHON)
    docs = {pair.name: pair for pair in kinds["doc"]}
    assert docs["Limiter"].query == "Counts requests in a sliding window."
    assert docs["Limiter.is_full"].query == "Tell whether the next request must wait."
    assert docs["Limiter.is_full"].header == "a/limiter.py Limiter.is_full"
    assert docs["Limiter.is_full"].code.lstrip().startswith("@property\n    def is_full")
    (detail,) = kinds["detail"]
    assert detail.query == "Old entries are forgotten when a new one arrives."
    (comment,) = kinds["comment"]
    assert comment.query == "the oldest entry leaves the window first"
    assert comment.code.lstrip().startswith("oldest = self.entries[0]")
    (name,) = kinds["name"]
    assert name.query == "forget old entries"
    assert name.name == "Limiter"
    (error,) = kinds["error"]
    assert error.query == "the window holds no entry at all"
    (file,) = kinds["file"]
    assert file.query == "Keeps requests within the limits of a plan."
    assert "Limiter" in file.code


def test_no_answer_holds_the_sentence_that_asks_for_it() -> None:
    for pairs in found("a/limiter.py", PYTHON).values():
        for pair in pairs:
            assert pair.query.lower() not in pair.code.lower()


SAMPLES = {
    "a.go": b"package a\n\n// Open makes a store ready for use.\nfunc Open(p string) *S {\n\treturn &S{p}\n}\n",
    "a.rs": b"/// Makes a store ready for use.\n#[inline]\npub fn open(p: &str) -> S {\n    S { p }\n}\n",
    "A.java": b"class A {\n  /** Makes a store ready for use. */\n  @Override\n  S open(String p) {\n    return new S(p);\n  }\n}\n",
    "a.c": b"/* Makes a store ready for use. */\nstruct s *open_s(const char *path, int flags);\n",
    "a.cpp": b"// Makes a store ready for use.\nS open(const char* p) {\n  return S(p);\n}\n",
    "a.ts": b"/** Makes a store ready for use. */\nexport function open(p: string): S {\n  return new S(p);\n}\n",
    "a.js": b"// Makes a store ready for use.\nconst open = (p) => {\n  return new S(p);\n};\n",
    "a.rb": b"# Makes a store ready for use.\ndef open(p)\n  S.new(p).tap(&:go)\nend\n",
    "a.php": b"<?php\n/** Makes a store ready for use. */\nfunction open_s($p) {\n  return new S($p);\n}\n",
    "a.cs": b"class A {\n  /// <summary>Makes a store ready for use.</summary>\n  S Open(string p) {\n    return new S(p);\n  }\n}\n",
    "a.kt": b"/** Makes a store ready for use. */\nfun open(p: String): S {\n  return S(p)\n}\n",
    "a.swift": b"/// Makes a store ready for use.\nfunc open(p: String) -> S {\n  return S(p)\n}\n",
    "a.scala": b"object A {\n  /** Makes a store ready for use. */\n  def open(p: String): S = {\n    new S(p)\n  }\n}\n",
    "a.lua": b"--- Makes a store ready for use.\nfunction open(p)\n  return S(p, 1)\nend\n",
    "a.hs": b"module A where\n\n-- | Makes a store ready for use.\nopen :: String -> S\nopen p = S p\n",
    "a.ex": b'defmodule A do\n  @doc """\n  Makes a store ready for use.\n  """\n  def open(p) do\n    S.new(p)\n  end\nend\n',
    "a.zig": b"/// Makes a store ready for use.\npub fn open(p: []const u8) S {\n    return S{ .p = p };\n}\n",
    "a.sh": b"# Makes a store ready for use.\nopen_store() {\n  mkdir -p \"$1\"\n}\n",
}  # fmt: skip


@pytest.mark.parametrize("path", SAMPLES)
def test_documentation_is_found_in_every_language(path: str) -> None:
    docs = found(path, SAMPLES[path])["doc"]
    assert [pair.query.lower() for pair in docs] == ["makes a store ready for use."]
    assert "ready for use" not in docs[0].code
    assert "open" in docs[0].name.lower()


def test_a_licence_at_the_head_of_a_file_is_not_what_the_file_is_about() -> None:
    text = b"// Copyright 2020 Somebody, all rights reserved.\n\npackage a\n\nfunc Run() {\n\tgo()\n}\n"
    assert "file" not in found("a.go", text)


def test_generated_and_minified_files_are_not_read() -> None:
    assert syntax.parse("a.js", b"var a=1;" * 400) is None
    assert syntax.parse("a.txt", b"text\n") is None


def test_tests_speak_of_the_functions_they_call() -> None:
    test = syntax.parse(
        "test_a.py", b"def test_parse_header_ignores_blank_lines():\n    x = parse_header('a')\n"
    )
    assert test is not None
    known = {"parse_header": Pair("doc", "python", "p", "a.py", "parse_header", "q", "def …")}
    (pair,) = code_pairs.tests(test, known, code_pairs.Place("p", "test_a.py"))
    assert (pair.query, pair.file) == ("parse header ignores blank lines", "a.py")


def test_a_document_gives_headings_samples_and_paragraphs() -> None:
    text = (
        "# Rate limits\n\nA window of sixty seconds is kept for every caller and for every route of "
        "the service.\n\nTo raise the limit of one caller:\n\n```\nlimits.raise('caller', to=100)\n```\n"
    )
    pairs = list(prose.pairs("p", "README.md", prose.blocks("README.md", text), random.Random(0)))
    assert [(pair.kind, pair.query) for pair in pairs] == [
        ("prose", "Rate limits"),
        ("readme", "To raise the limit of one caller"),
    ]
    assert pairs[1].code == "limits.raise('caller', to=100)"


def test_html_gives_terms_with_their_meaning() -> None:
    text = "<html><body><nav><p>Home</p></nav><dl><dt>evict(key)</dt><dd><p>Throw the oldest entry of a cache away.</p></dd></dl></body></html>"
    (pair,) = prose.pairs("p", "a.html", prose.blocks("a.html", text), random.Random(0))
    assert (pair.query, pair.code) == ("Throw the oldest entry of a cache away.", "evict(key)\n")


def test_sentences_lose_their_markup_and_their_own_name() -> None:
    doc = "Open is a helper to open :class:`~a.b.Store` objects, e.g. from {@link Path}.\n\n@param p x"
    assert sentences.sentences(doc, "Open") == ["helper to open Store objects, e.g from Path."]
    assert sentences.words_of("parseHTTPHeader_v2") == ["parse", "http", "header", "v2"]


@pytest.mark.parametrize(
    "text", ["too short", "TODO write this down", "x = y(1) + {2: 3} * [4]", "日本語 の 文 です ね"]
)
def test_what_is_no_question(text: str) -> None:
    assert not sentences.is_query(text)
