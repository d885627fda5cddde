"""Fifty servers on one folder: one owner, all answer, and what each more of them costs."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

from common import Row, finds, settle, status, until

from support.processes import RUN_ID, new_run_id, processes_of
from support.rpc import Client, Failed, serving

SERVERS = int(os.environ.get("SERVERS", "50"))


def memory(run: str) -> float:
    """The memory of all processes of a run, shared pages divided among them, in MB."""
    used = 0.0
    for process in processes_of(run):
        used += float(process.memory_full_info().pss)
    return used / (1 << 20)


def owners(clients: list[Client]) -> list[Client]:
    """Those that own the index themselves."""
    return [client for client in clients if status(client)["ownerPid"] is None]


def measure(project: Path) -> list[Row]:
    """Open them, kill the owner, close them."""
    run = os.environ[RUN_ID] = new_run_id()
    with ExitStack() as stack:
        first = stack.enter_context(serving())
        first.initialize(project)
        settle(first)
        alone = memory(run)
        rest = [stack.enter_context(serving()) for _ in range(SERVERS - 1)]
        for client in rest:
            client.initialize(project)
        for client in rest:
            until(lambda client=client: finds(client))
        together = memory(run)
        found = len(owners([first, *rest]))
        first.process.kill()
        began = time.monotonic()
        waiting = [client.start("wherein/search", {"query": "blend"}) for client in rest]
        until(lambda: len(owners(rest)) == 1)
        elected = time.monotonic() - began
        failed = 0
        for client, request in zip(rest, waiting, strict=True):
            try:
                client.reply(request)
            except Failed:
                failed += 1
        for client in rest:
            client.close()
        left = until(lambda: not processes_of(run))
    each = (together - alone) / (SERVERS - 1)
    return [
        Row(f"owners among {SERVERS} servers on one folder", found, 1, ""),
        Row("each server that joins, PSS", each, 120, "MB", f"alone {alone:.0f} MB"),
        Row(f"owner of {SERVERS} killed, until the next", elected, 3, "s"),
        Row("failed searches, of one by each that was asked at that moment", failed, 0, ""),
        Row("the last one closed, until no process is left", left, 2, "s"),
    ]
