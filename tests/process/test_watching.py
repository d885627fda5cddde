"""The index follows the disk, with nobody asking: edits, moves, ignore rules, whole checkouts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.waiting import until
from support.workspace import indexed_paths, make_project
from wherein import domain as d
from wherein.host import Folder, IndexHost
from wherein.settings import Settings
from wherein.workers.watching import Hints, Watch

BASE = {b"net/upload.py", b"colours.py", b"README.md", b".gitignore"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project."""
    return make_project(tmp_path / "project")


@pytest.fixture
def folder(wherein_home: Path, project: Path) -> Iterator[Folder]:
    """The project, indexed and followed by an observer that is up."""
    host = IndexHost(Settings())
    host.open([str(project)])
    until(lambda: indexed_paths(project) == BASE, what="first index")
    (project / "probe.py").write_text("probe = 1\n", encoding="utf-8")
    until(lambda: b"probe.py" in indexed_paths(project), what="the observer is up")
    (project / "probe.py").unlink()
    until(lambda: indexed_paths(project) == BASE, what="a clean start")
    yield host.folders[0]
    host.close(5)


def finds(folder: Folder, question: str, path: bytes) -> bool:
    """Say whether the first answer by words is in this file."""
    query = d.SearchQuery(text=question, mode=d.Mode.LEXICAL)
    hits = folder.database.search(query).result().hits
    return bool(hits) and hits[0].path == path


def test_an_edit_replaces_what_was_there(folder: Folder, project: Path) -> None:
    """The new text is found and the old is not."""
    (project / "colours.py").write_text("def tint():\n    return 'mauve'\n", encoding="utf-8")
    until(lambda: finds(folder, "mauve", b"colours.py"), what="new text")
    assert not finds(folder, "blend", b"colours.py")


def test_editors_that_save_by_renaming_are_followed(folder: Folder, project: Path) -> None:
    """A new file moved over the old one is one more way to save."""
    fresh = project / ".colours.py.swp"
    fresh.write_text("def hue():\n    return 'teal'\n", encoding="utf-8")
    fresh.replace(project / "colours.py")
    until(lambda: finds(folder, "teal", b"colours.py"), what="new text")
    until(lambda: indexed_paths(project) == BASE, what="no trace of the temporary file")


def test_creations_deletions_and_renames(folder: Folder, project: Path) -> None:
    """Files and whole directories that come, go, and move."""
    (project / "deep" / "er").mkdir(parents=True)
    (project / "deep" / "er" / "one.py").write_text("one = 1\n", encoding="utf-8")
    until(lambda: indexed_paths(project) == BASE | {b"deep/er/one.py"}, what="created")
    (project / "deep").rename(project / "wide")
    until(lambda: indexed_paths(project) == BASE | {b"wide/er/one.py"}, what="moved")
    (project / "wide" / "er" / "one.py").rename(project / "wide" / "two.py")
    until(lambda: indexed_paths(project) == BASE | {b"wide/two.py"}, what="renamed")
    shutil.rmtree(project / "wide")
    (project / "README.md").unlink()
    until(lambda: indexed_paths(project) == BASE - {b"README.md"}, what="deleted")


def test_a_directory_moved_in_from_outside(folder: Folder, project: Path, tmp_path: Path) -> None:
    """Files that nobody announced one by one are found."""
    outside = tmp_path / "outside" / "pkg"
    outside.mkdir(parents=True)
    (outside / "inner.py").write_text("inner = 1\n", encoding="utf-8")
    outside.rename(project / "pkg")
    until(lambda: indexed_paths(project) == BASE | {b"pkg/inner.py"}, what="moved in")


def test_ignore_rules_are_followed_when_they_change(folder: Folder, project: Path) -> None:
    """A rule that comes takes files out; a rule that goes brings them back."""
    (project / ".gitignore").write_text("build/\nnet/\n", encoding="utf-8")
    until(lambda: indexed_paths(project) == BASE - {b"net/upload.py"}, what="ignored")
    (project / ".gitignore").write_text("# nothing\n", encoding="utf-8")
    until(lambda: indexed_paths(project) == BASE | {b"build/generated.py"}, what="brought back")
    (project / "build" / "generated.py").write_text("y = 'ochre'\n", encoding="utf-8")
    until(lambda: finds(folder, "ochre", b"build/generated.py"), what="watched from now on")
    (project / "net" / ".whereinignore").write_text("*.py\n", encoding="utf-8")
    until(lambda: b"net/upload.py" not in indexed_paths(project), what="our own ignore file")


