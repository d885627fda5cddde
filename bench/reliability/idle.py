"""A server that nobody asks anything: its memory, and the processor time that it takes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
from common import Row, settle
from many import memory

from faults import sources
from support.processes import RUN_ID, new_run_id, processes_of
from support.rpc import serving

MINUTES = float(os.environ.get("MINUTES", "10"))
FILES = 3_350  # some 10,000 chunks
REST_S = 60.0  # after the last word: the database tidies up


def processor_time(processes: list[psutil.Process]) -> float:
    """Seconds that they have used, all together."""
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)


def measure(home: Path) -> list[Row]:
    """Index, ask once, wait."""
    run = os.environ[RUN_ID] = new_run_id()
    root = sources.make_tree(home / "idle", FILES)
    with serving() as client:
        client.initialize(root)
        row = settle(client, 1800)
        client.ask("wherein/search", {"query": "where is the upload tried again"})
        time.sleep(REST_S)
        processes = processes_of(run)
        before, began = processor_time(processes), time.monotonic()
        time.sleep(MINUTES * 60)
        used = (processor_time(processes) - before) / (time.monotonic() - began)
        used_mb = memory(run)
        client.close()
    note = f"{row['chunks']:,} chunks, {len(processes)} processes"
    return [
        Row("idle: memory of all processes, PSS", used_mb, 350, "MB", note),
        Row(f"idle: processor over {MINUTES:g} min", 100 * used, 0.5, "% of a core"),
    ]
