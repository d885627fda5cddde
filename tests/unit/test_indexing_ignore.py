"""Ignore rules, compared with what git itself lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.git_trees import git, listed, listed_by_git, write
from wherein.indexing.ignore import IgnoreRules
from wherein.indexing.rulefile import RuleFile
from wherein.indexing.walker import walk


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


TABLE = {
    "plain names": {
        ".gitignore": "out\n",
        "out/a": "",
        "b/out/c": "",
        "b/outer": "",
        "out.txt": "",
    },
    "directories only": {".gitignore": "out/\n", "a/out": "", "b/out/c": "", "out.d/x": ""},
    "anchored": {
        ".gitignore": "/out\nb/c.txt\n",
        "a/out": "",
        "out/x": "",
        "b/c.txt": "",
        "a/b/c.txt": "",
    },
    "deepest wins": {
        ".gitignore": "*.log\n",
        "a/.gitignore": "!keep.log\n",
        "a/keep.log": "",
        "a/x.log": "",
        "keep.log": "",
        "a/b/keep.log": "",
        "a/b/.gitignore": "keep.log\n",
    },
    "an excluded parent cannot be opened": {
        ".gitignore": "a/\n!a/b.txt\n",
        "a/b.txt": "",
        "a/.gitignore": "!b.txt\n",
        "c.txt": "",
    },
    "everything but": {
        ".gitignore": "*\n!*/\n!*.py\n!.gitignore\n",
        "a/b.py": "",
        "a/b.txt": "",
        "c.py": "",
        "c": "",
    },
    "contents of a directory": {
        ".gitignore": "a/**\n!a/keep\nb/*\n!b/keep\n",
        "a/keep": "",
        "a/x": "",
        "b/keep": "",
        "b/x": "",
    },
    "double stars": {
        ".gitignore": "a/**/z\n**/m/n\n**/q/\n",
        "a/z": "",
        "a/b/z": "",
        "a/b/c/z": "",
        "z": "",
        "x/m/n": "",
        "m/n": "",
        "x/q/y": "",
        "q": "",
    },
    "ends in two stars and a slash": {
        ".gitignore": "a/**/\n",
        "a/x": "",
        "a/b/x": "",
        "b/a/c/x": "",
    },
    "blanks, comments, escapes": {
        ".gitignore": "# no\n\\#yes\n\\!bang\ntrail   \nblank\\ \n  lead\n\ncr\r\n",
        "no": "",
        "#yes": "",
        "!bang": "",
        "trail": "",
        "blank ": "",
        "  lead": "",
        "lead": "",
        "cr": "",
    },
    "classes": {
        ".gitignore": "[a-c].x\n[!a-c].y\n*.[oa]\n?z\n[\n",
        "a.x": "",
        "d.x": "",
        "a.y": "",
        "d.y": "",
        "m.o": "",
        "m.a": "",
        "az": "",
        "aaz": "",
        "z": "",
    },
    "byte order mark": {".gitignore": "\ufefffoo\n", "foo": "", "bar": ""},
    "several dots": {
        ".gitignore": "*.tar.gz\n*.min.js\n*.js\n!*.min.js\n",
        "a.tar.gz": "",
        "a.gz": "",
        "a.min.js": "",
        "a.js": "",
        ".js": "",
    },
    "unicode": {".gitignore": "*.é\nñandú/\n", "a.é": "", "ñandú/x": "", "b": ""},
}


@pytest.mark.parametrize("files", TABLE.values(), ids=TABLE.keys())
def test_lists_what_git_lists(files: dict[str, str], tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, files)
    assert listed(tmp_path) == listed_by_git(tmp_path)


NAMES = st.sampled_from(["a", "b", "ab", "a.c", "b.c", "c"])
PIECES = st.sampled_from(["a", "b", "ab", "*", "**", "*.c", "?", "a*", "[ab]", "[!a]", "*b", "c"])
PATTERNS = st.builds(
    lambda bang, lead, parts, tail: bang + lead + "/".join(parts) + tail,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    paths=st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=12),
    rules=st.dictionaries(
        st.sampled_from(["", "a/", "ab/", "a/b/"]), st.lists(PATTERNS, min_size=1, max_size=5)
    ),
)
def test_any_rules_list_what_git_lists(
    paths: list[list[str]], rules: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("repository")
    git(root, "init", "-q")
    files = {directory + ".gitignore": "\n".join(lines) for directory, lines in rules.items()}
    files |= {"/".join(parts): "" for parts in paths}
    for name in sorted(files):
        try:
            write(root, {name: files[name]})
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # one example asks for a file and a directory of the same name
    assert listed(root) == listed_by_git(root)


def test_info_exclude_and_global_excludes_count_least(tmp_path: Path, home: Path) -> None:
    git(tmp_path, "init", "-q")
    write(
        home,
        {".gitconfig": "[core]\n\texcludesFile = ~/mine # here\n", "mine": "*.one\n*.two\n*.tre\n"},
    )
    write(tmp_path, {".git/info/exclude": "!a.two\n*.tre\n", ".gitignore": "!a.tre\n"})
    write(tmp_path, {"a.one": "", "a.two": "", "a.tre": "", "b.two": ""})
    assert listed(tmp_path) == listed_by_git(tmp_path) == {b".gitignore", b"a.two", b"a.tre"}
    why = IgnoreRules(str(tmp_path)).why(b"a.one")
    assert why is not None
    assert (why.source, why.line, why.pattern) == ("global git excludes", 1, "*.one")


def test_global_excludes_default_to_the_config_directory(tmp_path: Path, home: Path) -> None:
    git(tmp_path, "init", "-q")
    write(home, {".config/git/ignore": "*.one\n"})
    write(tmp_path, {"a.one": "", "b": ""})
    assert listed(tmp_path) == listed_by_git(tmp_path) == {b"b"}


def test_rules_of_the_repository_around_the_folder_apply(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, {".gitignore": "*.log\n/sub/deep/x\n/x\n", "sub/.gitignore": "!b.log\n"})
    write(tmp_path, {f"sub/deep/{name}": "" for name in ("a.log", "b.log", "x", "y")})
    inner = tmp_path / "sub" / "deep"
    assert listed(inner) == listed_by_git(inner) == {b"b.log", b"y"}
    why = IgnoreRules(str(inner)).why(b"a.log")
    assert why is not None
    assert (why.source, why.line) == ("../../.gitignore", 1)


def test_a_folder_that_its_repository_ignores_was_opened_on_purpose(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, {".gitignore": "*\n", "project/a.py": "", "project/.gitignore": "b.py\n"})
    write(tmp_path, {"project/b.py": ""})
    assert listed(tmp_path / "project") == {b".gitignore", b"a.py"}


def test_a_nested_repository_is_opaque_and_a_submodule_is_not(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(
        tmp_path,
        {".gitignore": "*.log\n", "nested/x.py": "", "module/y.py": "", "module/z.log": ""},
    )
    write(tmp_path, {".gitmodules": '[submodule "m"]\n\tpath = module\n\turl = ../m\n'})
    write(tmp_path, {"module/.gitignore": "*.tmp\n", "module/a.tmp": "", "z.log": ""})
    for name in ("nested", "module"):
        git(tmp_path / name, "init", "-q")
    rules = IgnoreRules(str(tmp_path))
    found = listed(tmp_path)
    assert b"nested/x.py" not in found
    assert b"nested/x.py" not in listed_by_git(tmp_path)
    assert {b"module/y.py", b"module/z.log", b"module/.gitignore"} <= found
    assert not {b"z.log", b"module/a.tmp"} & found
    why = rules.why(b"nested/x.py")
    assert why is not None
    assert (why.source, why.path) == ("nested repository", b"nested")
    assert rules.is_ignored(b"nested", True)
    assert not rules.is_ignored(b"module", True)


def test_repositories_below_a_plain_folder_are_entered_each_with_its_rules(tmp_path: Path) -> None:
    write(tmp_path, {"one/.gitignore": "x\n", "one/x": "", "one/y": "", "two/x": "", "two/y": ""})
    for name in ("one", "two"):
        git(tmp_path / name, "init", "-q")
    assert listed(tmp_path) == {b"one/.gitignore", b"one/y", b"two/x", b"two/y"}


def test_our_own_ignore_files_beat_those_of_git(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "*.gen\nkeep.me\n", ".ignore": "!keep.me\ndocs/\n"})
    write(tmp_path, {"sub/.whereinignore": "!docs/\nsecond\n", "sub/docs/a": "", "docs/b": ""})
    write(tmp_path, {"keep.me": "", "a.gen": "", "sub/second": "", "second": ""})
    found = {path for path in listed(tmp_path) if not path.endswith(b"ignore")}
    assert found == {b"keep.me", b"sub/docs/a", b"second"}


def test_editor_excludes_come_first_and_know_braces(tmp_path: Path) -> None:
    write(tmp_path, {".ignore": "!a.map\n", "a.map": "", "b.min.js": "", "c.js": "", "dist/x": ""})
    assert listed(tmp_path, ("**/*.{map,min.js}", "dist")) == {b".ignore", b"c.js"}
    why = IgnoreRules(str(tmp_path), ("dist",)).why(b"dist/x")
    assert why is not None
    assert (why.source, why.line, why.pattern, why.path) == ("settings", 0, "dist", b"dist")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (".env", False), (".env.local", False), (".env.example", True), (".env.sample", True),
        (".env.template", True), (".envrc", False), ("server.pem", False), ("A.KEY", False),
        ("store.p12", False), ("store.pfx", False), ("safe.kdbx", False), ("id_rsa", False),
        ("id_ed25519.pub", False), ("id_ecdsa_sk", False), ("id_dsa", False), (".npmrc", False),
        (".netrc", False), (".pypirc", False), ("keys.py", True), ("environment.py", True),
        ("my_id_rsa.py", True), ("npmrc", True),
    ],
)  # fmt: skip
def test_secrets_are_always_out(name: str, kept: bool, tmp_path: Path) -> None:
    write(tmp_path, {".whereinignore": "!*\n", f"a/{name}": ""})
    rules = IgnoreRules(str(tmp_path))
    assert (f"a/{name}".encode() in walk(str(tmp_path), rules).files) is kept
    assert rules.is_ignored(f"a/{name}".encode(), False) is not kept
    why = rules.why(f"a/{name}".encode())
    assert (why is None) is kept
    assert why is None or why.source == "secret"


def test_dependencies_and_repository_internals_are_always_out(tmp_path: Path) -> None:
    write(tmp_path, {".whereinignore": "!*\n", "node_modules/a.js": "", "x/__pycache__/b": ""})
    write(
        tmp_path, {".venv/pyvenv.cfg": "", "venv/real.py": "", ".hg/x": "", ".svn/x": "", "a": ""}
    )
    assert listed(tmp_path) == {b".whereinignore", b"venv/real.py", b"a"}
    rules = IgnoreRules(str(tmp_path))
    why = rules.why(b"node_modules/a.js")
    assert why is not None
    assert (why.source, why.path) == ("dependencies", b"node_modules")
    assert rules.is_ignored(b".git/config", False)
    assert rules.is_ignored(b".git", True)


def test_forget_reads_the_rules_again(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/x": "", "a/b/y": ""})
    rules = IgnoreRules(str(tmp_path))
    assert not rules.is_ignored(b"a/b/x", False)
    write(tmp_path, {"a/.gitignore": "x\n"})
    assert rules.is_rule_file(b"a/.gitignore")
    assert not rules.is_rule_file(b"a/gitignore")
    rules.forget(b"a")
    assert rules.is_ignored(b"a/b/x", False)
    write(tmp_path, {".ignore": "y\n"})
    rules.forget(b"")
    assert rules.is_ignored(b"a/b/y", False)


def test_two_readings_agree_until_a_rule_changes_where_both_have_looked(tmp_path: Path) -> None:
    """One is made by a walk, one as directories are asked for, as the watches are."""
    write(tmp_path, {
        ".gitignore": "out/\n", "a/.ignore": "*.log\n", "a/b/x.py": "", "out/x.py": "",
        "nested/x.py": "", "sub/x.py": "", "plain/x.py": "", "plain/.git": "no repository",
        ".gitmodules": '[submodule "sub"]\n\tpath = sub\n',
    })  # fmt: skip
    for repository in (tmp_path, tmp_path / "nested", tmp_path / "sub"):
        git(repository, "init", "-q")
    (tmp_path / "link").symlink_to(tmp_path / "a")

    def asked() -> IgnoreRules:
        rules = IgnoreRules(str(tmp_path))
        for directory in ("a", "a/b", "out", "nested", "sub", "plain", "link"):
            rules.is_ignored(directory.encode(), True)
        return rules

    walked = IgnoreRules(str(tmp_path))
    walk(str(tmp_path), walked)
    assert walked.agrees(asked())
    assert asked().agrees(walked)
    for name, text in {"a/b/.gitignore": "*.md\n", "a/.ignore": "", ".gitignore": "x\n"}.items():
        before = asked()
        write(tmp_path, {name: text})
        assert not before.agrees(asked()), name
        assert asked().agrees(asked())


def test_hostile_rule_files_are_bounded_and_reported(tmp_path: Path) -> None:
    lines = ["*a" * 40 + "b", "[z-a]", *(f"name{n}" for n in range(60_000))]
    write(tmp_path, {".gitignore": "\n".join(lines), "a" * 200: "", "name7": "", "kept": ""})
    rules = IgnoreRules(str(tmp_path))
    assert set(walk(str(tmp_path), rules).files) == {b".gitignore", b"a" * 200, b"kept"}
    assert any("stars" in text for text in rules.problems)
    assert any("line 2" in text for text in rules.problems)
    assert any("first 20000 lines" in text for text in rules.problems)


def test_names_that_are_not_text_are_matched_as_bytes(tmp_path: Path) -> None:
    for name in (b"\xff.log", b"\xff\n.py", b"%20 #.py"):
        (tmp_path / os.fsdecode(name)).touch()
    write(tmp_path, {".gitignore": "*.log\n"})
    assert set(walk(str(tmp_path), IgnoreRules(str(tmp_path))).files) == {
        b".gitignore", b"\xff\n.py", b"%20 #.py",
    }  # fmt: skip


def test_two_rules_that_end_in_an_odd_blank_are_no_error() -> None:
    """Each names a group of its expression, and all of them are made into one expression."""
    rules = RuleFile("x", b"a/ \t\r\nb/ \t\r\n*/ \x0b\n?/ \x0b\nplain\n")
    assert rules.match(b"plain", b"plain", False) is not None
