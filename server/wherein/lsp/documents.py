"""The files that are open in the editor: those near them are embedded first. In the server."""

from __future__ import annotations

import asyncio
from typing import Final

from wherein.lsp.context import ServerContext

_PAUSE_S: Final = 0.1  # an editor that starts opens many files at once


class OpenFiles:
    """Keeps the URIs of open files and tells the host about changes, on the server's loop."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._uris: dict[str, None] = {}
        self._telling: asyncio.Task[None] | None = None

    def opened(self, uri: str) -> None:
        """Note that a file was opened."""
        self._uris[uri] = None
        self._tell_soon()

    def closed(self, uri: str) -> None:
        """Note that a file was closed."""
        self._uris.pop(uri, None)
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="open files")

    async def _tell(self) -> None:
        """Tell until nothing changed meanwhile; the pipe to a worker may block, a thread may."""
        told: list[str] | None = None
        while told != list(self._uris):
            await asyncio.sleep(_PAUSE_S)
            told = list(self._uris)
            files = [found for uri in told if (found := self._context.locate(uri)) is not None]
            await asyncio.to_thread(self._context.host.near, files)
