"""What the measurements of reliability share: rows of the table, waiting, and what is asked."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support.rpc import Client, Failed

WAIT_S = 120.0


class Row(NamedTuple):
    """One line of the table: `value` and `target` in `unit`; less is better."""

    what: str
    value: float
    target: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        """True when the value is within its target."""
        return self.value <= self.target

    def shown(self) -> str:
        """Write the line."""
        value, target = (f"{n:,.0f}" if n >= 100 or n == int(n) else f"{n:.2f}" for n in self[1:3])
        note = f" ({self.note})" if self.note else ""
        missed = "" if self.met else " **missed**"
        unit = f" {self.unit}" if self.unit else ""
        return f"| {self.what}{note} | {value}{unit}{missed} | ≤ {target}{unit} |"


def until(probe: Callable[[], Any], wait_s: float = WAIT_S) -> float:
    """Wait for something to be true; returns the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < wait_s:
        if probe():
            return time.monotonic() - began
        time.sleep(0.01)
    raise SystemExit(f"not within {wait_s:.0f} s, with a load of {os.getloadavg()[0]:.0f}")


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies, by the nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def status(client: Client) -> dict[str, Any]:
    """The row of the only folder."""
    (row,) = client.ask("wherein/status")["folders"]
    assert isinstance(row, dict)
    return row


def settle(client: Client, wait_s: float = 600.0) -> dict[str, Any]:
    """Wait until everything is indexed, with its vectors; returns the last status."""
    client.ask("wherein/sync", timeout=wait_s)
    until(lambda: status(client)["state"] == "ok", wait_s)
    return status(client)


def finds(client: Client, question: str = "blend") -> bool:
    """Say whether a search has an answer now."""
    try:
        return bool(client.ask("wherein/search", {"query": question})["results"])
    except Failed:
        return False
