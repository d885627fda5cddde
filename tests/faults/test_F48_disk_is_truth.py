"""F47 to F60: odd files, odd names, odd times, directories that cannot be read. The disk is right.

The watcher's own code and the real engine, in this process; at the end of each the index equals a
fresh rebuild, but for what could not be read: that stays as it was known.
"""

from __future__ import annotations

import errno
import os
import random
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import sources
from faults.local import LocalIndex
from faults.oracle import assert_equal, embed_foreseeably
from support.namespaces import needs_mounts, run_with_a_disk
from support.waiting import until
from wherein.domain import Skip
from wherein.indexing import reader as reader_module
from wherein.indexing import walker
from wherein.workers import folder_indexer
from wherein.workers.watching import Hints, Watch

LEVELS = 1_100
TOO_DEEP = 3_000  # no path of 4,096 bytes, which is the system's limit, leads there


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a few packages."""
    return sources.make_tree(tmp_path / "root", 40)


@pytest.fixture
def index(tmp_path: Path, root: Path) -> Iterator[LocalIndex]:
    """Its index."""
    made = LocalIndex(tmp_path / "index", root)
    made.settle(embed_foreseeably)
    yield made
    made.close()


def known(index: LocalIndex) -> dict[bytes, Skip | None]:
    """What the index says of each file."""
    reader = index.index.writer.reader()
    try:
        return {file.path: file.skip for file in reader.list_files().files}
    finally:
        reader.close()


def check(index: LocalIndex, root: Path) -> None:
    """Bring it up to date, and compare."""
    index.settle(embed_foreseeably)
    assert_equal(root.parent / "index", root, embed_foreseeably)


@pytest.mark.parametrize("problem", [errno.EACCES, errno.EIO])
def test_F59_a_directory_that_cannot_be_read_is_unknown_not_deleted(
    index: LocalIndex, root: Path, monkeypatch: pytest.MonkeyPatch, problem: int
) -> None:
    """Listing it fails, or looking at what is in it: nothing of it is dropped."""
    before = known(index)
    scandir, lstat = os.scandir, os.lstat

    def refuse_list(path: Any) -> Any:
        if bytes(path).endswith(b"pkg1"):
            raise OSError(problem, "refused")
        return scandir(path)

    def refuse_look(path: Any, **more: Any) -> Any:
        if b"pkg2" in os.fsencode(path):
            raise OSError(problem, "refused")
        return lstat(path, **more)

    (root / "pkg0" / "file0.py").unlink()
    (root / "pkg1" / "file13.py").unlink()
    monkeypatch.setattr(walker.os, "scandir", refuse_list)
    monkeypatch.setattr(walker.os, "lstat", refuse_look)
    index.indexer.update([b"pkg2/file25.py"])  # a hint, while nobody may look
    index.reconcile()
    assert known(index) == {p: s for p, s in before.items() if p != b"pkg0/file0.py"}
    monkeypatch.undo()
    check(index, root)
    assert b"pkg1/file13.py" not in known(index)


def test_F59_a_rebuild_waits_for_a_directory_that_cannot_be_read(
    index: LocalIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old index answers until the new one has what it has, but not for ever."""
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if bytes(path).endswith(b"pkg1"):
            raise OSError(errno.EACCES, "refused")
        return scandir(path)

    live = index.index.live
    monkeypatch.setattr(walker.os, "scandir", refuse)
    index.reconcile(rebuild=True)
    index.reconcile()
    assert index.indexer.held_up
    assert index.index.live is live
    monkeypatch.undo()
    check(index, root)
    assert index.index.live is not live
    assert not index.indexer.held_up
    monkeypatch.setattr(walker.os, "scandir", refuse)
    monkeypatch.setattr(folder_indexer, "PATIENCE_S", 0.0)
    index.reconcile(rebuild=True)
    assert index.state("rebuilding") == ""
    assert not any(path.startswith(b"pkg1/") for path in known(index))


