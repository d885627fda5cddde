"""Index: which engine answers, which takes writes, and what becomes of them when the disk fails.

Usually one engine does both. While an index is rebuilt, writes go to the next generation and the
old one answers; the switch is one rename. A damaged index is rebuilt with nothing asked; one that
cannot be written answers and says so, and is written again as soon as it can be. Only the writing
thread calls what changes anything; `live` may be read by any thread. Database process only.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from wherein.db_worker import generations
from wherein.db_worker.engine import Engine
from wherein.errors import IndexDamaged, IndexLost, IndexUnwritable, StorageError, WhereinError

logger = logging.getLogger(__name__)

#: An engine that was replaced is closed when its readers have left it, or after so long.
RETIRE_S: Final = 5.0
#: How often writing is tried again where it is not possible.
PROBE_S: Final = 5.0
#: A second I/O error within this time is taken for damage.
ERROR_WINDOW_S: Final = 600.0
#: Rebuilds in an hour, after which something else must be wrong.
MAX_REBUILDS: Final = 2
_HOUR_S: Final = 3_600.0
_DAMAGED: Final = "The index was damaged and is being rebuilt. The old one answers meanwhile"
_REINDEXING: Final = "The index is being rebuilt. The old one answers meanwhile"
_GONE: Final = "The index was removed while it was in use; it is being rebuilt"
_HOPELESS: Final = (
    "The index was damaged {count} times within an hour. Check the disk that holds {place}. "
    "It is tried again in an hour, or when wherein starts again"
)


class Index:
    """The generations of one folder's index that are open. `tell(state, sentence)` is its voice."""

    def __init__(self, index_dir: Path, root: str, tell: Callable[[str, str], None]) -> None:
        self._dir = index_dir
        self._root = root
        self._tell = tell
        self._told: dict[str, str] = {}
        self._io_error_at = float("-inf")
        self._rebuilds: deque[float] = deque()
        self._probe_at = 0.0
        self._damaged: set[int] = set()  # generations that are put aside once they are not needed
        self._retired: list[tuple[Engine, float]] = []
        for state in ("rebuilding", "read_only"):
            self._say(state, "")
        self.live = self.writer = self._open()
        self._say("rebuilding", self.live.note)

    def write(self, operation: str, params: object) -> Any:  # noqa: ANN401 - the operation's own
        """Do one write of the engine's. Raises its errors, after doing what they ask for."""
        if self.writer.frozen:
            self._thaw()
        self._keep_open()
        engine = self.writer
        try:
            answer = getattr(engine, operation)(params)
        except StorageError as error:
            self.trouble(engine, error)
            raise
        self._say("read_only", "")
        return answer

    def maintain(self) -> None:
        """Tidy up when there is nothing else to do, and see whether the files are still there."""
        self.look()
        if not (self.writer.frozen or self.writer.lost):
            self._guarded(self.writer.maintain)

    def look(self) -> None:
        """See whether the files are still there, and whether they can be written again."""
        if self.writer.frozen:
            self._thaw()
        else:
            with contextlib.suppress(StorageError):
                self._keep_open()

    def purge(self) -> int:
        """Leave nothing on disk but what the index says now; returns its bytes there."""
        size: int = self.write("purge", None)
        self.retire(idle=True)
        generations.remove_put_aside(self._dir)
        return size

    def optimize_words(self) -> None:
        """Take the words of what was deleted out of the files."""
        if not self.writer.frozen:
            self._guarded(self.writer.optimize_words)

    def begin_rebuild(self, reason: str = "") -> int:
        """Take writes into a new generation, or the one that is under way; returns its number.

        Raises StorageError when there is no room for one.
        """
        if not reason:
            self.look()  # a person asks: perhaps because its files are gone
        if self.writer is not self.live:
            return self.writer.generation
        note = reason or _REINDEXING
        writer = Engine.of(generations.create_next(self._dir, note), self._root)
        with contextlib.suppress(StorageError):
            writer.follow(self.live.database, self.live.stats().commit)
        self.writer = writer
        self._say("rebuilding", note)
        return writer.generation

    def finish_rebuild(self, number: int) -> None:
        """Let the generation that was rebuilt answer; a number that is not its own does nothing."""
        if number != self.writer.generation:
            return
        self.writer.complete()
        if self.writer is not self.live:
            generations.switch(self._dir, number)
            self._retired.append((self.live, time.monotonic() + RETIRE_S))
            self.live = self.writer
        self._say("rebuilding", "")

    def trouble(self, engine: Engine, error: WhereinError) -> None:
        """Do what an error asks for; `engine` is where it came from, live or not any more."""
        if isinstance(error, IndexUnwritable):
            self._say("read_only", str(error))
        elif isinstance(error, IndexDamaged):
            self._put_aside(engine)
        elif isinstance(error, IndexLost) and engine in (self.live, self.writer):
            now = time.monotonic()
            again = now - self._io_error_at < ERROR_WINDOW_S
            self._io_error_at = now
            logger.warning("%s", error)
            if self.writer.lost or self.live.lost:  # its files were removed: the disk is well
                self._io_error_at = float("-inf")
            elif again:
                self._put_aside(engine)
                return
            else:
                self._close(engine)
            with contextlib.suppress(StorageError):  # told, and tried again at the next write
                self._keep_open()

    def retire(self, *, idle: bool = False) -> float | None:
        """Close engines that were replaced when it is time; returns in how many seconds it is."""
        now = time.monotonic()
        leaving = [e for e, until in self._retired if idle or until <= now]
        self._retired = [(e, until) for e, until in self._retired if e not in leaving]
        for engine in leaving:
            self._close(engine)
            directory = engine.database.parent
            if engine.generation in self._damaged:
                generations.put_aside(self._dir, directory)
            else:
                generations.discard(directory)
        return min((until - now for _, until in self._retired), default=None)

    def close(self) -> None:
        """Close everything; what is being rebuilt goes on at the next start only if it is live."""
        self.retire(idle=True)
        for engine in {id(e): e for e in (self.live, self.writer)}.values():
            engine.close()

    # -- inside --------------------------------------------------------------------------------

    def _open(self) -> Engine:
        try:
            try:
                return Engine.of(generations.open_current(self._dir), self._root)
            except IndexDamaged:  # it showed when it was read: by now it is marked as damaged
                return Engine.of(generations.open_current(self._dir), self._root)
        except IndexUnwritable as error:
            self._say("read_only", str(error))
            self._probe_at = time.monotonic() + PROBE_S
            return Engine.of(generations.open_frozen(self._dir), self._root)

    def _keep_open(self) -> None:
        """Open anew what was removed, or closed while it could not be. Raises StorageError."""
        if self.writer.lost or self.live.lost:
            self._reopen(_GONE)
        elif self.writer.spent or self.live.spent:
            self._reopen("")

    def _guarded(self, work: Callable[[], object]) -> None:
        engine = self.writer
        try:
            work()
        except StorageError as error:
            self.trouble(engine, error)

    def _thaw(self) -> None:
        """Try to open for writing what could only be read so far."""
        if time.monotonic() < self._probe_at:
            return
        self._probe_at = time.monotonic() + PROBE_S
        try:
            fresh = Engine.of(generations.open_current(self._dir), self._root)
        except StorageError as error:
            self._say("read_only", str(error))
            return
        self._replace(fresh)
        self._say("read_only", "")

    def _reopen(self, why: str) -> None:
        """Open the index anew: its files were removed, or the disk gave an error."""
        leaving = {id(e): e for e in (self.live, self.writer)}.values()
        for engine in leaving:
            self._close(engine)
        self.retire(idle=True)  # the same numbers may be given again
        self._damaged.clear()
        try:
            fresh = self._open()
        except StorageError as error:
            self._say("read_only", str(error))
            raise
        self._replace(fresh, closed=True)
        if why and fresh.note == "" and not fresh.frozen:
            fresh.begin(why)
        self._say("rebuilding", fresh.note)

    def _replace(self, fresh: Engine, *, closed: bool = False) -> None:
        if not closed:
            self._close(self.live)
        self.live = self.writer = fresh

    def _put_aside(self, engine: Engine) -> None:
        """Rebuild what is damaged, while it answers where it can."""
        if engine.generation in self._damaged or engine not in (self.live, self.writer):
            return
        now = time.monotonic()
        while self._rebuilds and self._rebuilds[0] < now - _HOUR_S:
            self._rebuilds.popleft()
        if len(self._rebuilds) >= MAX_REBUILDS:
            self._say("failed", _HOPELESS.format(count=len(self._rebuilds) + 1, place=self._dir))
            return
        self._rebuilds.append(now)
        self._damaged.add(engine.generation)
        generations.mark_damaged(engine.database)
        if engine is not self.live:  # the new one is bad already: the old one goes on alone
            self.writer = self.live
            self._retired.append((engine, now))
        try:
            self.begin_rebuild(_DAMAGED)
        except StorageError as error:
            self._damaged.discard(engine.generation)
            self._say("read_only", str(error))

    def _say(self, state: str, sentence: str) -> None:
        if self._told.get(state) != sentence:
            self._told[state] = sentence
            self._tell(state, sentence)

    @staticmethod
    def _close(engine: Engine) -> None:
        try:
            engine.close()
        except StorageError as error:
            logger.warning("an index was not closed well: %s", error)
