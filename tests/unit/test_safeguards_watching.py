"""What the watcher does when things go wrong: lost events, full limits, bad files, no database."""

from __future__ import annotations

import errno
import logging
import os
import queue
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.waiting import until
from wherein.errors import WorkerUnavailable
from wherein.ipc import control
from wherein.paths import IndexPaths
from wherein.settings import Settings
from wherein.workers import watching
from wherein.workers.file_watcher import WatchedFolder, _sync
from wherein.workers.rhythm import LONGEST_PERIOD_S, POLL_S, RETRY_S, Rhythm, Sleep
from wherein.workers.start import WatchMode
from wherein.workers.watching import Hints, Watch


def hints() -> Hints:
    """Hints that wake nobody."""
    return Hints(lambda: None)


# -- lost events -----------------------------------------------------------------------------------


def test_too_many_paths_are_a_reconcile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout of a big branch does not fill the memory with paths."""
    monkeypatch.setattr(watching, "_MAX_PATHS", 3)
    gathered = hints()
    for number in range(10):
        gathered.add(b"f%d.py" % number)
    paths, whole = gathered.take()
    assert len(paths) == 3
    assert whole
    assert gathered.take() == (set(), False)


@pytest.mark.parametrize("problem", [None, OSError(errno.EMFILE, "too many")])
def test_a_loss_asks_for_a_reconcile(tmp_path: Path, problem: OSError | None) -> None:
    """Whatever was lost is found on the disk; what will be lost is said."""
    gathered = hints()
    watch = Watch(str(tmp_path), (), gathered)
    watch.lost(problem)
    assert gathered.whole
    assert bool(watch.trouble) is (problem is not None)


def test_an_overflow_that_watchdog_only_logs_is_heard(tmp_path: Path) -> None:
    """watchdog tells nobody that the kernel's queue overflowed, but it writes a warning."""
    gathered = hints()
    watch = Watch(str(tmp_path), (), gathered)
    log = logging.getLogger("watchdog.observers.inotify_c")
    watch.start()
    try:
        gathered.take()
        log.warning("Inotify queue overflowed; filesystem events were lost")
        assert gathered.whole
    finally:
        watch.stop()
    gathered.take()
    log.warning("of another observer")
    assert not gathered.whole


def test_whatever_stops_the_observer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only an error of the system: the disk is polled, and a person hears of it."""

    def refuse(_watch: Watch) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(watching, "_own_observer", refuse)
    gathered = hints()
    watch = Watch(str(tmp_path), (), gathered)
    watch.start()
    assert "RuntimeError" in watch.trouble
    assert gathered.whole


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
@pytest.mark.parametrize("where", ["", "inner"])
def test_a_directory_that_cannot_be_watched_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """At the system's limit some directories stay unwatched: a person hears of it."""
    inotify_c = pytest.importorskip("watchdog.observers.inotify_c")
    if not hasattr(inotify_c, "InotifyFD"):
        pytest.skip("watchdog 6 has no such class")
    (tmp_path / "inner").mkdir()
    full = os.fsencode(tmp_path / where) if where else os.fsencode(tmp_path)
    real = inotify_c.InotifyFD.add_callback

    def refuse(self: Any, path: bytes, *rest: Any) -> Any:
        if path == full:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return real(self, path, *rest)

    monkeypatch.setattr(inotify_c.InotifyFD, "add_callback", refuse)
    gathered = hints()
    watch = Watch(str(tmp_path), (), gathered)
    watch.start()
    try:
        assert "max_user_watches" in watch.trouble
        assert gathered.whole
    finally:
        watch.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
def test_F48_a_changed_mode_is_a_hint(tmp_path: Path) -> None:
    """A file that may be read again is looked at without waiting for the next reconcile."""
    if not hasattr(watching.ev, "FileAttribEvent"):
        pytest.skip("watchdog 6 has no such event")
    file = tmp_path / "file.py"
    file.write_bytes(b"x = 1\n")
    first = threading.Event()
    gathered = Hints(first.set)
    watch = Watch(str(tmp_path), (), gathered)
    watch.start()
    try:
        file.chmod(0o400)
        assert first.wait(20)
        assert gathered.take() == ({b"file.py"}, False)
    finally:
        watch.stop()


# -- the watcher's loop ---------------------------------------------------------------------------


class Context:
    """Takes what a worker sends up."""

    def __init__(self, mode: WatchMode = WatchMode.FOLLOW) -> None:
        self.start = SimpleNamespace(settings=Settings(), mode=mode)
        self.stopping = threading.Event()
        self.sent: list[control.Up] = []

    def send(self, message: control.Up) -> None:
        self.sent.append(message)

    def note(self, *_what: object) -> None:
        """Take no note: nothing dies here."""


