"""Kills, shutdowns and elections, again and again: seconds until all is well."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import Row, finds, quantile, settle, status, until

from support.processes import RUN_ID, new_run_id, processes_of
from support.rpc import SERVE, Client, serving

ROUNDS = int(os.environ.get("ROUNDS", "10"))
SHUTDOWNS = 5 * ROUNDS
KILLS = 2  # of a worker of one server: the next ones wait longer

# An editor that starts a server as its child, and perhaps another process that keeps stdin open.
EDITOR = """
import json, subprocess, sys, time
server = subprocess.Popen(json.loads(sys.argv[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
if sys.argv[3] == "held":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"],
                     pass_fds=[server.stdin.fileno()], env={})
folder = [{"uri": sys.argv[2], "name": "x"}]
import os
body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "processId": os.getpid(), "rootUri": None, "capabilities": {}, "workspaceFolders": folder}})
server.stdin.write(f"Content-Length: {len(body)}\\r\\n\\r\\n{body}".encode())
server.stdin.flush()
server.stdout.readline()
print("ready", flush=True)
time.sleep(600)
"""


def worker(client: Client, kind: str) -> dict[str, Any] | None:
    """The worker of a type that serves, if there is one."""
    rows = client.ask("wherein/workers")["workers"]
    ready = [row for row in rows if row["state"] == "ready" and row["pid"] is not None]
    return next((row for row in ready if row["type"] == kind), None)


def back_in_service(project: Path, kind: str) -> tuple[list[float], list[float]]:
    """Kill a worker again and again: seconds until its next one serves, and of each status."""
    took: list[float] = []
    asked: list[float] = []
    for _ in range(ROUNDS // KILLS):
        with serving() as client:
            client.initialize(project)
            settle(client)
            for _ in range(KILLS):
                until(lambda client=client: worker(client, kind))
                took.append(_killed(client, kind, asked))
            client.close()
    return took, asked


def _killed(client: Client, kind: str, asked: list[float]) -> float:
    before = worker(client, kind)
    assert before is not None
    os.kill(before["pid"], signal.SIGKILL)
    began = time.monotonic()

    def again() -> bool:
        asking = time.monotonic()
        status(client)
        asked.append(time.monotonic() - asking)
        if kind == "database":
            return finds(client)
        now = worker(client, kind)
        return now is not None and now["pid"] != before["pid"]

    until(again)
    return time.monotonic() - began


def shutdowns(project: Path) -> list[float]:
    """Seconds from `shutdown` to the end of the process."""
    took = []
    for _ in range(SHUTDOWNS):
        with serving() as client:
            client.initialize(project)
            settle(client)
            began = time.monotonic()
            client.close()
            took.append(time.monotonic() - began)
    return took


def orphans(project: Path) -> list[float]:
    """Seconds until nothing of a killed server is left."""
    took = []
    for _ in range(ROUNDS):
        run = os.environ[RUN_ID] = new_run_id()
        with serving() as client:
            client.initialize(project)
            settle(client)
            client.process.kill()
            client.exit_code()
            took.append(until(lambda run=run: not processes_of(run)))
    return took


def editors(project: Path, how: str) -> list[float]:
    """Seconds until nothing is left of the server of a killed editor."""
    took = []
    for _ in range(ROUNDS):
        run = os.environ[RUN_ID] = new_run_id()
        command = [sys.executable, "-c", EDITOR, json.dumps(SERVE), project.as_uri(), how]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as editor:
            assert editor.stdout is not None
            editor.stdout.readline()
            until(lambda run=run: len(processes_of(run)) >= 4)
            editor.kill()
            editor.wait()
            took.append(until(lambda run=run: not processes_of(run)))
    return took


def elections(project: Path) -> tuple[list[float], list[int]]:
    """Seconds until who joined owns the index and answers, and failed requests, for each kill."""
    took, failures = [], []
    for _ in range(ROUNDS):
        with serving() as first, serving() as second:
            first.initialize(project)
            settle(first)
            second.initialize(project)
            until(lambda second=second: finds(second))
            first.process.kill()
            began, failed = time.monotonic(), 0
            while True:
                answered = finds(second)
                failed += not answered
                if answered and status(second)["ownerPid"] is None:
                    break
            took.append(time.monotonic() - began)
            failures.append(failed)
            second.close()
    return took, failures


def measure(project: Path) -> list[Row]:
    """Measure all of it."""
    rows: list[Row] = []
    asked: list[float] = []
    for kind, target in (("file_watcher", 2.0), ("database", 2.0), ("vectorization", 5.0)):
        took, statuses = back_in_service(project, kind)
        asked += statuses
        what = f"{kind.replace('_', ' ')} killed, until back in service"
        rows.append(Row(what, max(took), target, "s", f"worst of {len(took)}, {_middle(took)}"))
    note = f"of {len(asked)}, {_middle(asked)}"
    rows.append(Row("`wherein/status` during these, p99", quantile(asked, 0.99), 0.1, "s", note))
    took = shutdowns(project)
    note = f"of {len(took)}, {_middle(took)}"
    rows.append(Row("clean shutdown, p99", quantile(took, 0.99), 1.5, "s", note))
    for what, took, target in (
        ("server killed, until no process is left", orphans(project), 2.0),
        ("editor killed, until no process is left", editors(project, "alone"), 10.0),
        ("the same, stdin held open by another process", editors(project, "held"), 10.0),
    ):
        rows.append(Row(what, max(took), target, "s", f"worst of {ROUNDS}, {_middle(took)}"))
    took, failed = elections(project)
    note = f"worst of {ROUNDS}, {_middle(took)}"
    rows.append(Row("owner killed, until the next one owns and answers", max(took), 3, "s", note))
    rows.append(Row("failed requests of one client meanwhile", max(failed), 1, ""))
    return rows


def _middle(values: list[float]) -> str:
    return f"median {statistics.median(values):.2f}"
