"""`wherein index --remove`, `wherein prune` and what the doctor says of all indexes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.workspace import make_project
from wherein.errors import IndexBusy
from wherein.ownership.indexes import Stored, remove, stored_indexes
from wherein.ownership.lock import OwnerLock, hold
from wherein.paths import IndexPaths, index_home, index_paths, log_home, make_index_dir

WHEREIN = (sys.executable, "-I", "-m", "wherein")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [*WHEREIN, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def make(folder: Path, days: float = 0.0) -> IndexPaths:
    """Make an index without content that was used so many days ago."""
    paths = index_paths(str(folder))
    lock = OwnerLock(paths)
    assert lock.acquire(b"t" * 32)
    lock.release()
    before = time.time() - days * 86_400
    os.utime(paths.lock, (before, before))
    return paths


def names() -> set[str]:
    """The directories in the home of all indexes."""
    return {entry.name for entry in index_home().iterdir() if entry.is_dir()}


def test_an_index_is_removed_by_its_folder_and_made_anew(
    wherein_home: Path, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    assert run("index", str(project)).returncode == 0
    directory = Path(index_paths(str(project)).directory)
    assert directory.is_dir()
    assert list(log_home().iterdir())
    done = run("index", "--remove", str(project))
    assert (done.returncode, done.stderr) == (0, "")
    assert str(project) in done.stdout
    assert names() == set()
    assert list(log_home().iterdir()) == []  # of its workers
    again = run("index", "--remove", str(project))
    assert again.returncode == 2
    assert "no index" in again.stderr
    assert run("search", "blend", "--dir", str(project)).returncode == 0


def test_an_index_in_use_is_not_removed(wherein_home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    owner = OwnerLock(index_paths(str(folder)))
    assert owner.acquire(b"t" * 32)
    done = run("index", "--remove", str(folder))
    assert done.returncode == 2
    assert str(os.getpid()) in done.stderr
    shutil.rmtree(folder)
    assert run("prune").returncode == 0
    assert names() == {owner._paths.id}
    owner.release()
    assert run("prune").returncode == 0
    assert names() == set()


def test_prune_takes_what_nobody_needs_and_nothing_else(wherein_home: Path, tmp_path: Path) -> None:
    kept, old, gone = (tmp_path / name for name in ("kept", "old", "gone"))
    for folder in (kept, old, gone):
        folder.mkdir()
    keep, unused, lost = make(kept, days=59), make(old, days=61), make(gone)
    gone.rmdir()
    foreign = index_home() / "something-else"
    foreign.mkdir()
    (index_home() / ".removed-0123456789abcdef-1").mkdir()
    dry = run("prune", "--dry-run")
    assert dry.returncode == 0
    assert "not used for 61 days" in dry.stdout
    assert "its folder is gone" in dry.stdout
    assert names() >= {keep.id, unused.id, lost.id}
    done = run("prune")
    assert done.returncode == 0
    assert "2 indexes" in done.stdout
    assert names() == {keep.id, foreign.name}
    assert "Nothing to remove" in run("prune").stdout


def test_the_use_of_an_index_is_noted(wherein_home: Path, tmp_path: Path) -> None:
    paths = make(tmp_path, days=100)
    lock = OwnerLock(paths)
    assert lock.acquire(b"t" * 32)
    lock.release()
    (stored,) = [each for each in stored_indexes() if isinstance(each, Stored)]
    assert abs(stored.used_at - time.time()) < 60


def test_a_lock_of_an_index_that_was_removed_is_no_lock(
    wherein_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opened the file before it was removed gets the lock of a file that nobody looks at."""
    paths = index_paths(str(tmp_path))
    make_index_dir(paths)
    real = os.open

    def slow(*arguments: object, **named: object) -> int:
        fd = real(*arguments, **named)  # type: ignore[arg-type]
        monkeypatch.setattr(os, "open", real)
        remove(paths)
        make_index_dir(paths)
        return fd

    monkeypatch.setattr(os, "open", slow)
    assert hold(paths) is None
    fd = hold(paths)
    assert fd is not None
    with pytest.raises(IndexBusy):
        remove(paths)
    os.close(fd)


def test_the_doctor_tells_sizes_folders_and_last_use(wherein_home: Path, tmp_path: Path) -> None:
    here, gone = tmp_path / "here", tmp_path / "gone"
    here.mkdir()
    gone.mkdir()
    make(here, days=3)
    make(gone)
    gone.rmdir()
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert f"{here} (" in done.stdout
    assert "used 3 days ago" in done.stdout
    assert "its folder is gone" in done.stdout
    assert "wherein prune frees" in done.stdout
