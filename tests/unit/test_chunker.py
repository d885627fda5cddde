"""The chunker: every line in exactly one chunk, whatever the file; shapes that are promised."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherein.domain import Kind, ParsedFile, Signature, Skip
from wherein.indexing.chunker import parse
from wherein.indexing.languages import LANGUAGES
from wherein.indexing.lines import LIMIT, TAIL
from wherein.indexing.reader import Source, from_bytes
from wherein.indexing.units import TINY

SAMPLES = sorted((Path(__file__).parents[1] / "workspaces" / "languages").iterdir())
SUFFIXES = [x.suffixes[0] for x in LANGUAGES if x.grammar]
SUFFIXES += ["md", "txt", "sql", "html", "vue", "svelte", "astro"]
NONE = Signature(0, 0, 0, 0)


def source_of(name: str, text: str | bytes) -> Source:
    data = text.encode() if isinstance(text, str) else text
    source = from_bytes(name.encode(), data, NONE)
    assert isinstance(source, Source), source
    return source


def check(source: Source) -> ParsedFile:
    """Assert what holds for every file."""
    parsed = parse(source)
    data = source.data
    covered: dict[int, int] = {}
    before = 0
    for ordinal, chunk in enumerate(parsed.chunks):
        assert chunk.ordinal == ordinal
        assert before <= chunk.start_byte < chunk.end_byte <= len(data)
        before = chunk.end_byte
        assert chunk.text == data[chunk.start_byte : chunk.end_byte].decode("utf-8", "replace")
        assert data[chunk.start_byte : chunk.end_byte].strip()
        if not source.file_lines:
            assert chunk.start_line == data.count(b"\n", 0, chunk.start_byte) + 1
            assert chunk.start_line <= chunk.end_line
            for line in range(chunk.start_line, chunk.end_line + 1):
                covered[line] = covered.get(line, 0) + 1
    if not source.file_lines:
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            if line.strip():
                assert covered.get(number) == 1, (number, line)
    for symbol in parsed.symbols:
        assert symbol.name == symbol.qualified[-len(symbol.name) :] != ""
        assert symbol.start_line <= symbol.end_line
        assert data[symbol.start_byte : symbol.end_byte].strip()
        if not source.file_lines:
            inside = [c for c in parsed.chunks if c.start_line <= symbol.start_line <= c.end_line]
            assert [symbol.name in c.definitions for c in inside] == [True]
    return parsed


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_line_of_a_sample_is_in_one_chunk(path: Path) -> None:
    check(source_of(path.name, path.read_bytes()))


WORDS = st.sampled_from(
    [
        "def f():",
        "class A:",
        "  x = 1",
        "    return",
        "function f() {",
        "}",
        "class B {",
        "{",
        "(",
        "# c",
        "// c",
        "/* c",
        "*/",
        "@d",
        "",
        "",
        "   ",
        "\t",
        "\r",
        "\ufeff",
        "é" * 40,
        "'''",
        '"',
        "x" * 700,
        "end",
        "module M",
        "func (t *T) g() {",
        "impl A {",
        "fn h() {",
        "f x = y",
        "if [",
        "é",
        "```",
        "# head",
        "=====",
        "\x00",
        "\x0b",
        "\u2028",
        "<script>",
        "<script lang='ts'>let a = 1",
        "</script>",
        "<template>",
        "</template>",
        "<style>",
        "</style>",
        "---",
        "<p>",
        "create table a (",
        "CREATE FUNCTION f() AS $$",
        "$$;",
        "BEGIN",
        "END;",
        "GO",
        "delimiter //",
        "//",
        "int g(void) { return 1; } int h(void) {",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SUFFIXES), st.lists(WORDS, min_size=1, max_size=40))
def test_every_line_of_any_text_is_in_one_chunk(suffix: str, words: list[str]) -> None:
    source = from_bytes(f"a.{suffix}".encode(), "\n".join(words).encode(), NONE)
    if isinstance(source, Source):
        check(source)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SUFFIXES), st.binary(max_size=400))
def test_any_bytes_are_cut_or_refused(suffix: str, data: bytes) -> None:
    source = from_bytes(f"a.{suffix}".encode(), data, NONE)
    if isinstance(source, Source):
        check(source)
    else:
        assert source in {Skip.BINARY, Skip.EMPTY}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_sample_is_cut_all_the_same(path: Path, data: st.DataObject) -> None:
    text = path.read_bytes()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    source = from_bytes(path.name.encode(), text[:start] + text[end:], NONE)
    if isinstance(source, Source):
        check(source)


def test_a_function_is_a_chunk_with_what_stands_above_it() -> None:
    text = (
        "import os\nimport sys\n" * 10
        + "\n# why\n@decorated\ndef send():\n    return 1\n\n\nx = 1\n"
    )
    parsed = check(source_of("a.py", text))
    chunk = parsed.chunks[1]
    assert (chunk.symbol, chunk.kind, chunk.start_line) == ("send", Kind.FUNCTION, 22)
    assert chunk.text.startswith("# why\n@decorated\ndef send():")


def method(number: int, size: int = 300) -> str:
    return f"    def method_{number}(self):\n" + f"        value = {number}\n" * (size // 18) + "\n"


def test_a_short_class_is_one_chunk_and_a_long_one_is_its_head_and_methods() -> None:
    short = check(source_of("a.py", "class A:\n" + method(1)))
    assert [(c.symbol, c.kind) for c in short.chunks] == [("A", Kind.CLASS)]
    assert short.chunks[0].definitions == ("A", "method_1")
    head = 'class A:\n    """Doc."""\n\n    size = 1\n\n'
    long = check(source_of("a.py", head + "".join(method(n) for n in range(6))))
    assert [c.symbol for c in long.chunks] == ["A", *(f"A.method_{n}" for n in range(6))]
    assert long.chunks[0].text == head.strip()
    assert {c.kind for c in long.chunks[1:]} == {Kind.METHOD}


def test_a_long_function_is_cut_between_statements_and_keeps_its_name() -> None:
    block = (
        "    for item in items:\n" + "        use(item, 'with some words to fill the line')\n" * 8
    )
    parsed = check(source_of("a.py", "def work(items):\n" + block * 12))
    assert len(parsed.chunks) > 2
    for chunk in parsed.chunks:
        assert (chunk.symbol, chunk.kind) == ("work", Kind.FUNCTION)
        assert len(chunk.text) <= LIMIT + TAIL
        assert chunk.text.startswith(("def work", "    for item"))


def test_tiny_rests_join_a_neighbour_unless_they_define_something() -> None:
    parsed = check(source_of("a.js", "'use strict';\n\nfunction f() {\n  return 1;\n}\n\nf();\n"))
    assert [c.symbol for c in parsed.chunks] == ["f"]
    assert len("'use strict';") < TINY
    defining = check(source_of("a.py", "LIMIT = 1\n\n\ndef f():\n    return LIMIT\n"))
    assert [c.definitions for c in defining.chunks] == [("LIMIT",), ("f",)]


def test_deep_nesting_is_no_recursion() -> None:
    for suffix, text in (
        ("py", "x = " + "\n(" * 100_000 + ")" * 9000),
        ("js", "x = " + "[\n" * 100_000),
        ("py", "".join(" " * n + f"class C{n}:\n" for n in range(900)) + " " * 900 + "pass\n"),
        ("c", "int f() " + "{\n" * 50_000),
    ):
        check(source_of(f"a.{suffix}", text))


def test_minified_files_are_windows_and_an_endless_line_is_cut_short() -> None:
    parsed = check(source_of("a.js", "var a=1;\n" + "function f(){return 1}" * 1000 + "\nvar b;\n"))
    assert {c.kind for c in parsed.chunks} == {Kind.TEXT}
    assert max(len(c.text) for c in parsed.chunks) <= 3 * LIMIT
    assert parsed.symbols == ()


def test_a_byte_order_mark_and_carriage_returns_are_no_text() -> None:
    parsed = check(source_of("a.py", b"\xef\xbb\xbfdef f():\r\n    return 1\r\n\r\n"))
    assert parsed.chunks[0].text == "def f():\r\n    return 1"
    assert parsed.chunks[0].start_byte == 3
    assert parsed.symbols[0].signature == "def f():"


def test_scripts_in_a_page_are_read_in_their_own_language() -> None:
    page = (
        '<script type="application/json">{"a": "function no() {}"}</script>\n'
        "<script lang=ts>\nfunction send(part: string): void {\n  go(part)\n}\n</script>\n"
        "<p>é</p><script>function short() { return 1 }</script>\n"
        '<script type="text/x-template"><script-like>function no() {}</script>\n'
    )
    parsed = check(source_of("page.html", page))
    assert [(one.qualified, one.start_line) for one in parsed.symbols] == [
        ("send", 3),
        ("short", 7),
    ]


def test_a_component_is_cut_by_part() -> None:
    row = "    <li>{{ one of many things in a long list of a template }}</li>\n"
    component = (
        "<template>\n  <ul>\n    <template v-if='a'>\n" + row * 60 + "    </template>\n  </ul>\n"
        "</template>\n<script>\nexport function load() {\n  return 1\n}\n</script>\n"
    )
    parsed = check(source_of("list.vue", component))
    *template, script = parsed.chunks
    assert {chunk.symbol for chunk in template} == {"template"}
    assert len(template) > 2
    assert (script.symbol, script.definitions) == ("load", ("load",))


@pytest.mark.parametrize(
    "text", ["<script>\n" * 20_000, "<script \n" * 20_000, "<script a='\n" * 20_000]
)
def test_unclosed_tags_take_no_long_time(text: str) -> None:
    check(source_of("page.html", text))


def test_statements_of_sql_are_definitions_whatever_the_dialect() -> None:
    text = (
        "create table a.b (x text default 'create table no (y int);');\n"
        "CREATE OR REPLACE FUNCTION f() RETURNS int AS $q$\n"
        "BEGIN\n  create table no2 (x int);\nEND;\n$q$;\n"
        "CREATE PROC [dbo].[p] AS\nBEGIN\n  SELECT CASE WHEN 1=1 THEN 2 END;\nEND\nGO\n"
        "delimiter //\ncreate procedure q() begin if 1 then select 1; end if; end//\ndelimiter ;\n"
        "begin;\ninsert into t values (1);\nend;\ncreate view v as select 1;\n"
    )
    parsed = check(source_of("schema.sql", text))
    found = [(one.qualified, one.kind, one.start_line, one.end_line) for one in parsed.symbols]
    assert found == [
        ("a.b", Kind.STRUCT, 1, 1),
        ("f", Kind.FUNCTION, 2, 6),
        ("dbo.p", Kind.FUNCTION, 7, 10),
        ("q", Kind.FUNCTION, 13, 13),
        ("v", Kind.STRUCT, 18, 18),
    ]


def test_a_notebook_gives_lines_of_its_own_file() -> None:
    path = next(path for path in SAMPLES if path.suffix == ".ipynb")
    lines = path.read_text().split("\n")
    parsed = check(source_of(path.name, path.read_bytes()))
    assert "def growth" in lines[parsed.symbols[0].start_line - 1]
    assert {c.kind for c in parsed.chunks} >= {Kind.CELL, Kind.CLASS}
    for chunk in parsed.chunks:
        assert chunk.text.split("\n")[0] in lines[chunk.start_line - 1]
        assert "secret output" not in chunk.text


def test_sections_of_markdown_know_the_headings_above() -> None:
    body = "Words that say something about it. " * 10
    text = f"# One\n\n{body}\n\n## Two\n\n{body}\n\n```sh\n# none\n```\n\n# Three\n\n{body}\n"
    parsed = check(source_of("a.md", text))
    assert [(c.symbol, c.kind) for c in parsed.chunks] == [
        ("One", Kind.SECTION), ("One.Two", Kind.SECTION), ("Three", Kind.SECTION),
    ]  # fmt: skip


def test_a_specialised_template_has_the_name_of_the_template() -> None:
    text = (
        "template <typename T> struct formatter { int x; };\n\n"
        "template <typename T> struct formatter<list<T>, if_t<is<T>::value && is<T>::other>> {\n"
        "  int y;\n};\n\n"
        "template <> void swap<int>(int& a, int& b) { a = b; }\n"
    )
    names = [(s.name, s.qualified) for s in check(source_of("a.cpp", text)).symbols]
    assert names == [("formatter", "formatter"), ("formatter", "formatter"), ("swap", "swap")]


@pytest.mark.parametrize(
    ("name", "text", "passed_on", "symbols"),
    [
        (
            "a.rs",
            "pub use core::extract::{FromRef, sub::{A, b::C, D as E}};\n"
            "pub use q::R as S;\nuse std::io::Read;\nfn own() {}\n",
            ("FromRef", "A", "C", "E", "S", "own"),
            ["own"],
        ),
        (
            "a.ts",
            'export { a, b as c } from "./q";\nexport * as all from "./r";\n'
            'import { x } from "./s";\nexport { x };\nexport function own() {}\n',
            ("a", "c", "all", "own"),
            ["own"],
        ),
    ],
)
def test_names_that_are_passed_on_lead_to_where_they_are(
    name: str, text: str, passed_on: tuple[str, ...], symbols: list[str]
) -> None:
    """They are no symbols of the file: the symbol box of an editor shows what is defined."""
    parsed = check(source_of(name, text))
    assert [chunk.definitions for chunk in parsed.chunks] == [passed_on]
    assert [one.name for one in parsed.symbols] == symbols