class Indexer:
    """An indexer whose database may be away."""

    def __init__(self, root: str, *, away: bool = False) -> None:
        self.paths = SimpleNamespace(root=root)
        self.rules = SimpleNamespace(is_rule_file=lambda _path: False)
        self.root_missing = self.held_up = False
        self.changes = 0
        self.away = away

    def reconcile(self, _first: object = (), *, rebuild: bool = False) -> int:
        return self.update(()) or (2 if rebuild else 1)

    def update(self, _paths: object) -> int:
        if self.away:
            raise WorkerUnavailable("The database is away")
        return 0


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def folder(tmp_path: Path, context: Context) -> WatchedFolder:
    """A watched folder whose observer has not been started."""
    paths = IndexPaths(str(tmp_path), "0" * 16, str(tmp_path / "index"))
    made = WatchedFolder(paths, context, queue.SimpleQueue())  # type: ignore[arg-type]
    made.indexer.close()
    made.indexer = Indexer(str(tmp_path))  # type: ignore[assignment]
    return made


def test_what_could_not_be_written_is_tried_again_soon(folder: WatchedFolder) -> None:
    """Hints are not lost with the database that they were for."""
    folder.indexer.away = True  # type: ignore[attr-defined]
    folder.next_look = float("inf")
    folder.hints.add(b"a.py")
    folder.hints.last_at = folder.hints.first_at = 0.0  # long ago
    folder.look()
    assert folder.hints.whole
    assert 0 < folder.due(time.monotonic()) <= RETRY_S


def test_a_folder_whose_events_are_lost_is_looked_at_often(
    folder: WatchedFolder, context: Context
) -> None:
    """Without events the disk is polled, and a person is told; with them it is a safety net."""
    folder.reconcile()
    assert POLL_S < folder.next_look - time.monotonic() <= LONGEST_PERIOD_S
    folder.watch.trouble = "The system's watch limit is reached"
    folder.reconcile()
    assert 0 < folder.next_look - time.monotonic() <= POLL_S
    told = [m for m in context.sent if isinstance(m, control.State)]
    assert [(m.name, m.reason) for m in told] == [("watch_polling", folder.watch.trouble)]
    folder.watch.trouble = ""
    folder.reconcile()
    assert context.sent[-2] == control.State("watch_polling", "", folder.id)


@pytest.mark.parametrize("storm", [False, True], ids=["alone", "in a storm"])
def test_a_rule_file_is_not_lost_in_a_sync(
    folder: WatchedFolder, context: Context, tmp_path: Path, storm: bool
) -> None:
    """It is looked at at once, and what it let in is watched from then on."""
    (tmp_path / "build").mkdir()
    rules = tmp_path / ".gitignore"
    rules.write_text("build/\n", encoding="ascii")
    folder.indexer.rules = SimpleNamespace(is_rule_file=lambda path: path == b".gitignore")  # type: ignore[assignment]
    folder.watch.start()
    try:
        folder.hints.take()
        for number in range(watching._MAX_PATHS if storm else 0):
            folder.hints.add(b"f%d.py" % number)
        rules.write_text("", encoding="ascii")
        until(lambda: b".gitignore" in folder.hints._paths, what="the event")
        _sync(context, [folder], control.Sync(1, folder.id, (), False))  # type: ignore[arg-type]

        def heard() -> bool:
            (tmp_path / "build" / "made.py").write_text("x = 1\n", encoding="ascii")
            return b"build/made.py" in folder.hints.take()[0]

        until(heard, what="an edit in the directory that counts now")
    finally:
        folder.watch.stop()


def test_looks_grow_rarer_where_nothing_is_found_and_retries_where_nothing_works() -> None:
    """A quiet folder costs little; a full disk is not asked each second for ever."""
    rhythm = Rhythm()
    quiet = [rhythm.after_look(found=False, polling=False) for _ in range(5)]
    assert quiet == [600.0, 1_200.0, 1_800.0, 1_800.0, 1_800.0]
    assert rhythm.after_look(found=True, polling=False) == 300.0
    assert rhythm.after_look(found=False, polling=True) == POLL_S
    assert [rhythm.after_failure() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    rhythm.after_look(found=False, polling=False)
    assert rhythm.after_failure() == RETRY_S


@pytest.mark.parametrize(
    ("monotonic", "wall", "slept"),
    [(2.0, 2.0, False), (2.5, 2.4, False), (2.0, 3_602.0, True), (2.0, -86_400.0, True),
     (60.0, 60.0, True)],
    ids=["a tick", "a late tick", "the machine slept", "the clock was set back", "we were stopped"],
)  # fmt: skip
def test_F13_a_sleep_is_noticed(monotonic: float, wall: float, slept: bool) -> None:
    """While it lasts nobody tells of changes, so the disk is looked at afterwards."""
    sleep = Sleep(0.0, 0.0)
    assert sleep.happened(monotonic, wall, 2.0) is slept
    assert not sleep.happened(monotonic + 2.0, wall + 2.0, 2.0)


def test_F13_the_disk_is_looked_at_after_a_sleep(
    folder: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that is opened again shows what changed while it was closed."""
    folder.next_look = float("inf")
    folder._root_look = 0.0
    folder.look()
    assert not folder.hints.waiting
    monkeypatch.setattr(folder, "_sleep", Sleep(time.monotonic(), time.time() - 3_600))
    folder._root_look = 0.0
    folder.look()
    assert folder.hints.whole


# -- from a file to the index ---------------------------------------------------------------------
