"""Puts a question set to a search program, one process a code base, and keeps the answers.

The shared run.py does the asking: `wherein search --batch`, or the same contract by a peer.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

from sets import QuestionSet, shared

WHEREIN = f"{shlex.quote(sys.executable)} -I -m wherein search --batch - --dir {{dir}} --json"


def wherein(questions: QuestionSet, out: Path, limit: int = 10) -> float:
    """Ask wherein through its command line; returns the seconds of all processes together."""
    command = shlex.join([*("--limit", str(limit)), *questions.words])
    return ask(questions, out, f"{WHEREIN} {command}")


def ask(questions: QuestionSet, out: Path, command: str) -> float:
    """Ask any program that follows the contract of the shared run.py; returns seconds."""
    out.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, str(shared() / "run.py"), "--corpora", str(questions.trees)),
            *("--queries", str(questions.questions), "--out", str(out), "--search", command),
        ],
        check=True,
        stdout=sys.stderr,
    )
    return time.perf_counter() - began
