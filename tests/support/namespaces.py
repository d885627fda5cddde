"""Disks of a test's own, in a user and mount namespace that needs no rights; and strace.

Where the system allows neither, the tests that want them are skipped with a reason.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    return done.returncode == 0


@functools.cache
def can_mount() -> bool:
    """Say whether a small disk can be mounted in a namespace."""
    return _works(
        "unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt && umount /mnt"
    )


@functools.cache
def can_trace() -> bool:
    """Say whether system calls can be made to fail."""
    return _works("strace", "-qq", "-o", os.devnull, "-e", "inject=fsync:error=EIO", "true")


@functools.cache
def can_limit_watches() -> bool:
    """Say whether the number of watches can be limited for one process."""
    line = "echo 5 > /proc/sys/user/max_inotify_watches"
    return _works("unshare", "-Ur", "sh", "-c", line)


@functools.cache
def can_number_processes() -> bool:
    """Say whether the next process of a namespace can be given a number of our choice."""
    line = "echo 50 > /proc/sys/kernel/ns_last_pid"
    return _works("unshare", "-Urpf", "--mount-proc", "sh", "-c", line)


needs_mounts = pytest.mark.skipif(
    not can_mount(), reason="no user namespace here in which a disk could be mounted"
)
needs_strace = pytest.mark.skipif(not can_trace(), reason="no strace here, or it may not trace")
needs_limits = pytest.mark.skipif(
    not can_limit_watches(), reason="no user namespace here in which watches could be limited"
)


def environment() -> dict[str, str]:
    """The environment of a script that imports the tests' helpers."""
    return {**os.environ, "PYTHONPATH": str(TESTS)}


def run_with_a_disk(module: str, *arguments: str | Path, timeout: float = 240) -> str:
    """Run a module of the tests in a namespace where it may mount; returns what it said."""
    done = subprocess.run(
        ["unshare", "-Urm", sys.executable, "-m", module, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:] + done.stdout[-1_000:]
    return done.stdout


def run_traced(
    inject: str, paths: list[Path], *command: str | Path, timeout: float = 120
) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run a command with a fault in its system calls on these files.

    Returns how it ended and how often the fault was injected.
    """
    log = paths[0].parent.parent / "strace.log"
    selected = [word for path in paths for word in ("-P", str(path))]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", str(log), "-e", f"inject={inject}", *selected,
         *map(str, command)],
        env=environment(), capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    lines = log.read_text("utf-8", "replace").splitlines()
    fired = sum("INJECTED" in line or "killed by SIGKILL" in line for line in lines)
    return done, fired
