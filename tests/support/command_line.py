"""The command line, run to its end."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

WHEREIN = [sys.executable, "-I", "-m", "wherein"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end."""
    return subprocess.run(
        [*WHEREIN, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )
