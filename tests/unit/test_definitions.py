"""Forms in which real code defines things: what is a symbol, and which rows are its chunk."""

from __future__ import annotations

import pytest

from wherein.domain import ParsedFile, Signature
from wherein.indexing.chunker import parse
from wherein.indexing.lines import LIMIT
from wherein.indexing.reader import Source, from_bytes

#: Rows that make a definition a chunk of its own. {fill} stands for some, {much} for too many.
FILL = "    work = work_of_some_length(that, is_no, comment);\n" * 5
MUCH = "    work = work_of_some_length(that, is_no, comment);\n" * (LIMIT // 50 + 5)


def parsed(name: str, text: str) -> ParsedFile:
    text = text.replace("{fill}\n", FILL).replace("{much}\n", MUCH)
    source = from_bytes(name.encode(), text.encode(), Signature(0, 0, 0, 0))
    assert isinstance(source, Source)
    return parse(source)


def symbols(name: str, text: str) -> list[str]:
    return [f"{one.kind.value} {one.qualified}" for one in parsed(name, text).symbols]


def chunks(name: str, text: str) -> list[str]:
    return [
        f"{one.start_line}-{one.end_line} {one.symbol}".rstrip()
        for one in parsed(name, text).chunks
    ]


SYMBOLS = [
    ("a.cpp", "class LIB_API Error : public std::exception {\n int code() { return 1; }\n};",
     ["class Error", "method Error.code"]),
    ("a.cpp", "LIB_BEGIN_NAMESPACE\n\nstruct LIB_API(2) Status final {\n int ok();\n};",
     ["struct Status"]),
    ("a.cpp", "struct B {\n operator bool() const { return 1; }\n};",
     ["struct B", "method B.operator bool"]),
    ("a.cpp", "TEST_F(CacheTest, Evicts) {\n}\nTEST(One) {\n}",
     ["method CacheTest.Evicts", "function One"]),
    ("a.cpp", "LIB_API std::string name_of() {\n return x;\n}", ["function name_of"]),
    ("a.c", "LUA_API lua_Unsigned lua_rawlen (lua_State *L) {\n return 1;\n}",
     ["function lua_rawlen"]),
    ("a.c", "typedef char *(*load_fn)(int);\ntypedef struct { int a; } *handle;\n"
            "static const struct cmd commands[] = {\n {1, 2},\n};",
     ["type load_fn", "struct handle", "constant commands"]),
    ("a.rs", "cfg_rt! {\n pub fn start() {}\n cfg_x! {\n impl Foo { fn inner(&self) {} }\n }\n}\n"
             "mod m { cfg_if! { if #[cfg(unix)] { fn unixy() {} } } }\n"
             "thread_local! { static A: u8 = 1; }",
     ["function start", "method Foo.inner", "module m", "function m.unixy"]),
    ("a.rs", "impl T for u8 { fn a(&self) {} }\nimpl T for [X] { fn b(&self) {} }\n"
             "impl T for std::vec::Vec<u8> { fn c(&self) {} }",
     ["method u8.a", "method [X].b", "method Vec.c"]),
    ("a.hs", "insert :: a -> a\ninsert x = x\n\ninsert' :: a -> a\ninsert' x = x\n",
     ["function insert", "function insert'"]),
    ("a.hs", "instance Monad P where\n  p >>= f = P f\n  return = pure\n",
     ["method Monad.>>=", "method Monad.return"]),
    ("a.ex", "defmodule M do\n  def left <~> right do\n    1\n  end\n  def f(x) when x do\n"
             "    2\n  end\nend",
     ["module M", "function M.<~>", "function M.f"]),
    ("a.js", "var Model = Backbone.Model = function () {};\nreq.get =\n"
             "req.header = function header() {};",
     ["function Model", "method req.get"]),
    ("a.js", "var Cache = class extends Base { m() {} };\n"
             "Router.prototype = { route: function () {} };",
     ["class Cache", "method Cache.m", "method Router.route"]),
    ("a.js", "defineGetter(req, 'ip', function ip() {});\n"
             "(function () { return function named() {}; })();",
     ["function ip", "function named"]),
    ("a.js", "x.y = wrap(function () {});\nconst load = wrap(() => { return 1; });\n"
             "const names = all.map((one) => one.name);\n"
             "function f() { this.a = this.a.map((x) => { x; }); }",
     ["method x.y", "function load", "function f"]),
    ("a.ts", "declare const VERSION: string;\nconst load = wrap(() => { return 1; });",
     ["constant VERSION", "function load"]),
    ("a.rb", "class A\n  alias :foo :bar\n  alias_method :baz, :bar\n"
             "  define_method(:qux) do |x|\n  end\nend",
     ["class A", "method A.foo", "method A.baz", "method A.qux"]),
    ("a.swift", "struct V {\n  var body: some View {\n    x\n  }\n  subscript(i: Int) -> Int {\n"
             "    1\n  }\n}",
     ["struct V", "method V.body", "method V.subscript"]),
    ("a.kt", "class A {\n  val x: Int\n    get() = 1\n  val y = 2\n}", ["class A", "method A.x"]),
    ("a.lua", "M['text/format'] = function(a)\nend\nM.cb = M.cb or function(a)\nend\n"
              "M.once = once(function()\nend)\nreturn { ['k'] = function()\nend }",
     ["function text/format", "method M.cb", "method M.once", "function k"]),
    ("a.zig", "test push { }\ntest \"pop\" { }", ["function push", "function pop"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "expected"), SYMBOLS, ids=[f"{row[0]}-{at}" for at, row in enumerate(SYMBOLS)]
)
def test_a_definition_is_a_symbol(name: str, text: str, expected: list[str]) -> None:
    assert symbols(name, text) == expected


CHUNKS = [
    # The row of the template, and what is said above it, belong to the function.
    ("a.cpp", "int f() {\n{much}\n}\n\n// Parses\n// it\ntemplate <typename T>\nint g(T x) {\n"
             "{fill}\n}",
     "g", "// Parses", "}"),
    # An indented body ends before the comment that is about the next definition.
    ("a.scala", "object O {\n  def a(x: Int): Int =\n{much}\n    1\n\n  // about b\n"
                "  // in two rows\n  def b(x: Int): Int = {\n{fill}\n  }\n}",
     "O.b", "  // about b", "}"),
    ("a.scala", "object O {\n  def a(x: Int): Int =\n{fill}\n    1\n    // still a\n\n"
             "  // about b\n"
                "  def b(x: Int): Int =\n{much}\n    1\n}",
     "O.a", "  def a(x: Int): Int =", "    // still a"),
    ("a.sql", "CREATE TABLE a (\n{fill}\n);\n/* about\n * it\n */\n-- and more\n"
              "CREATE FUNCTION f() RETURNS int AS $$\n{fill}\n$$;",
     "f", "/* about", "$$;"),
    ("a.sql", "CREATE TABLE a (\n{fill}\n); /* a\n note */\n"
              "CREATE FUNCTION f() RETURNS int AS $$\n{fill}\n$$;",
     "f", "CREATE FUNCTION f() RETURNS int AS $$", "$$;"),
    ("a.zig", "const G = struct {\n    a: u8,\n    /// Format it\n    /// well\n"
              "    pub fn format(self: G) void {\n{fill}\n    }\n    pub fn more() void {\n"
              "{much}\n    }\n};",
     "G.format", "    /// Format it", "    }"),
    ("a.rs", "impl A {\n    fn a() {\n{much}\n    }\n\n    /// About b\n    #[inline]\n"
             "    fn b() {\n{fill}\n    }\n}",
     "A.b", "    /// About b", "}"),
    # JavaScript of some houses leaves a row free below a comment; what opens the file stays apart.
    ("a.js", "/** The file.\n{fill}\n */\n\nvar a = require('a');\n\n/**\n * Sends.\n */\n\n"
             "res.send = function send() {\n{fill}\n};",
     "res.send", "/**", "};"),
    ("a.js", "var a = 1;\n{fill}\n/** A type.\n{fill}\n */\n\n"
             "/** Its own. */\nfunction g() {\n{fill}\n}",
     "g", "/** Its own. */", "}"),
    ("a.js", "/** The file.\n{fill}\n */\n\nfunction f() {\n{fill}\n}", "f", "function f() {", "}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "symbol", "first", "last"),
    CHUNKS,
    ids=[f"{row[0]}-{at}" for at, row in enumerate(CHUNKS)],
)
def test_a_chunk_is_the_definition_with_what_is_said_above_it(
    name: str, text: str, symbol: str, first: str, last: str
) -> None:
    (rows,) = (one.text.splitlines() for one in parsed(name, text).chunks if one.symbol == symbol)
    assert (rows[0], rows[-1]) == (first, last)


def test_macros_are_blanked_in_what_is_parsed_only() -> None:
    text = "int f(int a,\n  FLAGS\n) {\n return a |\n  OTHER\n ;\n}\nBEGIN_LIB\nclass API X {\n};\n"
    assert symbols("a.cpp", text) == ["function f", "class X"]
    assert "".join(one.text for one in parsed("a.cpp", text).chunks).count("BEGIN_LIB") == 1


def test_macros_in_macros_are_followed_three_deep() -> None:
    text = "m! { " * 2_000 + "fn deep() {}" + " }" * 2_000
    assert symbols("a.rs", text) == []
    assert symbols("a.rs", "m! { m! { m! { fn third() {} } } }") == ["function third"]
