"""Names of indexes, private directories, refused folders, and URIs of any bytes."""

from __future__ import annotations

import ntpath
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherein import paths
from wherein.errors import FolderRefused, StorageError, UsageError
from wherein.paths import (
    check_folder,
    from_uri,
    index_paths,
    make_index_dir,
    private_dir,
    relative_to,
    to_uri,
)


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_any_path_survives_as_a_uri(raw: bytes) -> None:
    """Percent-encoding keeps every byte, and the URI is plain ASCII."""
    path = b"/" + raw
    uri = to_uri(path)
    assert uri.isascii()
    assert from_uri(uri) == path


@pytest.mark.parametrize(
    "uri", ["untitled:1", "git:/a", "file://host/a", "file:", "file:///a%00b", "/plain/path", ""]
)
def test_F54_other_uris_are_refused(uri: str) -> None:
    """Only files on this machine have a path."""
    with pytest.raises(UsageError):
        from_uri(uri)


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let paths be those of Windows; its separators are normalized there by another module."""
    monkeypatch.setattr(paths, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(paths.os.path, "normpath", ntpath.normpath)


@pytest.mark.parametrize(
    "uri", ["file:///c%3A/code/a%20b.py", "file:///C:/code/a b.py", "file:///c:/code/x/../a b.py"]
)
@pytest.mark.parametrize("root", ["C:\\code", "c:\\code\\"])
def test_F54_a_drive_is_one_by_either_letter(on_windows: None, uri: str, root: str) -> None:
    """Editors escape the colon or do not, and write the drive small or as a capital."""
    assert relative_to(root, from_uri(uri)) == b"a b.py"


@pytest.mark.parametrize(
    ("uri", "path"),
    [("file:///C:/other/a.py", b"C:\\other\\a.py"), ("file:///d%3A/code/a.py", b"d:\\code\\a.py"),
     ("file:///c%3A/code/../a.py", b"c:\\code\\..\\a.py"), ("file:///code/a.py", b"code\\a.py"),
     ("file:////host/share/code/a.py", b"host\\share\\code\\a.py")],
)  # fmt: skip
def test_F54_what_lies_elsewhere_stays_outside(on_windows: None, uri: str, path: bytes) -> None:
    assert from_uri(uri) == path
    assert relative_to("C:\\code", path) is None


@pytest.mark.parametrize("uri", ["file://host/share/a.py", "vscode-remote://ssh/c%3A/a.py"])
def test_F54_a_share_is_no_file_on_this_machine(on_windows: None, uri: str) -> None:
    with pytest.raises(UsageError):
        from_uri(uri)


def test_F54_a_path_of_windows_survives_as_a_uri(on_windows: None) -> None:
    assert to_uri(b"C:\\work\\a b.py") == "file:///C%3A/work/a%20b.py"
    assert from_uri(to_uri(b"C:\\work\\a b.py")) == b"C:\\work\\a b.py"


def test_folders_that_may_not_be_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, a file, the disk, the home directory, by any name."""
    (tmp_path / "file").write_text("", encoding="ascii")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project").mkdir()
    for folder, word in (
        (str(tmp_path / "missing"), "does not exist"),
        (str(tmp_path / "file"), "is a file"),
        ("/", "whole disk"),
        ("/../", "whole disk"),
        (str(tmp_path), "home directory"),
        (str(tmp_path / "project" / ".."), "home directory"),
        ("", "No folder"),
        ("a\0b", "No folder"),
    ):
        with pytest.raises(FolderRefused, match=word):
            check_folder(folder)
    assert check_folder(str(tmp_path / "project")) == os.path.realpath(tmp_path / "project")


def test_one_folder_has_one_index_and_two_have_two(wherein_home: Path, tmp_path: Path) -> None:
    """A link to a folder is that folder; the same name elsewhere is not."""
    (tmp_path / "a" / "app").mkdir(parents=True)
    (tmp_path / "b" / "app").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "app")
    first = index_paths(str(tmp_path / "a" / "app"))
    assert index_paths(str(tmp_path / "link")) == first
    assert index_paths(str(tmp_path / "b" / "app")).id != first.id
    make_index_dir(first)
    directory = Path(first.directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert wherein_home in directory.parents
    assert (directory / "folder").read_bytes() == os.fsencode(first.root)


def test_private_directories(tmp_path: Path) -> None:
    """Open ones are closed; links and files are refused."""
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o755)
    assert private_dir(loose).stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(loose)
    (tmp_path / "file").write_text("", encoding="ascii")
    for path in (tmp_path / "link", tmp_path / "file"):
        with pytest.raises(StorageError):
            private_dir(path)


def test_relative_paths_stay_inside() -> None:
    """What lies outside the folder, by whatever detour, has no name in the index."""
    assert relative_to("/w", b"/w/a/b.py") == b"a/b.py"
    assert relative_to("/w", b"/w/a/../b.py") == b"b.py"
    for outside in (b"/w", b"/wx/a", b"/w/../etc/passwd", b"/etc/passwd", b"a.py"):
        assert relative_to("/w", outside) is None
