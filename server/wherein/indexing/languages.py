"""Which language a file is in, and which grammar reads it. A table; no tree-sitter here.

A new language is a row here, a query file in `queries/` if a grammar is to find its definitions,
and a sample with its snapshot under `tests/workspaces/languages`.
"""

from __future__ import annotations

import re

import attrs


@attrs.frozen
class Language:
    """One language: how its files are known, and its grammar ("" for plain text windows).

    `query` names the file of definitions in `queries/`; the grammar's name when empty.
    """

    id: str
    suffixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()  # of a first line that begins with #!
    grammar: str = ""
    query: str = ""


LANGUAGES = (
    Language(
        "python", ("py", "pyi", "pyw"), ("SConstruct", "wscript"), ("python", "pypy"), "python"
    ),
    Language("javascript", ("js", "jsx", "mjs", "cjs"), (), ("node",), "javascript"),
    Language("typescript", ("ts", "mts", "cts"), (), ("deno", "ts-node"), "typescript"),
    Language("tsx", ("tsx",), (), (), "tsx", "typescript"),
    Language("go", ("go",), (), (), "go"),
    Language("rust", ("rs",), (), (), "rust"),
    Language("java", ("java",), (), (), "java"),
    Language("c", ("c", "h"), (), (), "c"),
    Language(
        "cpp",
        (
            "cc",
            "cpp",
            "cxx",
            "c++",
            "hh",
            "hpp",
            "hxx",
            "h++",
            "ipp",
            "inl",
            "tcc",
            "cu",
            "cuh",
            "ino",
        ),
        (),
        (),
        "cpp",
    ),
    Language(
        "ruby",
        ("rb", "rake", "gemspec", "ru", "podspec"),
        ("Rakefile", "Gemfile", "Vagrantfile", "Guardfile", "Podfile", "Brewfile"),
        ("ruby",),
        "ruby",
    ),
    Language("php", ("php", "phtml", "inc"), (), ("php",), "php"),
    Language(
        "bash",
        ("sh", "bash", "zsh", "ksh", "bats", "ebuild"),
        (".bashrc", ".bash_profile", ".profile", ".zshrc", ".bash_aliases", "PKGBUILD", "APKBUILD"),
        ("sh", "bash", "zsh", "dash", "ksh"),
        "bash",
    ),
    Language("lua", ("lua",), (), ("lua", "luajit"), "lua"),
    Language("haskell", ("hs",), (), ("runhaskell", "runghc"), "haskell"),
    Language("csharp", ("cs", "csx"), (), (), "csharp"),
    Language("kotlin", ("kt", "kts"), (), (), "kotlin"),
    Language("swift", ("swift",), (), ("swift",), "swift"),
    Language("scala", ("scala", "sc", "sbt"), (), ("scala",), "scala"),
    Language("elixir", ("ex", "exs"), (), ("elixir",), "elixir"),
    Language("zig", ("zig",), (), (), "zig"),
    Language("notebook", ("ipynb",)),
    Language("markdown", ("md", "markdown", "mdown", "mkd", "mdx", "qmd", "rmd")),
    # Known by name only: read as text, in windows of lines.
    Language("rst", ("rst",)),
    Language("asciidoc", ("adoc", "asciidoc")),
    Language("tex", ("tex", "sty", "cls", "bib")),
    Language("json", ("json", "jsonc", "json5", "geojson", "webmanifest"), (".prettierrc",)),
    Language("toml", ("toml",), ("Cargo.lock", "poetry.lock", "uv.lock", "Pipfile")),
    Language("yaml", ("yaml", "yml"), (".clang-format", ".clang-tidy")),
    Language("ini", ("ini", "cfg", "conf", "properties"), (".editorconfig", ".gitconfig")),
    Language("xml", ("xml", "xsd", "xsl", "xslt", "plist", "csproj", "props", "targets", "svg")),
    Language("html", ("html", "htm", "xhtml", "jinja", "jinja2", "j2", "ejs", "hbs", "mustache")),
    Language("vue", ("vue",)),
    Language("svelte", ("svelte",)),
    Language("astro", ("astro",)),
    Language("css", ("css",)),
    Language("scss", ("scss", "sass")),
    Language("less", ("less",)),
    Language("sql", ("sql", "psql", "ddl")),
    Language("graphql", ("graphql", "gql")),
    Language("protobuf", ("proto",)),
    Language("thrift", ("thrift",)),
    Language("dockerfile", ("dockerfile",), ("Dockerfile", "Containerfile")),
    Language("makefile", ("mk", "mak"), ("Makefile", "GNUmakefile", "makefile"), ("make",)),
    Language("cmake", ("cmake",), ("CMakeLists.txt",)),
    Language("bazel", ("bzl", "bazel", "star"), ("BUILD", "WORKSPACE", "BUCK")),
    Language("groovy", ("groovy", "gradle", "gvy"), ("Jenkinsfile",), ("groovy",)),
    Language("terraform", ("tf", "tfvars", "hcl")),
    Language("nix", ("nix",)),
    Language("perl", ("pl", "pm", "t", "pod"), (), ("perl",)),
    Language("r", ("r",), (".Rprofile",), ("Rscript",)),
    Language("julia", ("jl",), (), ("julia",)),
    Language("dart", ("dart",)),
    Language("clojure", ("clj", "cljs", "cljc", "edn")),
    Language("erlang", ("erl", "hrl"), (), ("escript",)),
    Language("ocaml", ("ml", "mli")),
    Language("fsharp", ("fs", "fsi", "fsx")),
    Language("lisp", ("lisp", "lsp", "el", "scm", "ss", "rkt"), (".emacs",), ("guile", "racket")),
    Language("objective-c", ("m", "mm")),
    Language("fortran", ("f", "for", "f90", "f95", "f03", "f08")),
    Language("pascal", ("pas", "pp", "dpr")),
    Language("ada", ("ada", "adb", "ads")),
    Language("d", ("d",)),
    Language("nim", ("nim", "nims")),
    Language("crystal", ("cr",), (), ("crystal",)),
    Language("v", ("v", "sv", "vh", "svh")),
    Language("vhdl", ("vhd", "vhdl")),
    Language("assembly", ("s", "asm")),
    Language("cython", ("pyx", "pxd", "pxi")),
    Language("powershell", ("ps1", "psm1", "psd1"), (), ("pwsh",)),
    Language("batch", ("bat", "cmd")),
    Language("fish", ("fish",), (), ("fish",)),
    Language("awk", ("awk",), (), ("awk", "gawk")),
    Language("vim", ("vim",), (".vimrc", "vimrc")),
    Language("glsl", ("glsl", "vert", "frag", "comp", "hlsl", "wgsl", "metal")),
    Language("solidity", ("sol",)),
    Language("diff", ("diff", "patch")),
    Language("csv", ("csv", "tsv")),
    Language("text", ("txt", "text", "log"), ("LICENSE", "README", "CHANGELOG", "AUTHORS")),
)

