"""What every test may use: a home of its own, and the promise that no process is left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from support.faults import faults as faults  # noqa: PLC0414 - a fixture, for all tests
from support.processes import RUN_ID, assert_none_left, new_run_id

_WITH_PROCESSES = {"process", "protocol", "faults", "editors"}


@pytest.fixture(scope="session", autouse=True)
def _tracker() -> None:
    """Start multiprocessing's helper before any run id is set: it stays until pytest ends."""
    resource_tracker.ensure_running()


@pytest.fixture(autouse=True)
def run_id(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Mark the processes that this test starts; fail when one of them outlives a process test."""
    mark = new_run_id()
    monkeypatch.setenv(RUN_ID, mark)
    yield mark
    tests = Path(__file__).parent
    if request.path.relative_to(tests).parts[0] in _WITH_PROCESSES:
        assert_none_left(mark)


@pytest.fixture
def wherein_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep indexes, sockets and logs in an empty directory with a name short enough for sockets."""
    home = Path(tempfile.mkdtemp(prefix="wh-"))
    monkeypatch.setenv("WHEREIN_HOME", str(home))
    yield home
    shutil.rmtree(home, ignore_errors=True)
