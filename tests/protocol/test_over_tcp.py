"""The whole chain where there are no Unix sockets: loopback TCP with a token, as on Windows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import assert_none_left
from support.rpc import serving
from support.waiting import until
from support.workspace import make_project
from wherein.ownership.lock import read_owner
from wherein.paths import index_paths

WHEREIN = [sys.executable, "-I", "-m", "wherein"]


@pytest.fixture
def project(wherein_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, and the other transport for every process that this test starts."""
    monkeypatch.setenv("WHEREIN_TRANSPORT", "tcp")
    return make_project(tmp_path / "project")


def no_socket_files(home: Path) -> bool:
    """Say whether no Unix socket was made under the test's home."""
    return not any(path.is_socket() for path in home.rglob("*"))


def test_the_server_searches_follows_edits_and_restarts(
    project: Path, wherein_home: Path, run_id: str
) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok")
        owner = read_owner(index_paths(str(project)))
        assert owner is not None
        assert owner.database.startswith("tcp:127.0.0.1:")
        assert owner.vectorization.startswith("tcp:127.0.0.1:")
        assert no_socket_files(wherein_home)
        answer = client.ask("wherein/search", {"query": "send a piece once more after a pause"})
        assert answer["notes"] == []
        assert "meaning" in answer["results"][0]["via"]
        (project / "later.py").write_text("def vermilion():\n    return 1\n", encoding="utf-8")

        def found() -> bool:
            hits = client.ask("wherein/search", {"query": "vermilion"})["results"]
            return bool(hits) and hits[0]["path"] == "later.py"

        until(found, what="an edit, with no command from anyone")
        (pid,) = [
            w["pid"] for w in client.ask("wherein/workers")["workers"] if w["type"] == "database"
        ]
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        until(found, what="answers after the database worker was killed")
        client.process.kill()
        client.exit_code()
        assert_none_left(run_id, timeout=2.0)


def test_the_command_line_indexes_answers_and_reads_a_batch(
    project: Path, wherein_home: Path
) -> None:
    def run(*arguments: str, text: str = "") -> str:
        done = subprocess.run(
            [*WHEREIN, *arguments],
            input=text,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    numbers = json.loads(run("index", str(project), "--json"))
    assert numbers["vectors"] == numbers["chunks"] > 0
    hit = json.loads(run("search", "blend", "--dir", str(project), "--json").splitlines()[0])
    assert (hit["path"], hit["symbol"]) == ("colours.py", "blend")
    asked = '{"id": 1, "query": "blend"}\n{"id": 2, "query": "retry"}\n'
    answers = run("search", "--batch", "-", "--dir", str(project), text=asked).splitlines()
    assert [json.loads(line)["results"][0]["path"] for line in answers] == [
        "colours.py",
        "net/upload.py",
    ]
    assert no_socket_files(wherein_home)