_BY_ID = {language.id: language for language in LANGUAGES}
_BY_SUFFIX = {s.encode(): x.id for x in LANGUAGES for s in x.suffixes}
_BY_NAME = {n.encode(): x.id for x in LANGUAGES for n in x.names}
_BY_PROGRAM = {p.encode(): x.id for x in LANGUAGES for p in x.programs}
# A header is C unless something in its first kilobytes is only C++.
_CPP_HEADER = re.compile(
    rb"^\s*(?:class\s+\w+|namespace\b|template\s*<|using\s+\w+|public:|private:|protected:"
    rb"|#\s*include\s*<(?:\w+|c\w+)>)|\bstd::",
    re.MULTILINE,
)


def language_of(path: bytes, head: bytes) -> str:
    """Name the language of a file by its name, or by its first bytes; "" when nothing tells."""
    name = path.rpartition(b"/")[2]
    known = _BY_NAME.get(name)
    if known is not None:
        return known
    stem, dot, suffix = name.rpartition(b".")
    if dot and stem:
        suffix = suffix.lower()
        known = _BY_SUFFIX.get(suffix)
        if suffix == b"h" and _CPP_HEADER.search(head):
            return "cpp"
        if known is not None:
            return known
    if name.startswith(b"Dockerfile.") or name.startswith(b"Makefile."):
        return _BY_NAME[name.partition(b".")[0]]
    if head.startswith(b"#!"):
        return _by_shebang(head)
    return ""


def language(id: str) -> Language | None:
    """Look a language up by its id."""
    return _BY_ID.get(id)


def _by_shebang(head: bytes) -> str:
    words = head.partition(b"\n")[0][2:].split()
    programs = [word.rpartition(b"/")[2] for word in words]
    if programs[:1] == [b"env"]:  # "env -S A=1 node --flag" runs node
        programs = [x for x in programs[1:] if not x.startswith(b"-") and b"=" not in x]
    return _BY_PROGRAM.get(programs[0].rstrip(b"0123456789.-"), "") if programs else ""
