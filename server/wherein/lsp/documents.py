"""The documents that are open in the editor. Runs in the server process, on its loop.

Files near them are embedded first, and their text stands in for the file in answers: it is sent to
the database worker, which leaves it out again where it is what the index has. Nothing is sent of a
file that rules keep out of the index.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from wherein.commands.why import kept_out
from wherein.domain import Overlay
from wherein.errors import WhereinError
from wherein.folder import Folder
from wherein.lsp.context import ServerContext

_PAUSE_S: Final = 0.1  # an editor that starts opens many files at once
_TYPING_S: Final = 0.05


class _Open:
    """One open document. `kept` is the folder and path that its text is kept under."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.kept: tuple[Folder, bytes] | None = None
        self.allowed: bool | None = None  # by the rules, None until they were asked


class OpenFiles:
    """Keeps the open documents; `text_of(uri)` gives a document's text of now."""

    def __init__(self, context: ServerContext, text_of: Callable[[str], str | None]) -> None:
        self._context = context
        self._text_of = text_of
        self._open: dict[str, _Open] = {}
        self._telling: asyncio.Task[None] | None = None
        self._changed: dict[str, None] = {}
        self._sending = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._last = 0

    def opened(self, uri: str) -> None:
        """Note that a document was opened."""
        self._open[uri] = _Open(uri)
        self._tell_soon()
        self.changed(uri)

    def changed(self, uri: str) -> None:
        """Note that a document's text changed; it is sent when the typing has paused."""
        self._changed[uri] = None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_TYPING_S, self._send_soon)

    def closed(self, uri: str) -> None:
        """Note that a document was closed: the disk counts again."""
        gone = self._open.pop(uri, None)
        self._changed.pop(uri, None)
        if gone is not None:
            self._drop(gone)
        self._tell_soon()

    def rules_changed(self) -> None:
        """Ask the rules again about every document: settings, folders or rule files changed."""
        for document in self._open.values():
            document.allowed = None
            self.changed(document.uri)

    async def flush(self) -> None:
        """Send what has changed now: a question is about the text that the person sees."""
        async with self._sending:
            while self._changed:
                uri = next(iter(self._changed))
                del self._changed[uri]
                document = self._open.get(uri)
                if document is not None:
                    await self._send(document)

    def _tell_soon(self) -> None:
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="open files")

    async def _tell(self) -> None:
        """Tell until nothing changed meanwhile; in a thread, as to reach an owner may take long."""
        told: list[str] | None = None
        while told != list(self._open):
            await asyncio.sleep(_PAUSE_S)
            told = list(self._open)
            files = [found for uri in told if (found := self._context.locate(uri)) is not None]
            await asyncio.to_thread(self._context.host.near, files)

    def _send_soon(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self.flush(), name="unsaved text")

    async def _send(self, document: _Open) -> None:
        place = self._context.locate(document.uri)
        if document.allowed is None and place is not None:
            folder, path = place
            settings = self._context.settings
            document.allowed = not await asyncio.to_thread(kept_out, folder.root, path, settings)
        found = self._text_of(document.uri)
        data = b"" if found is None else found.encode("utf-8", "replace")
        large = len(data) > self._context.settings.max_file_kib * 1024
        if place != document.kept or found is None or large or not document.allowed:
            self._drop(document)
        if place is None or found is None or large or not document.allowed:
            return
        folder, path = place
        if self._put(folder, path, data):
            document.kept = place
            self._context.buffers[folder.root, path] = data

    def _drop(self, document: _Open) -> None:
        if document.kept is not None:
            folder, path = document.kept
            document.kept = None
            self._context.buffers.pop((folder.root, path), None)
            self._put(folder, path, None)

    def _put(self, folder: Folder, path: bytes, data: bytes | None) -> bool:
        """Send a text; what becomes of it is seen in the answers. False for a folder not ours."""
        self._last += 1
        with contextlib.suppress(WhereinError):
            folder.require().put_overlay(Overlay(path, self._last, data))
            return True
        return False
