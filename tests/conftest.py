"""What every test may use: a home of its own, and the promise that no process is left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from hypothesis import settings

from support.faults import faults as faults  # noqa: PLC0414 - a fixture, for all tests
from support.processes import RUN_ID, assert_none_left, new_run_id
from support.workspace import make_project

# No test fails for being slow; how fast things are is for benchmarks.
settings.register_profile("wherein", deadline=None)
settings.load_profile("wherein")

# A job in the background of a shell ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_WITH_PROCESSES = {"process", "protocol", "faults", "editors"}


# The tests of these run on both transports each time; `make test-slow` runs all others on TCP too.
# A test may have several ids. One that has no sockets, or says which, is marked `one_transport`.
_ON_BOTH = re.compile(r"test_(?:F\d\d_)*(?:r[0-5]|F0[1-6]|F2[2-7])_")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of R0 to R5, F01 to F06 and F22 to F27 on Unix sockets and on loopback TCP."""
    part = Path(str(metafunc.module.__file__)).relative_to(Path(__file__).parent).parts[0]
    given = any(mark.name == "one_transport" for mark in metafunc.definition.iter_markers())
    if part in _WITH_PROCESSES and _ON_BOTH.match(metafunc.function.__name__) and not given:
        metafunc.parametrize("transport", ["unix", "tcp"], indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests in a browser last, and in one process: their driver keeps an event loop."""
    for item in items:
        if "vscode" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("vscode"))
    items.sort(key=lambda item: "vscode" in item.path.parts)


@pytest.fixture(autouse=True)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Choose the transport of the processes that this test starts; name the one that they use."""
    if chosen := getattr(request, "param", ""):
        monkeypatch.setenv("WHEREIN_TRANSPORT", chosen)
    elif request.node.get_closest_marker("one_transport"):
        monkeypatch.delenv("WHEREIN_TRANSPORT", raising=False)
    return "tcp" if os.environ.get("WHEREIN_TRANSPORT") == "tcp" else "unix"


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


@pytest.fixture
def project(wherein_home: Path, tmp_path: Path) -> Path:
    """Make a small project, and a home for its index."""
    return make_project(tmp_path / "project")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let processes started from now on be interruptible, though these tests may not be.

    A shell ignores SIGINT for what it runs in the background, and children inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
