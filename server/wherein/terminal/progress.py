"""Progress on stderr: a moving line on a terminal, a plain line now and then elsewhere.

Nothing at all for the first 300 ms. The numbers are counted ones, from the watcher's messages and
the database's counters; time left comes from the rates seen so far. Main thread only.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Final

import attrs

from wherein.status import Facts, describe
from wherein.terminal.streams import counted, is_terminal, say

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

QUIET_S: Final = 0.3
PLAIN_EVERY_S: Final = 2.0


@attrs.frozen
class View:
    """What the line says: `working` is False while nothing had to be written yet."""

    files: int
    chunks: int
    vectors: int
    words_percent: int
    meaning_percent: int
    seconds_left: float | None
    working: bool

    def text(self) -> str:
        """Write it as one plain line."""
        parts = [
            counted(self.files, "file"),
            counted(self.chunks, "chunk"),
            counted(self.vectors, "vector"),
            f"words {self.words_percent} %",
            f"meaning {self.meaning_percent} %",
        ]
        if self.seconds_left is not None:
            parts.append(f"about {max(1, round(self.seconds_left))} s left")
        return ("indexing  " if self.working else "checking  ") + "  ".join(parts)


class Estimate:
    """Guesses the seconds left from how fast words and vectors have come so far."""

    def __init__(self) -> None:
        self._words_from: tuple[float, int] | None = None
        self._vectors_from: tuple[float, int] | None = None

    def seconds_left(self, facts: Facts, now: float) -> float | None:
        """Return the longer of the two remaining times, None while there is no rate yet."""
        stats = facts.stats
        left: list[float] = []
        chunks_in_all = float(stats.chunks) if stats else 0.0
        if facts.phase == "indexing" and facts.total:
            if self._words_from is None:
                self._words_from = (now, facts.done)
            left += _remaining(self._words_from, now, facts.done, facts.total)
            chunks_in_all *= facts.total / max(1, facts.done)
        if stats is not None and stats.vectors:
            if self._vectors_from is None:
                self._vectors_from = (now, stats.vectors)
            left += _remaining(self._vectors_from, now, stats.vectors, chunks_in_all)
        return max(left, default=None)


def _remaining(since: tuple[float, int], now: float, done: int, total: float) -> list[float]:
    seconds, gained = now - since[0], done - since[1]
    if seconds < 0.2 or gained <= 0:
        return []
    return [max(0.0, total - done) * seconds / gained]


class Progress:
    """Shows how far the index is, from `update` calls every tenth of a second."""

    def __init__(self) -> None:
        self._terminal = is_terminal(sys.stderr)
        self._started = time.monotonic()
        self._said_at = 0.0
        self._estimate = Estimate()
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None

    def update(self, facts: Facts) -> None:
        """Show the newest facts, if it is time to."""
        now = time.monotonic()
        view = self._view(facts, now)
        if now - self._started < QUIET_S:
            return
        if self._terminal:
            self._draw(view)
        elif now - self._said_at >= PLAIN_EVERY_S and (
            view.working or now - self._started >= PLAIN_EVERY_S
        ):
            self._said_at = now
            say(view.text())

    def finish(self, facts: Facts) -> None:
        """Leave one last line about what was done, or no line when nothing was."""
        now = time.monotonic()
        view = self._view(facts, now)
        if self._rich is not None:
            if view.working:
                self._draw(view, took=now - self._started)
            self._rich.live.transient = not view.working
            with contextlib.suppress(OSError):
                self._rich.stop()
            self._rich = None
        elif self._said_at and view.working:
            say(attrs.evolve(view, seconds_left=None).text() + f"  {now - self._started:.1f} s")
        self._said_at = 0.0

    def _view(self, facts: Facts, now: float) -> View:
        status = describe(facts)
        stats = facts.stats
        written = stats is not None and bool(stats.chunks_written or stats.vectors_written)
        return View(
            files=max(stats.files if stats else 0, facts.done),
            chunks=stats.chunks if stats else 0,
            vectors=stats.vectors if stats else 0,
            words_percent=status.words_percent,
            meaning_percent=status.meaning_percent,
            seconds_left=self._estimate.seconds_left(facts, now),
            working=written or facts.phase == "indexing",
        )

    def _draw(self, view: View, took: float | None = None) -> None:
        if self._rich is None:
            self._open()
        if self._rich is None or self._task is None:
            return
        left = "" if view.seconds_left is None else f"{max(1, round(view.seconds_left))} s left"
        numbers = (
            f"{view.files:,} files  {view.chunks:,} chunks  {view.vectors:,} vectors"
            if view.working
            else f"{view.files:,} files"
        )
        with contextlib.suppress(OSError):
            self._rich.update(
                self._task,
                description="indexing" if view.working else "checking",
                completed=(view.words_percent + view.meaning_percent) / 2,
                numbers=numbers,
                percents=f"words {view.words_percent} %  meaning {view.meaning_percent} %",
                time=left if took is None else f"{took:.1f} s",
            )
            self._rich.refresh()

    def _open(self) -> None:
        """Import rich only when there is something to show: it costs a twentieth of a second."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            TextColumn("{task.description}"),
            TextColumn("{task.fields[numbers]}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[percents]}"),
            TextColumn("{task.fields[time]}"),
            console=Console(stderr=True, highlight=False),
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._rich.start()
        self._task = self._rich.add_task("", total=100, numbers="", percents="", time="")
