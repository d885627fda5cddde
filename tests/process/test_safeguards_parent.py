"""A worker that is deaf and busy ends with its server, also where the kernel does not help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import assert_none_left, processes_of
from support.workspace import make_project

# Workers whose own loop hears nothing: neither a stop nor the end of the control pipe moves it.
DEAF = """
import sys
import threading
from wherein.ipc import control
from wherein.workers import runtime

real = runtime._watch_parent

def portable():
    sys.platform, before = "other", sys.platform  # no signal from the kernel there
    real()
    sys.platform = before

def main(context):
    context.send(control.Ready(""))
    threading.Event().wait()

def run(start, pipe):
    runtime._ENTRIES = dict.fromkeys(runtime._ENTRIES, "deaf_worker")
    runtime.run_worker(start, pipe)

def run_portable(start, pipe):
    runtime._watch_parent = portable
    run(start, pipe)
"""

SERVER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import deaf_worker
from wherein.host import IndexHost
from wherein.settings import Settings
from wherein.workers import handle
handle.run_worker = getattr(deaf_worker, sys.argv[3])
host = IndexHost(Settings())
host.open([sys.argv[2]])
while [s.state for s in host.worker_status()] != ["ready", "ready"]:
    time.sleep(0.02)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", ["run", "run_portable"])
def test_F17_a_deaf_worker_ends_with_its_server(
    wherein_home: Path, tmp_path: Path, run_id: str, how: str
) -> None:
    """Killing the server is the end of its workers, whatever they are doing."""
    (tmp_path / "deaf_worker.py").write_text(DEAF, encoding="utf-8")
    project = make_project(tmp_path / "project")
    command = [sys.executable, "-I", "-c", SERVER, str(tmp_path), str(project), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            assert len(processes_of(run_id)) >= 3
        finally:
            server.kill()
    assert_none_left(run_id, 20)
