"""Ignore rules in forms that are rare, compared with what git itself lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.git_trees import git, listed, listed_by_git, write
from wherein.indexing.rulefile import RuleFile


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


def test_classes_of_characters_are_those_of_git(tmp_path: Path) -> None:
    names = ["1a.txt", "xa.txt", "buildX/t.py", "build_/t.py", "a-b", "a!b", "a[b", "a b", "aGb"]
    classes = ["[[:digit:]]*.txt", "build[[:alnum:]]/", "a[[:punct:]]b", "a[^[:graph:]]b"]
    for number in range(len(classes)):
        root = tmp_path / str(number)
        write(root, {**dict.fromkeys(names, "x"), ".gitignore": classes[number] + "\n"})
        git(root, "init", "-q")
        assert listed(root) == listed_by_git(root), classes[number]


def test_a_git_that_is_no_repository_hides_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(
        tmp_path,
        {
            "vendor/.git": "gitdir: ../../.git/modules/gone\n", "vendor/v.py": "v",
            "junk/.git": "garbage", "junk/j.py": "j", "plain/p.py": "p",
        },
    )  # fmt: skip
    (tmp_path / "half/.git").mkdir(parents=True)
    (tmp_path / "half/.git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "half/h.py").write_text("h")
    git(tmp_path, "add", "vendor/v.py", "junk/j.py", "half/h.py", "plain/p.py")
    assert listed(tmp_path) == {b"vendor/v.py", b"junk/j.py", b"half/h.py", b"plain/p.py"}


def test_global_excludes_of_an_included_file_count(tmp_path: Path, home: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, {"a.priv": "x", "b.py": "x"})
    (home / "mine").write_text("*.priv\n")
    (home / ".gitconfig").write_text("[include]\n\tpath = ~/sub/more\n")
    write(
        home,
        {
            "sub/more": "[include]\n\tpath = again\n",
            "sub/again": "[core]\n\texcludesFile = ~/mine\n",
        },
    )
    assert listed(tmp_path) == listed_by_git(tmp_path) == {b"b.py"}
    (home / "sub/again").write_text("[include]\n\tpath = ~/sub/more\n")  # one another's
    assert listed(tmp_path) == {b"a.priv", b"b.py"}


def test_stars_side_by_side_are_tried_as_one() -> None:
    """Or this ends at the limit of a test: a name of a hundred characters would take for ever."""
    rules = RuleFile("x", b"[ab]****b****c\n")
    name = b"ab" * 60
    assert rules.match(name, name, is_dir=False) is None
    assert rules.match(b"abbc", b"abbc", is_dir=False) is not None