def test_a_rule_that_goes_where_nothing_is_watched_is_followed_too(
    wherein_home: Path, project: Path
) -> None:
    """Nobody tells of `.git/info/exclude`: the next look finds its directory, and watches it."""
    exclude = project / ".git" / "info" / "exclude"
    exclude.parent.mkdir(parents=True)
    for name in ("objects", "refs"):
        (project / ".git" / name).mkdir()
    (project / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    exclude.write_text("net/\n", encoding="utf-8")
    host = IndexHost(Settings())
    host.open([str(project)])
    try:
        kept = BASE - {b"net/upload.py"}
        until(lambda: indexed_paths(project) == kept, what="first index")
        (project / "probe.py").write_text("probe = 1\n", encoding="utf-8")
        until(lambda: b"probe.py" in indexed_paths(project), what="the observer is up")
        exclude.write_text("", encoding="utf-8")
        (project / "new").mkdir()  # one look at the whole folder
        until(lambda: b"net/upload.py" in indexed_paths(project), what="brought back")
        (project / "net" / "upload.py").write_text("y = 'ochre'\n", encoding="utf-8")
        until(lambda: finds(host.folders[0], "ochre", b"net/upload.py"), what="watched from now on")
    finally:
        host.close(5)


def test_a_branch_checkout_embeds_what_is_new_and_nothing_on_the_way_back(
    folder: Folder, project: Path
) -> None:
    """A to B to A: the index equals the disk each time, and the way back needs no model."""

    def git(*words: str) -> None:
        environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
            cwd=project,
            env=environment,
            check=True,
            capture_output=True,
        )

    def complete() -> d.IndexStats:
        stats = folder.database.wait_vectors(20).result()
        assert stats.pending == 0
        return stats

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "a")
    git("checkout", "-q", "-b", "other")
    for number in range(40):
        (project / f"file{number}.py").write_text(f"def f{number}():\n    pass\n", encoding="utf-8")
    (project / "colours.py").unlink()
    git("add", "-A")
    git("commit", "-q", "-m", "b")
    there = (BASE - {b"colours.py"}) | {f"file{n}.py".encode() for n in range(40)}
    until(lambda: indexed_paths(project) == there, what="branch b")
    complete()
    git("checkout", "-q", "main")
    until(lambda: indexed_paths(project) == BASE, what="branch a")
    before = complete().vectors_written
    git("checkout", "-q", "other")
    until(lambda: indexed_paths(project) == there, what="branch b again")
    assert complete().vectors_written == before


def test_lost_events_are_made_good(folder: Folder, project: Path) -> None:
    """A sync looks at the disk itself: an edit that no event told of is found."""
    host_watch_is_deaf = project / "quiet.py"
    host_watch_is_deaf.write_text("def silence():\n    return 'hush'\n", encoding="utf-8")
    stat = host_watch_is_deaf.stat()
    until(lambda: finds(folder, "hush", b"quiet.py"), what="first version")
    # Same size and same time of change: only the change time tells.
    host_watch_is_deaf.write_text("def silence():\n    return 'calm'\n", encoding="utf-8")
    os.utime(host_watch_is_deaf, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    until(lambda: finds(folder, "calm", b"quiet.py"), what="second version")


def test_a_folder_that_goes_is_kept_and_followed_again_when_it_returns(
    folder: Folder, project: Path, tmp_path: Path
) -> None:
    """Nobody announces that the folder itself was moved; nothing of its index is dropped."""
    away = tmp_path / "away"
    project.rename(away)
    until(lambda: "root_missing" in folder.facts.troubles, what="missed")
    (away / "colours.py").unlink()  # no event of the old watch may reach the index
    assert indexed_paths(project) == BASE
    away.rename(project)
    until(lambda: indexed_paths(project) == BASE - {b"colours.py"}, what="looked at again")
    until(lambda: "root_missing" not in folder.facts.troubles, what="told")
    (project / "later.py").write_text("later = 'umber'\n", encoding="utf-8")
    until(lambda: finds(folder, "umber", b"later.py"), what="followed again")


def test_a_folder_that_is_removed_and_made_again(folder: Folder, project: Path) -> None:
    """A checkout deleted and cloned anew: another directory under the same name."""
    shutil.rmtree(project)
    make_project(project)
    (project / "second.py").write_text("second = 'sepia'\n", encoding="utf-8")
    until(lambda: finds(folder, "sepia", b"second.py"), what="the new one is there")
    until(lambda: indexed_paths(project) == BASE | {b"second.py"}, what="and nothing else")
    (project / "third.py").write_text("third = 'russet'\n", encoding="utf-8")
    until(lambda: finds(folder, "russet", b"third.py"), what="followed")


def test_a_change_of_mode_is_heard(tmp_path: Path) -> None:
    """A file that may be read again is looked at at once: its time and size tell nothing."""
    made = tmp_path / "a.py"
    made.write_text("x = 1\n", encoding="utf-8")
    hints = Hints(lambda: None)
    watch = Watch(str(tmp_path), (), hints)
    watch.start()
    try:
        hints.take()
        made.chmod(0o600)
        until(lambda: b"a.py" in hints.take()[0], 10.0, "the mode")
    finally:
        watch.stop()


def test_unreadable_and_odd_files_are_skipped_with_a_reason(folder: Folder, project: Path) -> None:
    """Each file that is not indexed keeps its reason, and stops nothing."""
    (project / "binary.py").write_bytes(b"\x00\x01" * 100)
    (project / "huge.py").write_bytes(b"x = 1\n" * 400_000)
    (project / "empty.py").write_bytes(b"")
    (project / "link.py").symlink_to("/etc/hostname")
    os.mkfifo(project / "pipe.py")
    (project / ".env").write_text("PASSWORD=1\n", encoding="utf-8")
    (project / "latin.py").write_bytes(b"name = 'caf\xe9 noisette'\n")
    (project / os.fsdecode(b"odd\xff.py")).write_text("odd = 'quince'\n", encoding="utf-8")
    until(lambda: b"latin.py" in indexed_paths(project), what="the readable one")
    until(lambda: finds(folder, "quince", b"odd\xff.py"), what="a name that is not text")

    def skipped() -> bool:
        reasons = set(folder.database.stats().result().skipped)
        return {"binary", "too_large", "symlink", "not_regular", "secret"} <= reasons

    until(skipped, what="reasons")
    assert finds(folder, "noisette", b"latin.py")
    assert b".env" not in indexed_paths(project)
