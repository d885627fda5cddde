"""F50, F51: files that are none, and files that are too much, beside a server and its watcher."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from faults.oracle import assert_true, settle
from support.namespaces import needs_mounts
from support.rpc import SERVE, serving

LONG = 60.0  # seconds
MOST_GROWN = 50 << 20  # bytes
LINE = b"function f(a, b) { return a.b(c) + d[e]; } "


@needs_mounts
def test_F50_devices_and_the_kernels_files_hold_up_nobody(project: Path) -> None:
    """A device that never ends, a terminal, a pipe, and a directory of the kernel's.

    They are mounted in a namespace of the server's own.
    """
    names = {"zero.py": "/dev/zero", "terminal.py": "/dev/tty"}
    for name in names:
        (project / name).touch()
    (project / "kernel").mkdir()
    os.mkfifo(project / "pipe.py")
    mounts = [f"mount --bind {device} {project / name}" for name, device in names.items()]
    mounts.append(f"mount --bind /proc/sys/kernel {project / 'kernel'}")
    alone = ("unshare", "-Urm", "sh", "-c", f'{" && ".join(mounts)} && exec "$@"', "sh", *SERVE)
    with serving(alone) as client:
        client.initialize(project)
        told = settle(client, LONG)
        assert told["skipped"]["not_regular"] == 3
        for name in (*names, "pipe.py"):
            asked = {"uri": (project / name).as_uri()}
            assert "not a regular file" in client.ask("wherein/why", asked)["sentence"]
        assert client.ask("wherein/search", {"query": "blend"})["results"]


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the most memory of a process is read in /proc"
)
def test_F51_huge_files_take_no_memory(wherein_home: Path, project: Path) -> None:
    """A gigabyte, 20 MB in one line, a megabyte in one line, nothing at all."""
    with serving() as client:
        client.initialize(project)
        settle(client, LONG)
        pids = [w["pid"] for w in client.ask("wherein/workers")["workers"]]
        before = {pid: most_memory(pid) for pid in [*pids, client.process.pid]}
        with (project / "sparse.py").open("wb") as file:
            file.truncate(1 << 30)
        (project / "one_line.js").write_bytes(LINE * 500_000)
        (project / "line.js").write_bytes(LINE * 24_000)
        (project / "empty.py").touch()
        told = settle(client, LONG)
        assert told["skipped"]["too_large"] == 2
        for pid, most in before.items():
            grown = most_memory(pid) - most
            assert grown < MOST_GROWN, f"{psutil.Process(pid).cmdline()} took {grown >> 20} MB"
    assert_true(project)


def most_memory(pid: int) -> int:
    """The most bytes that a process has had at a time."""
    text = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    (line,) = [line for line in text.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10
