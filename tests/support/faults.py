"""Faults inside workers, for tests: see `faults/seam/sitecustomize.py`. Nothing is shipped."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

SEAM = Path(__file__).parents[1] / "faults" / "seam"

# A server as `python -I -m wherein serve --stdio` is one, without -I: its workers find the seam.
SERVE = (
    sys.executable,
    "-c",
    "import os, sys\n"
    "from wherein.__main__ import _claim_stdio\n"
    "stdin, stdout = _claim_stdio()\n"
    "from wherein.lsp.server import serve\n"
    "sys.exit(serve(stdin, os.fdopen(stdout, 'wb')))\n",
)


class Faults:
    """The faults of one test: `set` before the processes start that shall have them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, notes: Path) -> None:
        self._monkeypatch = monkeypatch
        self._notes = notes
        monkeypatch.setenv("PYTHONPATH", str(SEAM))
        monkeypatch.setenv("WHEREIN_FAULTS_DIR", str(notes))

    def set(self, *faults: dict[str, Any]) -> None:
        """Say which faults processes that start from now on have."""
        self._monkeypatch.setenv("WHEREIN_FAULTS", json.dumps(faults))

    def times(self) -> list[float]:
        """When a fault happened, in any process (time.time()), in order."""
        notes = [file for file in self._notes.iterdir() if not file.name.startswith("once-")]
        lines = [line for file in notes for line in file.read_text("ascii").splitlines()]
        return sorted(float(line.split()[1]) for line in lines)

    def count(self) -> int:
        """How often a fault happened, in all processes."""
        return len(self.times())


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """Let the workers that this test starts have faults."""
    return Faults(monkeypatch, tmp_path_factory.mktemp("faults"))
