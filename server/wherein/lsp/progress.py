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

from wherein.domain import IndexStats
from wherein.errors import WhereinError
from wherein.folder import Folder
from wherein.host import IndexHost

logger = logging.getLogger(__name__)

INTERVAL_S: Final = 0.2
_CREATE_S: Final = 2.0
_STATS_S: Final = 1.0
_OTHERS_S: Final = 1.0  # how often an owner is asked, which tells nothing by itself
# A saved file is indexed in less: not worth a flicker. The first index is shown at once.
_WORTH_SHOWING_S: Final = 0.3
_HELD_UP: Final = {"root_missing", "failed", "read_only", "paused"}


class Counts(NamedTuple):
    """How far something is, and whether it goes on."""

    done: int
    total: int
    going_on: bool


class IndexingProgress:
    """Shows the indexing of the host's folders while there is any."""

    def __init__(self, host: IndexHost, progress: Progress) -> None:
        self._host = host
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._heard: set[str] = set()  # joined folders whose owner has just said how far it is

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
            joined = any(not folder.owned for folder in self._host.folders)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._event.wait(), _OTHERS_S if joined else None)
            self._event.clear()
            await self._ask_owners()
            if not first and self._words().going_on:
                await asyncio.sleep(_WORTH_SHOWING_S)
            if not self._words().going_on:
                continue
            first = False
            await self._show("Indexing", "files", self._words_now)
            await asyncio.sleep(_WORTH_SHOWING_S)
            if (await self._meaning()).going_on:
                await self._show("Reading for meaning", "chunks", self._meaning)

    def _busy(self, folder: Folder) -> bool:
        facts = self._host.facts(folder)
        held_up = bool(facts.failed_workers) or bool(_HELD_UP & facts.troubles.keys())
        known = folder.owned or folder.root in self._heard
        return known and not held_up and (facts.phase != "idle" or not facts.reconciled)

    def _words(self) -> Counts:
        folders = list(self._host.folders)
        busy = [folder for folder in folders if self._busy(folder)]
        facts = [folder.facts for folder in busy or folders]
        return Counts(sum(f.done for f in facts), sum(f.total for f in facts), bool(busy))

    async def _ask_owners(self) -> None:
        """Hear from the owners of the folders that this process joined how far they are."""
        heard = set()
        for folder in list(self._host.folders):
            if not folder.owned:
                with contextlib.suppress(WhereinError):
                    await folder.ask_facts(_STATS_S)
                    heard.add(folder.root)
        self._heard = heard

    async def _words_now(self) -> Counts:
        await self._ask_owners()
        now = self._words()
        if now.going_on:
            return now
        files = sum(stats.files for _, stats in await self._counted())
        return Counts(files, files, going_on=False)

    async def _meaning(self) -> Counts:
        """Count the chunks and vectors of the folders that are idle otherwise."""
        waiting = [
            (folder.facts, stats)
            for folder, stats in await self._counted()
            if not folder.facts.no_vectors() and not self._busy(folder)
        ]
        return Counts(
            sum(stats.vectors for _, stats in waiting),
            sum(stats.chunks for _, stats in waiting),
            any(stats.pending and not facts.failed_workers for facts, stats in waiting),
        )

    async def _counted(self) -> list[tuple[Folder, IndexStats]]:
        """Ask for the counters of our folders; one that does not answer now is left out."""
        found = []
        for folder in list(self._host.folders):
            with contextlib.suppress(WhereinError):
                stats = await folder.require().stats(_STATS_S)
                self._host.facts(folder, stats)
                found.append((folder, stats))
        return found

    async def _show(self, title: str, unit: str, count: Callable[[], Awaitable[Counts]]) -> None:
        """Show one stretch until it does not go on. A client that refuses is left in peace."""
        token = uuid.uuid4().hex
        try:
            await asyncio.wait_for(self._progress.create_async(token), _CREATE_S)
        except (asyncio.TimeoutError, JsonRpcException):
            logger.info("the client takes no progress")
            return
        self._progress.begin(
            token, types.WorkDoneProgressBegin(title=title, cancellable=False, percentage=0)
        )
        said = ""
        percent = 0
        try:
            while True:
                now = await count()
                message = f"{now.done:,} of {now.total:,} {unit}"
                if now.total and message != said:
                    # It never falls, though more work may be found; 100 is the end alone.
                    reached = 100 * now.done // now.total
                    percent = max(percent, min(99 if now.going_on else 100, reached))
                    self._progress.report(
                        token, types.WorkDoneProgressReport(message=message, percentage=percent)
                    )
                    said = message
                if not now.going_on:
                    break
                await asyncio.sleep(INTERVAL_S)
        finally:
            self._progress.end(token, types.WorkDoneProgressEnd(message=said or None))
            self._progress.tokens.pop(token, None)  # pygls keeps them for ever
