"""Looking at the system calls of processes, and cutting them off from the network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

NO_NETWORK = ("unshare", "--map-root-user", "--net", "--")


def may(*command: str) -> bool:
    """Say whether this machine lets us run a command with `true` at its end."""
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run([*command, "true"], check=False, capture_output=True, timeout=60)
    return done.returncode == 0


def strace(log: Path, *calls: str) -> tuple[str, ...]:
    """Make the command that traces calls of a process and its children; skips where it may not."""
    command = ("strace", "-f", "-qq", "-s", "4096", "-e", f"trace={','.join(calls)}")
    if not may(*command, "-o", "/dev/null"):
        pytest.skip("strace is not there, or may not trace")
    return (*command, "-o", str(log))


def no_network() -> tuple[str, ...]:
    """Make the command that runs another without a network; skips where that cannot be."""
    if not may(*NO_NETWORK):
        pytest.skip("no user namespaces here")
    return NO_NETWORK


def calls(log: Path) -> list[str]:
    """Read the calls that succeeded, or are under way, one a line."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return [line for line in lines if re.search(r"= -1 E", line) is None]
