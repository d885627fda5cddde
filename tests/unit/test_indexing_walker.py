"""The walk: what it keeps, what it skips and why, and what it must not take for deleted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wherein.domain import Skip
from wherein.indexing import walker
from wherein.indexing.ignore import IgnoreRules
from wherein.indexing.walker import Walk, stat_file, walk


def walked(root: Path) -> Walk:
    return walk(str(root), IgnoreRules(str(root)))


def test_files_have_the_signature_that_a_single_look_gives(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.py").write_text("x")
    found = walked(tmp_path)
    assert found.files == {b"a/b/c.py": stat_file(str(tmp_path), b"a/b/c.py")}
    assert found.directories == {b"", b"a", b"a/b"}
    assert found.skipped == {}


def test_an_edit_of_the_same_size_and_time_changes_the_signature(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    before = path.stat()
    first = walked(tmp_path).files[b"a"]
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = walked(tmp_path).files[b"a"]
    assert (first.size, first.mtime_ns) == (second.size, second.mtime_ns)
    assert first != second


def test_links_pipes_and_secrets_are_skipped_with_their_reason(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".env").write_text("KEY=1")
    (tmp_path / ".gitignore").write_text("gone\n")
    (tmp_path / "gone").symlink_to(tmp_path)
    found = walked(tmp_path)
    assert set(found.files) == {b".gitignore"}
    assert found.skipped == {
        b"loop": Skip.SYMLINK,
        b"dangling": Skip.SYMLINK,
        b"pipe": Skip.NOT_REGULAR,
        b".env": Skip.SECRET,
    }


def test_a_directory_that_cannot_be_read_is_unknown_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open", "shut"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "a.py").write_text("x")
    real = os.scandir

    # The superuser may read every directory, so the refusal is made here.
    def refusing(path: bytes) -> object:
        if path.endswith(b"shut"):
            raise PermissionError(13, "refused")
        return real(path)

    monkeypatch.setattr(walker.os, "scandir", refusing)
    found = walked(tmp_path)
    assert set(found.files) == {b"open/inner/a.py"}
    assert found.unknown == {b"shut"}
    assert found.is_unknown(b"shut/inner/a.py")
    assert not found.is_unknown(b"open/inner/a.py")
    assert not found.is_unknown(b"shutter/a.py")


def test_a_folder_that_is_gone_is_unknown(tmp_path: Path) -> None:
    found = walked(tmp_path / "missing")
    assert found.unknown == {b""}
    assert found.files == {}
    assert found.is_unknown(b"a")


def test_very_deep_directories_are_no_recursion(tmp_path: Path) -> None:
    depth = 1500
    here = os.getcwd()  # noqa: PTH109 - relative steps are the only way below PATH_MAX
    os.chdir(tmp_path)
    try:
        for _ in range(depth):
            os.mkdir("d")  # noqa: PTH102
            os.chdir("d")
    finally:
        os.chdir(here)
    found = walked(tmp_path)
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # pytest's own clean-up recurses
    assert len(found.directories) == depth + 1