def test_F48_a_file_that_may_not_be_read_returns_when_it_may(
    index: LocalIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept out with its reason; found again at the next look, also when no time of it changed."""
    real = reader_module.open_below

    def refuse(base: bytes, path: bytes) -> int:
        if path == b"pkg0/file3.py":
            raise OSError(errno.EIO, "a bad sector")
        return real(base, path)

    monkeypatch.setattr(reader_module, "open_below", refuse)
    (root / "pkg0" / "file3.py").write_text("def ocelot(): pass\n", encoding="ascii")
    index.settle(embed_foreseeably)
    assert known(index)[b"pkg0/file3.py"] is Skip.UNREADABLE
    monkeypatch.undo()
    check(index, root)
    assert known(index)[b"pkg0/file3.py"] is None


def test_F57_an_edit_that_keeps_size_and_time_is_found(index: LocalIndex, root: Path) -> None:
    """So are times in the future, of 1970, and a clock that goes back."""
    dice = random.Random(57)
    files = sorted(root.rglob("*.py"))
    for path, when in zip(files, [0, 1, 2**31 - 1, 4 * 10**9, 10**9], strict=False):
        os.utime(path, (when, when))
    check(index, root)
    for path in files[:5]:
        found = path.stat()
        text = path.read_text("utf-8")
        path.write_text(text.swapcase(), "utf-8")
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert path.stat().st_size == found.st_size
    check(index, root)
    sources.change(root, dice, 10)
    check(index, root)


def test_F57_two_edits_within_one_tick_are_both_found(index: LocalIndex, root: Path) -> None:
    """The second leaves no trace in the times, so a fresh file is read once more."""
    path = root / "pkg0" / "file1.py"
    for number in range(20):
        path.write_text(f"def tick{number:02}(): pass\n", encoding="ascii")
        index.reconcile()
    path.write_text("def tick99(): pass\n", encoding="ascii")
    check(index, root)


def test_F56_renames_embed_the_renamed_only(index: LocalIndex, root: Path) -> None:
    """Swapped, moved over each other, in other case, a whole directory, a hard link."""
    a, b = root / "pkg0" / "file0.py", root / "pkg0" / "file1.py"
    spare = root / "spare.py"
    a.rename(spare)
    b.rename(a)
    spare.rename(b)
    (root / "pkg0" / "file2.py").rename(root / "pkg0" / "File2.py")
    (root / "pkg0" / "file4.py").replace(root / "pkg0" / "file5.py")
    os.link(root / "pkg0" / "file6.py", root / "linked.py")
    check(index, root)
    (root / "pkg1").rename(root / "other")
    check(index, root)
    (root / "other").rename(root / "pkg1")
    index.reconcile()
    assert index.index.writer.stats().pending == 0  # back under its old name: nothing to embed
    check(index, root)


def test_F49_F50_what_is_no_file_is_kept_out(index: LocalIndex, root: Path, tmp_path: Path) -> None:
    """Links of every kind, a pipe, a socket: nothing blocks, nothing outside is read."""
    outside = tmp_path / "outside.py"
    outside.write_text("def pangolin(): pass\n", encoding="ascii")
    (root / "out.py").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "chain.py").symlink_to("out.py")
    (root / "dangling.py").symlink_to("nowhere.py")
    (root / "etc").symlink_to("/etc")
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(root)  # a socket's path is short
        made.bind("socket.py")
        os.chdir(here)
        check(index, root)
    answer = index.search("pangolin")
    assert answer is not None
    assert not answer.hits
    assert known(index)[b"out.py"] is Skip.SYMLINK
    assert known(index)[b"pipe.py"] is Skip.NOT_REGULAR


def test_F51_F52_F53_odd_sizes_texts_and_names(index: LocalIndex, root: Path) -> None:
    """Huge, empty, binary, in other encodings, under names that are no text."""
    odd = root / "odd"
    odd.mkdir()
    (odd / "empty.py").write_bytes(b"")
    with (odd / "sparse.py").open("wb") as file:
        file.truncate(1 << 30)
    (odd / "one_line.js").write_bytes(b"a=1;" * 200_000)
    (odd / "binary.py").write_bytes(b"x = 1\n\0" * 50)
    (odd / "latin.py").write_bytes(b"# caf\xe9\ndef espresso(): pass\n")
    (odd / "utf16.py").write_bytes("def ristretto(): pass\n".encode("utf-16"))
    (odd / "mark.py").write_bytes(b"\xef\xbb\xbfdef lungo(): pass\n")
    (odd / "ends.py").write_bytes(b"def a(): pass\r\ndef b(): pass\rdef c(): pass\n")
    for name in (b"\xff\xfe.py", b"new\nline.py", b"%41#?.py", b"-rf.py", b" .py", b"CON.py",
                 "caf\u00e9.py".encode(), "cafe\u0301.py".encode(), "\U0001f600.py".encode(),
                 b"n" * 252 + b".py", b"back\\slash.py"):  # fmt: skip
        Path(os.fsdecode(os.path.join(os.fsencode(odd), name))).write_bytes(  # noqa: PTH118
            b"def named(): pass\n"
        )
    check(index, root)
    assert known(index)[b"odd/sparse.py"] is Skip.TOO_LARGE
    assert known(index)[b"odd/\xff\xfe.py"] is None


@pytest.fixture
def deep(root: Path) -> Iterator[Path]:
    """A directory in the folder whose depth pytest could not clean up."""
    yield root / "deep"
    subprocess.run(["rm", "-rf", str(root / "deep")], check=True)


def test_F55_very_deep_directories_and_code(index: LocalIndex, root: Path, deep: Path) -> None:
    """Nothing recurses: thousands of directories in each other, 100,000 brackets, a long sum."""
    deep.mkdir()
    sources.make_deep(deep, LEVELS, "deep.py", b"def abyss(): pass\n")
    (deep / "beyond").mkdir()
    sources.make_deep(deep / "beyond", TOO_DEEP, "beyond.py", b"def netherworld(): pass\n")
    (root / "sum.py").write_bytes(b"x = " + b" + ".join([b"1"] * 50_000) + b"\n")
    (root / "lines.py").write_bytes(b"\n" * 999_000 + b"def last_line(): pass\n")
    (root / "brackets.py").write_bytes(b"x = " + b"(" * 100_000 + b")" * 100_000 + b"\n")
    check(index, root)
    for word, there in (("abyss", True), ("netherworld", False), ("last_line", True)):
        found = index.search(word)
        assert found is not None
        assert bool(found.hits) is there


def test_F55_very_deep_directories_are_watched(root: Path, tmp_path: Path, deep: Path) -> None:
    """Those that are there at the start, and those that come: nothing recurses in the observer."""
    hints = Hints(lambda: None)
    deep.mkdir()
    sources.make_deep(deep, LEVELS, "deep.py", b"x = 1\n")
    watch = Watch(str(root), (), hints)
    watch.start()
    try:
        assert not watch.trouble
        bottom = "deep/" + "d/" * LEVELS
        (root / bottom / "deep.py").write_bytes(b"x = 2\n")
        edited = os.fsencode(bottom + "deep.py")
        until(lambda: edited in hints.take()[0], what="an edit in the deep")
        outside = tmp_path / "outside"
        outside.mkdir()
        sources.make_deep(outside, LEVELS, "late.py", b"y = 1\n")
        outside.rename(deep / "moved")
        until(lambda: hints.take()[1], what="the directory that was moved in")
        late = "deep/moved/" + "d/" * LEVELS + "late.py"

        def heard() -> bool:
            (root / late).write_bytes(b"y = 2\n")
            return os.fsencode(late) in hints.take()[0]

        until(heard, what="an edit in what was moved in")
        assert not watch.ended
    finally:
        watch.stop()


def test_F47_a_file_that_changes_while_it_is_read_is_not_half_there(
    index: LocalIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read again; one that never rests is kept out until it does."""
    path = root / "pkg0" / "file0.py"
    real = reader_module._read_all
    left = [2]

    def change(fd: int, size: int) -> bytes:
        found = real(fd, size)
        if left[0]:
            left[0] -= 1
            path.write_text(f"def turn{left[0]}(): pass\n" * (left[0] % 7 + 2), encoding="ascii")
        return found

    monkeypatch.setattr(reader_module, "_read_all", change)
    path.write_text("def begun(): pass\n", encoding="ascii")
    index.reconcile()
    left[0] = 10**6
    path.write_text("def restless(): pass\n" * 3, encoding="ascii")
    index.reconcile()
    assert known(index)[b"pkg0/file0.py"] is Skip.BUSY
    monkeypatch.undo()
    check(index, root)
    assert known(index)[b"pkg0/file0.py"] is None


def test_F58_a_folder_that_is_gone_keeps_its_index(index: LocalIndex, root: Path) -> None:
    """Unmounted or moved away: nothing is deleted; it goes on when the folder is back."""
    before = known(index)
    away = root.with_name("away")
    root.rename(away)
    index.reconcile()
    assert index.indexer.root_missing
    assert known(index) == before
    away.rename(root)
    (root / "pkg0" / "file0.py").unlink()
    check(index, root)
    assert not index.indexer.root_missing


@needs_mounts
def test_F58_a_disk_that_is_unmounted_keeps_its_index(wherein_home: Path, tmp_path: Path) -> None:
    """What umount leaves is an empty directory: nobody deleted anything. A person may, though."""
    place = tmp_path / "place"
    place.mkdir()
    run_with_a_disk("faults.unmounted", place)


def test_F60_ignore_rules_that_change_are_followed(index: LocalIndex, root: Path) -> None:
    """Nested, negated, long, and slow patterns."""
    (root / ".gitignore").write_text("pkg1/\n*.tmp\n!keep.tmp\n", encoding="ascii")
    (root / "pkg0" / ".gitignore").write_text("file1*.py\n!file10.py\n", encoding="ascii")
    check(index, root)
    held = known(index)
    assert not any(path.startswith(b"pkg1/") for path in held)
    assert b"pkg0/file10.py" in held
    assert b"pkg0/file1.py" not in held
    (root / ".gitignore").write_text("*a" * 12 + "\n" + "x\n" * 20_000, encoding="ascii")
    check(index, root)
    (root / ".gitignore").unlink()
    (root / "pkg0" / ".gitignore").unlink()
    check(index, root)


def test_F61_an_index_inside_the_folder_does_not_feed_itself(tmp_path: Path) -> None:
    """The index's own directory may lie in the folder: it is not indexed."""
    root = sources.make_tree(tmp_path / "root", 10)
    made = LocalIndex(root / ".wherein" / "index", root)
    made.settle(embed_foreseeably)
    first = made.index.writer.stats()
    made.reconcile()
    again = made.index.writer.stats()
    assert again.files == first.files == 10
    made.close()
