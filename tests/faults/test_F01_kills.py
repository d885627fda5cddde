"""F01, F05: whoever is killed while a folder is indexed, nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faults import sources
from faults.oracle import assert_equal, embed_foreseeably

TESTS = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "faults.index_folder")


def start(index: Path, root: Path) -> subprocess.Popen[str]:
    """Start bringing an index up to date, in a process of its own."""
    return subprocess.Popen(
        [*COMMAND, str(index), str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )


def kill_during(index: Path, root: Path, after_s: float) -> bool:
    """Kill it so long after it opened the index; False when it had finished before."""
    child = start(index, root)
    assert child.stdout
    with child, child.stdout:
        assert child.stdout.readline().startswith("open")
        time.sleep(after_s)  # the moment of the kill, not a wait for anything
        child.kill()
        return child.wait(30) < 0


def finish(index: Path, root: Path) -> str:
    """Let it finish; returns what it said."""
    child = start(index, root)
    said, _ = child.communicate(timeout=120)
    assert child.returncode == 0
    return said


@pytest.mark.one_transport  # watcher and database are one process here
@pytest.mark.parametrize(
    "kills", [25, pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(3_600)])]
)
def test_F01_kills_lose_and_double_nothing(tmp_path: Path, kills: int) -> None:
    """Watcher and database are killed at random moments, and the files go on changing."""
    root, index = sources.make_tree(tmp_path / "root", 150), tmp_path / "index"
    dice = random.Random(20261123)
    hit, within_s = 0, 0.25
    for _ in range(kills):
        in_time = kill_during(index, root, dice.uniform(0, within_s))
        within_s *= 1.2 if in_time else 0.6  # as long as the work takes on this machine
        hit += in_time
        sources.change(root, dice, 12)
    assert hit > kills // 3  # else nothing was tested
    assert "damaged" not in finish(index, root)
    assert_equal(index, root, embed_foreseeably)
