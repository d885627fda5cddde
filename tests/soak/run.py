"""Ten minutes of edits, searches, checkouts and kills: `make soak` (MINUTES=10).

    python tests/soak/run.py [MINUTES]

Kills fall into the first half. What is measured in the second half must not grow: the memory, open
files and threads of the server and of each worker, by a straight line through the samples, and the
write-ahead log. At the end the index must equal a fresh rebuild. Prints the table; exits with 1
when something grew or an answer was wrong.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from faults.oracle import assert_true, settle
from support.rpc import Client, Failed, serving
from support.waiting import until
from wherein.paths import index_paths

FILES = 150
VERSIONS = 8  # of each file: after a while every text is known
MB = 1 << 20
SLACK_MB = 6.0  # of one process: allocators breathe
PER_1000_EDITS_MB = 1.0
WAL_MB = 64.0
KILL_EACH_S = 40.0  # a worker may die five times in three minutes
CHECKOUT_EACH_S = 15.0


class Sample(NamedTuple):
    """What one process uses at one moment."""

    at: float
    rss: float  # MB
    fds: int
    threads: int


def text(number: int, version: int) -> str:
    """Write one version of one file."""
    lines = [f'"""File {number}: handles orders of kind {number % 17}."""\n']
    for function in range(6):
        lines.append(
            f"\ndef handle_{number}_{function}(order, clock):\n"
            f'    """Retry the order after {version} pauses of kind {function}."""\n'
            f"    for attempt in range({version + function}):\n"
            f"        clock.sleep(attempt * {number})\n    return order.send({version})\n"
        )
    return "".join(lines)


class Soak:
    """One run: the folder, the server, and what was seen."""

    def __init__(self, folder: Path, client: Client) -> None:
        self.folder = folder
        self.client = client
        self.random = random.Random(4711)
        self.samples: dict[str, list[Sample]] = {}
        self.edits = self.searches = self.kills = self.checkouts = self.failed = 0
        self.largest_wal = 0.0

    def place(self, number: int) -> Path:
        """Name a file, in a directory that is there."""
        directory = self.folder / f"part{number % 9}"
        directory.mkdir(exist_ok=True)
        return directory / f"file{number}.py"

    def edit(self, count: int) -> None:
        """Rewrite some files."""
        for _ in range(count):
            number = self.random.randrange(FILES)
            place = self.place(number)
            place.write_text(text(number, self.random.randrange(VERSIONS)), encoding="utf-8")
            self.edits += 1

    def check_out(self, branch: int) -> None:
        """Give a third of the files the text that they have on a branch, and remove some."""
        self.checkouts += 1
        for number in range(0, FILES, 3):
            place = self.place(number)
            if branch and number % 4 == 0:
                place.unlink(missing_ok=True)
            else:
                place.write_text(text(number, branch), encoding="utf-8")
            self.edits += 1

    def search(self) -> None:
        """Ask a few questions; while a worker is being started one may fail."""
        for _ in range(6):
            number = self.random.randrange(FILES)
            question = f"where is the order of kind {number % 17} sent again, handle_{number}_1"
            self.searches += 1
            try:
                self.client.ask("wherein/search", {"query": question})
            except Failed:
                self.failed += 1

    def kill(self) -> None:
        """Kill one worker, as a crash would."""
        workers = self.client.ask("wherein/workers")["workers"]
        pids = [w["pid"] for w in workers if w["pid"] is not None]
        if pids:
            os.kill(self.random.choice(pids), signal.SIGKILL)
            self.kills += 1

    def warm_up(self) -> None:
        """Write a text that is new, so that every worker has loaded all that it ever will."""
        (self.folder / "fresh.py").write_text(text(FILES, VERSIONS + self.kills), encoding="utf-8")
        until(self.sync, timeout=120)
        until(lambda: self.client.ask("wherein/status")["folders"][0]["state"] == "ok", 120)

    def sync(self) -> bool:
        """Bring the index up to the disk; False when a worker was away."""
        try:
            self.client.ask("wherein/sync", timeout=120)
        except Failed:
            self.failed += 1
            return False
        return True

    def sample(self) -> None:
        """Note what each process uses now."""
        now = time.monotonic()
        pids = {"server": self.client.process.pid}
        workers = self.client.ask("wherein/workers")["workers"]
        pids |= {w["type"]: w["pid"] for w in workers if w["pid"]}
        for name, pid in pids.items():
            try:
                process = psutil.Process(pid)
                used = process.memory_info().rss / MB
                row = Sample(now, used, process.num_fds(), process.num_threads())
            except psutil.Error:
                continue
            self.samples.setdefault(name, []).append(row)
        directory = Path(index_paths(str(self.folder)).directory)
        for wal in directory.glob("gen-*/*-wal"):
            self.largest_wal = max(self.largest_wal, wal.stat().st_size / MB)

    def go_on(self, seconds: float, *, killing: bool) -> None:
        """Work for so long."""
        end = time.monotonic() + seconds
        killed = checked_out = time.monotonic()
        while (now := time.monotonic()) < end:
            self.edit(12)
            self.search()
            if killing and now - killed > KILL_EACH_S:
                self.kill()
                killed = now
            if now - checked_out > CHECKOUT_EACH_S:
                self.check_out(self.checkouts % 2)
                checked_out = now
            if self.sync():
                self.sample()


def growth(samples: list[Sample], values: list[float]) -> float:
    """Return by how much a straight line through the values rises over their time."""
    if len(samples) < 3:
        return 0.0
    times = [sample.at for sample in samples]
    return statistics.linear_regression(times, values).slope * (times[-1] - times[0])


def report(soak: Soak, edits: int) -> int:
    """Print the table of the second half; return how much in it is wrong."""
    wrong = 0
    limit = SLACK_MB + PER_1000_EDITS_MB * edits / 1000
    sys.stdout.write(
        "| process | MB | grew | by 1,000 edits | open files | grew | threads | grew |\n"
    )
    sys.stdout.write("|---|--:|--:|--:|--:|--:|--:|--:|\n")
    for name, rows in sorted(soak.samples.items()):
        rss = growth(rows, [row.rss for row in rows])
        fds = growth(rows, [float(row.fds) for row in rows])
        threads = growth(rows, [float(row.threads) for row in rows])
        bad = rss > limit or fds > 2 or threads > 2
        wrong += bad
        last = rows[-1]
        sys.stdout.write(
            f"| {name} | {last.rss:.0f} | {rss:+.1f} | {1000 * rss / edits:+.2f} "
            f"| {last.fds} | {fds:+.1f} "
            f"| {last.threads} | {threads:+.1f} |{'  GREW' if bad else ''}\n"
        )
    wal = soak.largest_wal > WAL_MB
    sys.stdout.write(f"\nwrite-ahead log: {soak.largest_wal:.1f} MB at most{' GREW' * wal}\n")
    return wrong + wal


def is_true(folder: Path) -> bool:
    """Say whether the index, which is in use, equals a fresh rebuild of its folder."""
    try:
        assert_true(folder)
    except AssertionError as error:
        sys.stdout.write(f"the index is not that of the folder: {error}\n")
        return False
    return True


def main(minutes: float) -> int:
    """Run, then compare the index with a fresh one."""
    with tempfile.TemporaryDirectory(prefix="wherein-soak-") as scratch:
        os.environ["WHEREIN_HOME"] = str(Path(scratch) / "home")
        folder = Path(scratch) / "project"
        folder.mkdir()
        with serving() as client:
            client.initialize(folder)
            soak = Soak(folder, client)
            soak.check_out(0)
            half = minutes * 30
            soak.go_on(half, killing=True)
            soak.warm_up()
            soak.go_on(half * 0.2, killing=False)
            soak.samples.clear()
            before = soak.edits
            soak.go_on(half * 0.8, killing=False)
            until(soak.sync, timeout=60)
            settle(client, timeout=300)
            files = client.ask("wherein/status")["folders"][0]["files"]
            there = sum(1 for _ in folder.rglob("*.py"))
            wrong = report(soak, soak.edits - before)
            sys.stdout.write(
                f"{soak.edits:,} edits, {soak.searches:,} searches ({soak.failed} failed), "
                f"{soak.kills} kills, {soak.checkouts} checkouts; {files} of {there} files\n"
            )
            wrong += files != there or not is_true(folder)
            wrong += soak.failed > 4 * soak.kills + soak.searches * 0.02
            wrong += client.close() != 0
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
