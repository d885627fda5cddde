"""F10: which editor's process is watched, and when it counts as gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from support.namespaces import can_number_processes
from wherein.lsp import lifecycle

TICKS = 60  # looks of a second each

# In a namespace of processes: an editor ends, and its number is given to another one at once.
REUSED = """
import subprocess, threading
from pathlib import Path
from wherein.lsp import lifecycle
gone = threading.Event()
editor = subprocess.Popen(["sleep", "60"])
lifecycle.watch_editor(editor.pid, gone.set)
editor.kill()
editor.wait()
Path("/proc/sys/kernel/ns_last_pid").write_text(str(editor.pid - 1))
other = subprocess.Popen(["sleep", "60"])
assert other.pid == editor.pid, (other.pid, editor.pid)
print("gone" if gone.wait(20) else "taken for the editor")
other.kill()
"""


class Looks:
    """Stands in for the clock of the watching thread, which looks so often without waiting."""

    def __init__(self) -> None:
        self.count = 0
        self.over, self.go_on = threading.Event(), threading.Event()

    def sleep(self, _seconds: float) -> None:
        """Return at once, until it was enough."""
        if self.count == TICKS:
            self.over.set()
            self.go_on.wait()
        else:
            self.count += 1

    def goes(self, pid: int | None) -> bool:
        """Watch a process until the looks are over; say whether it was taken for gone."""
        gone = threading.Event()
        lifecycle.watch_editor(pid, gone.set)
        if watchers():
            assert self.over.wait(20)
        return gone.is_set()


def watchers() -> list[threading.Thread]:
    """The threads that watch an editor."""
    return [thread for thread in threading.enumerate() if thread.name == "wherein-editor"]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    """The looks of the watcher of one test, which ends with the test."""
    made = Looks()
    monkeypatch.setattr(lifecycle, "time", made)
    yield made
    monkeypatch.setattr(psutil.Process, "is_running", lambda _: False)
    made.go_on.set()
    for thread in watchers():
        thread.join(20)


@pytest.mark.parametrize("pid", [None, 0, -1, 999_999_999, pytest.param(os.getpid(), id="itself")])
def test_F10_what_is_no_editor_that_can_be_seen_is_not_watched(
    looks: Looks, pid: int | None
) -> None:
    assert not looks.goes(pid)
    assert looks.count == 0


def test_F10_an_editor_that_lives_is_not_taken_for_gone(looks: Looks) -> None:
    assert not looks.goes(os.getppid())
    assert looks.count == TICKS


def test_F10_an_editor_of_another_user_is_not_taken_for_gone(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may refuse to say how it is."""

    def refuse(process: psutil.Process) -> Any:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "status", refuse)
    assert not looks.goes(os.getppid())
    assert looks.count == TICKS


@pytest.mark.skipif(
    not can_number_processes(), reason="no namespace here in which a number can be given again"
)
def test_F10_another_process_with_the_editors_number_is_not_the_editor() -> None:
    done = subprocess.run(
        ["unshare", "-Urpf", "--mount-proc", sys.executable, "-c", REUSED],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "gone\n", done.stderr
