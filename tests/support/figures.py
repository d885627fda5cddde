"""What was measured, beside what was promised: a table, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One row. `value` is None where nothing was measured, `target` is the most that is allowed."""

    what: str
    value: float | None
    unit: str
    target: float | None = None
    digits: int = 0

    @property
    def measured(self) -> str:
        """The value in words."""
        return "nothing" if self.value is None else f"{self.value:.{self.digits}f} {self.unit}"

    @property
    def promised(self) -> str:
        """The target in words, "" when there is none."""
        return "" if self.target is None else f"≤ {self.target:g} {self.unit}"

    @property
    def problem(self) -> str:
        """What is wrong with it, in a sentence; "" when nothing is."""
        if self.value is None:
            return f"{self.what}: nothing was measured"
        if self.target is not None and not self.value <= self.target:  # not a number is wrong too
            return f"{self.what}: {self.measured} missed the target of {self.promised}"
        return ""


def table(figures: Iterable[Figure]) -> str:
    """Write the figures as a table of docs/performance.md."""
    rows = [f"| {each.what} | {each.measured} | {each.promised} |" for each in figures]
    return "\n".join(["| what | measured | target |\n|---|--:|--:|", *rows])


def problems(figures: Iterable[Figure]) -> list[str]:
    """List what is wrong with the figures."""
    return [each.problem for each in figures if each.problem]
