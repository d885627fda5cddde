"""The server as an editor sees it when workers never get ready, and when handlers fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.rpc import Failed, serving

# Runs inside the server process, before the server.
BEFORE = """
import sys
sys.path.insert(0, {folder!r})
{body}
sys.argv = ["wherein", "serve", "--stdio"]
from wherein.__main__ import main
sys.exit(main())
"""

# A worker that says nothing, hears nothing, and only ends with the server.
STUCK = """
from multiprocessing import parent_process
from multiprocessing.connection import wait

def run(start, pipe):
    wait([parent_process().sentinel])
"""

ALL_STUCK = """
import stuck_worker
import wherein.workers.handle
wherein.workers.handle.run_worker = stuck_worker.run
"""

BROKEN = """
import wherein.host
def broken(self):
    raise RuntimeError("secret of /home/person")
wherein.host.IndexHost.worker_status = broken
"""

# `leave` with a session whose workers never stop.
HANGS = """
import threading
from wherein.lsp.lifecycle import leave
class Hanging:
    def stop(self):
        threading.Event().wait()
leave(Hanging(), 7)
"""


def prepared(folder: Path, body: str) -> tuple[str, ...]:
    """Return the command of a server that runs something first."""
    return (sys.executable, "-I", "-c", BEFORE.format(folder=str(folder), body=body))


def test_r2_initialize_starts_both_workers_and_waits_for_neither(
    project: Path, tmp_path: Path
) -> None:
    """With workers that never get ready, initialize is answered and both are there by then."""
    (tmp_path / "stuck_worker.py").write_text(STUCK, encoding="utf-8")
    with serving(prepared(tmp_path, ALL_STUCK)) as client:
        with pytest.raises(Failed):
            client.ask("wherein/status")  # it runs, and is not initialized
        folders = [{"uri": project.as_uri(), "name": "project"}]
        asked = {"processId": None, "rootUri": None, "capabilities": {}}
        client.ask("initialize", {**asked, "workspaceFolders": folders}, timeout=15)
        client.notify("initialized", {})
        workers = client.ask("wherein/workers")["workers"]
        assert {w["type"]: w["state"] for w in workers} == {
            "file_watcher": "starting",
            "vectorization": "starting",
        }
        assert all(w["pid"] for w in workers)
        assert client.close() == 0


def test_a_handler_that_fails_tells_no_internals(wherein_home: Path, tmp_path: Path) -> None:
    """The reply is an error without a traceback, and the server goes on."""
    with serving(prepared(tmp_path, BROKEN), stderr=subprocess.DEVNULL) as client:
        client.initialize()
        with pytest.raises(Failed) as caught:
            client.ask("wherein/workers")
        assert set(caught.value.error) == {"code", "message"}
        assert caught.value.code == -32603
        for internal in ("secret", "/home", "Traceback", "RuntimeError", ".py"):
            assert internal not in str(caught.value.error)
        assert client.ask("wherein/status") == {"folders": []}
        assert client.close() == 0


def test_params_of_the_protocols_own_requests_are_named_too(wherein_home: Path) -> None:
    """-32602 names the field also where lsprotocol reads the params."""
    with serving() as client:
        with pytest.raises(Failed, match="capabilities") as caught:
            client.ask("initialize", {"processId": None, "rootUri": None})
        assert caught.value.code == -32602
        client.initialize()
        assert client.close() == 0


def test_workers_that_never_stop_do_not_keep_the_server(wherein_home: Path) -> None:
    """The last moment comes whatever hangs: editors kill what stays longer."""
    done = subprocess.run([sys.executable, "-I", "-c", HANGS], timeout=30, check=False)
    assert done.returncode == 7
