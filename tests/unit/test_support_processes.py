"""The finder of processes that are left behind: it finds one, and complains about it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from support.processes import assert_none_left, processes_of

_WAIT_FOR_EVER = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def child(run_id: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _WAIT_FOR_EVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def test_a_child_is_found_by_the_run_id(child: subprocess.Popen[str], run_id: str) -> None:
    assert [found.pid for found in processes_of(run_id)] == [child.pid]
    assert processes_of("another") == []


def test_a_process_left_behind_is_named_and_killed(
    child: subprocess.Popen[str], run_id: str
) -> None:
    with pytest.raises(AssertionError, match=rf"left behind:\n  {child.pid}: "):
        assert_none_left(run_id, timeout=0.0)
    assert processes_of(run_id) == []


def test_a_process_that_ends_in_time_is_no_complaint(
    child: subprocess.Popen[str], run_id: str
) -> None:
    assert child.stdin is not None
    child.stdin.close()
    assert_none_left(run_id, timeout=30.0)
