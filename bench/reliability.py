"""Measure how quickly wherein is well again: `make reliability` prints the table.

Real servers, real kills, medians and 99th percentiles over ROUNDS rounds. Not a test: a busy
machine gives worse figures, and the load is printed beside them.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.processes import RUN_ID, new_run_id, processes_of
from support.rpc import Client, Failed, serving
from support.workspace import make_project

ROUNDS = int(os.environ.get("ROUNDS", "10"))
WAIT_S = 60.0


def until(probe: Callable[[], Any]) -> float:
    """Wait for something to be true; returns the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < WAIT_S:
        if probe():
            return time.monotonic() - began
        time.sleep(0.01)
    return WAIT_S


def worker(client: Client, kind: str) -> dict[str, Any] | None:
    """The worker of a type that serves, if there is one."""
    rows = client.ask("wherein/workers")["workers"]
    ready = [row for row in rows if row["state"] == "ready" and row["pid"] is not None]
    return next((row for row in ready if row["type"] == kind), None)


def finds(client: Client, question: str = "blend") -> bool:
    """Say whether a search has an answer now."""
    try:
        return bool(client.ask("wherein/search", {"query": question})["results"])
    except Failed:
        return False


def settle(client: Client) -> None:
    """Wait until everything is indexed."""
    until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok")


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def back_in_service(project: Path, kind: str) -> tuple[list[float], list[float]]:
    """Kill a worker again and again: seconds until its next one serves, and of each status."""
    took: list[float] = []
    asked: list[float] = []
    with serving() as client:
        client.initialize(project)
        settle(client)
        for _ in range(min(ROUNDS, 4)):  # the budget of restarts is 5 in 180 s
            until(lambda: worker(client, kind))
            before = worker(client, kind)
            if before is None:
                continue
            os.kill(before["pid"], signal.SIGKILL)
            began = time.monotonic()

            def again(pid: int = before["pid"]) -> bool:
                asking = time.monotonic()
                client.ask("wherein/status")
                asked.append(time.monotonic() - asking)
                if kind == "database":
                    return finds(client)
                now = worker(client, kind)
                return now is not None and now["pid"] != pid

            until(again)
            took.append(time.monotonic() - began)
        client.close()
    return took, asked


def shutdowns(project: Path) -> list[float]:
    """Seconds from `shutdown` to the end of the process."""
    took = []
    for _ in range(ROUNDS):
        with serving() as client:
            client.initialize(project)
            settle(client)
            began = time.monotonic()
            client.close()
            took.append(time.monotonic() - began)
    return took


def orphans(project: Path) -> tuple[list[float], int]:
    """Seconds until nothing of a killed server is left, and how often that took over 2 s."""
    took = []
    for _ in range(ROUNDS):
        run = new_run_id()
        os.environ[RUN_ID] = run
        with serving() as client:
            client.initialize(project)
            settle(client)
            client.process.kill()
            client.exit_code()
            took.append(until(lambda run=run: not processes_of(run)))
    return took, sum(seconds > 2.0 for seconds in took)


def elections(project: Path) -> tuple[list[float], int]:
    """Seconds without an answer for who joined when the owner is killed, and failed requests."""
    took, failures = [], 0
    for _ in range(ROUNDS):
        with serving() as first, serving() as second:
            first.initialize(project)
            settle(first)
            second.initialize(project)
            until(lambda second=second: finds(second))
            first.process.kill()
            began = time.monotonic()
            while time.monotonic() - began < WAIT_S:
                answered = finds(second)
                failures += not answered
                (row,) = second.ask("wherein/status")["folders"]
                if answered and row["ownerPid"] is None:
                    break
            took.append(time.monotonic() - began)
            second.close()
    return took, failures


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="wh-") as home:
        os.environ["WHEREIN_HOME"] = home
        project = make_project(Path(home) / "project")
        rows: list[tuple[str, list[float], str]] = []
        statuses: list[float] = []
        for kind, target in (
            ("file_watcher", "2 s"),
            ("database", "2 s"),
            ("vectorization", "5 s"),
        ):
            took, asked = back_in_service(project, kind)
            rows.append((f"{kind.replace('_', ' ')} killed, until back in service", took, target))
            statuses += asked
        rows.append(("`wherein/status` during these", statuses, "0.1 s (p99)"))
        rows.append(("clean shutdown", shutdowns(project), "1.5 s (p99)"))
        gone, late = orphans(project)
        rows.append((f"server killed, until none is left ({late} over 2 s)", gone, "2 s"))
        took, failed = elections(project)
        rows.append(
            (
                f"owner killed, until the next one answers ({failed} failed requests)",
                took,
                "3 s",
            )
        )
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {ROUNDS} rounds\n")
    print("| what | median | p99 | target |")
    print("|---|--:|--:|--:|")
    for what, values, target in rows:
        middle, worst = statistics.median(values), quantile(values, 0.99)
        print(f"| {what} | {middle:.2f} s | {worst:.2f} s | ≤ {target} |")


if __name__ == "__main__":
    main()
