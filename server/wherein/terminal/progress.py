"""Progress on stderr: a moving line on a terminal, a plain line now and then elsewhere.

Nothing at all for the first 300 ms. The numbers are counted ones, from the watcher's messages and
the database's counters; time left comes from the rates seen so far. Main thread only.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

import attrs

from wherein.status import Facts, describe
from wherein.terminal.streams import counted, is_terminal, say

if TYPE_CHECKING:
    from rich.live import Live

QUIET_S: Final = 0.3
PLAIN_EVERY_S: Final = 2.0
_BAR_FROM: Final = 110  # columns; a narrower terminal shows the numbers alone


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
    starting: bool

    def numbers(self) -> str:
        """Write the counts."""
        if self.starting:
            return "starting"
        if not self.working:
            return f"checking  {counted(self.files, 'file')}" if self.files else "checking"
        parts = [f"indexing  {counted(self.files, 'file')}"]
        if self.chunks:  # the database has been asked since the first was written
            parts += [counted(self.chunks, "chunk"), counted(self.vectors, "vector")]
        return "  ".join(parts)

    def rest(self, took: float | None = None) -> str:
        """Write how much of it is done and how long the rest takes, or how long it took."""
        if not self.working:
            return ""
        done = f"words {self.words_percent} %"
        if self.chunks:
            done += f"  meaning {self.meaning_percent} %"
        if took is not None:
            return f"{done}  {took:.1f} s"
        if self.seconds_left is None:
            return done
        return f"{done}  about {max(1, round(self.seconds_left))} s left"


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
        self._live: Live | None = None
        self._finished = False

    def update(self, facts: Facts) -> None:
        """Show the newest facts, if it is time to; nothing after `finish`."""
        now = time.monotonic()
        view = self._view(facts, now)
        if self._finished or now - self._started < QUIET_S:
            return
        if self._terminal:
            self._draw(view)
        elif now - self._said_at >= PLAIN_EVERY_S and (
            view.working or now - self._started >= PLAIN_EVERY_S
        ):
            self._said_at = now
            say(f"{view.numbers()}  {view.rest()}".rstrip())

    def finish(self, facts: Facts) -> None:
        """Leave one last line about what was done, or no line when nothing was."""
        if self._finished:
            return
        self._finished = True
        now = time.monotonic()
        view = self._view(facts, now)
        took = now - self._started
        if self._live is not None:
            if view.working:
                self._draw(view, took)
            self._live.transient = not view.working
            with contextlib.suppress(OSError):
                self._live.stop()
            self._live = None
        elif self._said_at and view.working:
            say(f"{view.numbers()}  {view.rest(took)}")

    def _view(self, facts: Facts, now: float) -> View:
        status = describe(facts)
        stats = facts.stats
        written = stats is not None and bool(stats.chunks_written or stats.vectors_written)
        return View(
            # Until the database has counted something, the watcher knows better.
            files=(stats.files if stats else 0) or facts.done,
            chunks=stats.chunks if stats else 0,
            vectors=stats.vectors if stats else 0,
            words_percent=status.words_percent,
            # Chunks that are still to come have no vector either.
            meaning_percent=min(status.meaning_percent, status.words_percent),
            seconds_left=self._estimate.seconds_left(facts, now),
            working=written or facts.phase == "indexing",
            starting=facts.phase == "starting",
        )

    def _draw(self, view: View, took: float | None = None) -> None:
        # Imported only when there is something to show: rich costs a twentieth of a second.
        from rich.console import Console
        from rich.live import Live
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        line = Table.grid(padding=(0, 2))
        parts: list[Text | ProgressBar] = [Text(view.numbers(), no_wrap=True)]
        if view.working:
            done = (view.words_percent + view.meaning_percent) / 2
            if shutil.get_terminal_size().columns >= _BAR_FROM:
                parts.append(ProgressBar(total=100, completed=done, width=16))
            parts.append(Text(view.rest(took), no_wrap=True))
        line.add_row(*parts)
        with contextlib.suppress(OSError):
            if self._live is None:
                self._live = Live(
                    line,
                    console=Console(stderr=True, highlight=False),
                    auto_refresh=False,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._live.start()
            self._live.update(line, refresh=True)
