"""Indexing as the editor's progress: `$/progress` with real counts, from start to end.

Runs in the server process, on its loop. Two stretches are shown: files read and stored (words), and
chunks that still wait for their vector (meaning), if there are any by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.progress import Progress

from wherein.errors import WhereinError
from wherein.host import Folder, IndexHost

logger = logging.getLogger(__name__)

INTERVAL_S: Final = 0.2
_CREATE_S: Final = 2.0
_STATS_S: Final = 1.0
# A saved file is indexed in less: not worth a flicker. The first index is shown at once.
_WORTH_SHOWING_S: Final = 0.3
_HELD_UP: Final = {"root_missing", "failed", "read_only", "paused"}


class Counts(NamedTuple):
    """How far something is."""

    done: int
    total: int


class IndexingProgress:
    """Shows the indexing of the host's folders while there is any."""

    def __init__(self, host: IndexHost, progress: Progress) -> None:
        self._host = host
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def changed(self) -> None:
        """Look again soon; may be called on any thread."""
        if not self._event.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._event.set)

    async def run(self) -> None:
        """Show each stretch of indexing, for ever."""
        first = True
        self._event.set()
        while True:
            await self._event.wait()
            self._event.clear()
            if not first and self._words() is not None:
                await asyncio.sleep(_WORTH_SHOWING_S)
            if self._words() is None:
                continue
            first = False
            await self._show("Indexing", "files", self._words_now)
            await asyncio.sleep(_WORTH_SHOWING_S)
            if await self._meaning() is not None:
                await self._show("Reading for meaning", "chunks", self._meaning)

    def _busy(self, folder: Folder) -> bool:
        facts = self._host.facts(folder)
        held_up = bool(facts.failed_workers) or bool(_HELD_UP & facts.troubles.keys())
        return folder.owned and not held_up and (facts.phase != "idle" or not facts.reconciled)

    def _words(self) -> Counts | None:
        busy = [folder.facts for folder in self._host.folders if self._busy(folder)]
        if not busy:
            return None
        return Counts(sum(f.done for f in busy), sum(f.total for f in busy))

    async def _words_now(self) -> Counts | None:
        return self._words()

    async def _meaning(self) -> Counts | None:
        """Count the chunks of folders whose vectors are not complete; None when all are."""
        done = total = 0
        for folder in list(self._host.folders):
            if not folder.owned or "lexical_only" in folder.facts.troubles or self._busy(folder):
                continue
            try:
                stats = await folder.require().stats(_STATS_S)
            except WhereinError:
                continue  # not now: what cannot be counted is not shown
            facts = self._host.facts(folder, stats)
            if stats.pending and not facts.failed_workers:
                done, total = done + stats.vectors, total + stats.chunks
        return Counts(done, total) if total else None

    async def _show(
        self, title: str, unit: str, count: Callable[[], Awaitable[Counts | None]]
    ) -> None:
        """Show one stretch until `count` says None. A client that refuses is left in peace."""
        token = uuid.uuid4().hex
        try:
            await asyncio.wait_for(self._progress.create_async(token), _CREATE_S)
        except (asyncio.TimeoutError, JsonRpcException):
            logger.info("the client takes no progress")
            return
        self._progress.begin(
            token, types.WorkDoneProgressBegin(title=title, cancellable=False, percentage=0)
        )
        last = Counts(0, 0)
        percent = 0
        try:
            while (now := await count()) is not None:
                if now != last and now.total:
                    # It never falls, though more work may be found.
                    percent = max(percent, min(99, 100 * now.done // now.total))
                    message = f"{now.done:,} of {now.total:,} {unit}"
                    self._progress.report(
                        token, types.WorkDoneProgressReport(message=message, percentage=percent)
                    )
                    last = now
                await asyncio.sleep(INTERVAL_S)
        finally:
            said = f"{last.total:,} {unit}" if last.total else None
            self._progress.end(token, types.WorkDoneProgressEnd(message=said))
            self._progress.tokens.pop(token, None)  # pygls keeps them for ever
