"""A worker that dies says why: its log is kept, kept small, and shown where a person looks."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.faults import SERVE, Faults
from support.rpc import SERVE as ISOLATED
from support.rpc import serving
from support.waiting import until
from support.workspace import make_project
from wherein.host import IndexHost
from wherein.logs import Seldom
from wherein.paths import index_paths, log_home
from wherein.settings import Settings
from wherein.workers import supervision
from wherein.workers.start import WorkerType
from wherein.workers.worker_log import last_words, log_file, remembered

WATCHER = "wherein.workers.file_watcher:main"
DATABASE = "wherein.db_worker.process:main"


@pytest.fixture
def host(wherein_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexHost]:
    """A host that has opened nothing yet and gives a worker up at its first death."""
    monkeypatch.setattr(supervision, "BUDGET", 0)
    made = IndexHost(Settings())
    yield made
    made.close(5)


@pytest.mark.parametrize(
    "dies",
    [
        ("import", "exit code 1", "ImportError: libfirst.so.6: cannot open shared object file"),
        ("say", "exit code 7", "libsecond.so.6: wrong ELF class"),
        ("crash", "signal 11", "Fatal Python error: Segmentation fault"),
    ],
    ids=["import", "say", "crash"],
)
@pytest.mark.parametrize("at", [WATCHER, DATABASE], ids=["file_watcher", "database"])
def test_F15_a_worker_that_cannot_start_is_given_up_with_its_last_words(
    host: IndexHost, tmp_path: Path, faults: Faults, at: str, dies: tuple[str, str, str]
) -> None:
    """In the reason of the state and in the list of workers; without the directories."""
    do, how, why = dies
    faults.set({"at": at, "do": do})
    project = make_project(tmp_path / "project")
    host.open([str(project)])
    folder = host.folders[0]

    def reason() -> str | None:
        return next(iter(host.facts(folder).failed_workers.values()), None)

    said = until(reason, timeout=60, what="given up")
    assert said is not None
    assert how in said
    assert said.endswith(why)
    assert "/opt" not in said
    (dead,) = [status for status in host.worker_status() if status.state == "failed"]
    assert dead.last_error == said
    log = log_file(index_paths(str(project)).id, WorkerType(dead.type))
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_F15_the_reason_is_in_the_status_and_in_the_doctors_report(
    wherein_home: Path, tmp_path: Path, faults: Faults
) -> None:
    """Of a server whose watcher dies at each start: also when nobody has given it up yet."""
    project = make_project(tmp_path / "project")
    faults.set({"at": WATCHER, "do": "say"})
    with serving(SERVE) as client:
        client.initialize(project)

        def last_error() -> str:
            rows = client.ask("wherein/workers")["workers"]
            return next((r["lastError"] for r in rows if r["type"] == "file_watcher"), "")

        until(last_error, what="a death")
        assert last_error().endswith(": libsecond.so.6: wrong ELF class")
        done = subprocess.run(
            [sys.executable, "-I", "-m", "wherein", "doctor", "--dir", str(project)],
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        log = log_file(index_paths(str(project)).id, WorkerType.FILE_WATCHER)
        (line,) = [line for line in done.stdout.splitlines() if str(log) in line]
        assert line.endswith(" libsecond.so.6: wrong ELF class)")
        assert client.close() == 0


def test_F15_a_worker_that_dies_silently_has_no_words_of_another(tmp_path: Path) -> None:
    """What an earlier process of the same kind said is not why this one died."""
    log = tmp_path / "log"
    log.write_text("-- 2026-01-01 10:00:00 file watcher worker, process 1\nBus error\n")
    assert last_words(log, 1) == "Bus error"
    assert last_words(log, 2) == ""
    with log.open("a") as file:
        file.write("-- 2026-01-02 10:00:00 file watcher worker, process 2\n")
    assert last_words(log, 2) == ""
    assert remembered(log) == "2026-01-01 10:00:00 Bus error"


def test_F15_last_words_are_those_that_matter(tmp_path: Path) -> None:
    """No frames, no warnings, no directories, no control characters, not too many."""
    log = tmp_path / "log"
    ours = "2026-01-01 00:00:00,1 wherein[7]"
    log.write_text(
        "-- 2026-01-01 10:00:00 file watcher worker, process 1\n"
        "one\ntwo\nthree\n"
        f"{ours} WARNING wherein.x: nothing of weight\n"
        f"{ours} ERROR wherein.x: C:\\a\\c.py, /usr/lib/d.so, 1/2\n"
        'Traceback (most recent call last):\n  File "/usr/lib/e.py", line 1\n'
        "KeyError: 'f\x1b[1m'\n"
    )
    assert last_words(log, 1) == "three; c.py, d.so, 1/2; KeyError: 'f\\x1b[1m'"


def test_F84_a_log_stays_small(wherein_home: Path) -> None:
    """Two files of a size at most, however much is written; the words of now are in the newer."""
    script = (
        "import os\n"
        "from wherein.workers import worker_log\n"
        "worker_log.MAX_BYTES = 1_000\n"
        "log = worker_log.WorkerLog('0' * 16, worker_log.WorkerType.DATABASE)\n"
        "assert log.begin() is not None\n"
        "for number in range(1_000):\n"
        "    os.write(2, b'%05d a line of what a library has to say\\n' % number)\n"
        "    log.keep_small()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == 0
    files = list(log_home().iterdir())
    assert len(files) == 2
    assert sum(file.stat().st_size for file in files) < 2_200
    assert "00999" in remembered(log_file("0" * 16, WorkerType.DATABASE))


def test_F84_the_same_message_is_written_once_in_a_while() -> None:
    """A million errors are one line, and another that counts them."""
    seldom = Seldom()
    written = []
    for second in range(100):
        for _ in range(1_000):
            record = logging.makeLogRecord(
                {"name": "x", "levelno": logging.ERROR, "msg": "%s broke", "args": ("it",)}
            )
            record.created = 1_000_000.0 + second
            if seldom.filter(record):
                written.append(record.getMessage())
    assert written == ["it broke", *["it broke (and 29,999 times more)"] * 3]


@pytest.mark.skipif(os.name != "posix", reason="the reader that does not read is a pipe")
def test_F18_a_client_that_does_not_read_the_log_is_served_all_the_same(
    wherein_home: Path, tmp_path: Path
) -> None:
    """Its pipe is full before the first message: the server and its workers never wait for it."""
    project = make_project(tmp_path / "project")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    try:
        with serving(ISOLATED, stderr=writing) as client:
            client.initialize(project, initializationOptions={"logLevel": "debug", "x": 1})
            for _ in range(20):
                client.ask("wherein/sync")
                assert client.ask("wherein/search", {"query": "blend"})["results"]
            assert client.close() == 0
    finally:
        os.close(reading)
        os.close(writing)
