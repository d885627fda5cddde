"""The documents that are open in the editor. Runs in the server process, on its loop.

Files near them are embedded first, and their text stands in for the file in answers: it is sent to
the database worker, which leaves it out again where it is what the index has. Nothing is sent of a
file that rules keep out of the index.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Container, Sequence
from typing import Final

from lsprotocol import types

from wherein.commands.why import kept_out
from wherein.domain import Overlay
from wherein.errors import WhereinError
from wherein.folder import Folder
from wherein.lsp.buffers import edited
from wherein.lsp.context import ServerContext

_PAUSE_S: Final = 0.1  # an editor that starts opens many files at once
_TYPING_S: Final = 0.05


class _Open:
    """One open document. `kept` are the folders, with its paths there, that have its text."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.text = ""
        self.kept: dict[tuple[str, bytes], Folder] = {}
        self.allowed: dict[tuple[str, bytes], bool] = {}  # by the rules, where they were asked


class OpenFiles:
    """Keeps the open documents and their texts of now."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._open: dict[str, _Open] = {}
        self._telling: asyncio.Task[None] | None = None
        self._changed: dict[str, None] = {}
        self._sending = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._last = 0

    def opened(self, uri: str, text: str) -> None:
        """Note that a document was opened."""
        self._open.setdefault(uri, _Open(uri)).text = text
        self._tell_soon()
        self._send_later(uri)

    def edited(
        self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent], encoding: str
    ) -> None:
        """Note how a document's text changed; it is sent when the typing has paused."""
        document = self._open.get(uri)
        if document is not None:
            document.text = edited(document.text, changes, encoding)
            self._send_later(uri)

    def _send_later(self, uri: str) -> None:
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
            document.allowed.clear()
            self._send_later(document.uri)

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
        settings = self._context.settings
        data = document.text.encode("utf-8", "replace")
        wanted: dict[tuple[str, bytes], Folder] = {}
        if len(data) <= settings.max_file_kib * 1024:
            for folder, path in self._context.places_of(document.uri):
                place = folder.root, path
                if place not in document.allowed:
                    kept = await asyncio.to_thread(kept_out, folder.root, path, settings)
                    document.allowed[place] = not kept
                if document.allowed[place]:
                    wanted[place] = folder
        if document is not self._open.get(document.uri):
            return  # closed meanwhile
        self._drop(document, but=wanted)
        for place, folder in wanted.items():
            if self._put(folder, place[1], data):
                document.kept[place] = folder
                self._context.buffers[place] = data

    def _drop(self, document: _Open, but: Container[tuple[str, bytes]] = ()) -> None:
        for place, folder in list(document.kept.items()):
            if place not in but:
                del document.kept[place]
                self._context.buffers.pop(place, None)
                self._put(folder, place[1], None)

    def _put(self, folder: Folder, path: bytes, data: bytes | None) -> bool:
        """Send a text; what becomes of it is seen in the answers. False for a folder not ours."""
        self._last += 1
        with contextlib.suppress(WhereinError):
            folder.require().put_overlay(Overlay(path, self._last, data))
            return True
        return False
