"""From initialize to the last exit: folders, workers, the editor's process, and every way out.

Runs in the server process. Whatever ends the server (exit, a closed stdin, a signal, an editor that
is gone), the workers are stopped first and the process has ended 1.5 s later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from wherein import logs
from wherein.errors import StorageError, WhereinError
from wherein.host import IndexHost
from wherein.lsp.context import ServerContext
from wherein.lsp.convert import file_path
from wherein.lsp.documents import OpenFiles
from wherein.paths import check_folder
from wherein.settings import MACHINE, Settings, camel, read_settings

logger = logging.getLogger(__name__)

STOP_S: Final = 1.2
_LAST_MOMENT_S: Final = 1.4  # editors kill at 2 s
_TICK_S: Final = 1.0


class Session:
    """The folders of one initialized server. `warn` shows a sentence in the client's log."""

    def __init__(
        self,
        options: object,
        warn: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        """Read the settings out of the initializationOptions; what is wrong there is told."""
        self._options = options if isinstance(options, Mapping) else {}
        self._told: set[str] = set()
        self._warn = warn
        self.settings = self._read(options)
        self.host = IndexHost(self.settings, on_change=on_change)
        self.context = ServerContext(self.host)
        self.files = OpenFiles(self.context)
        self._changing = asyncio.Lock()
        self._stopping = threading.Lock()

    async def change(self, added: Sequence[str], removed: Sequence[str] = ()) -> None:
        """Close folders (unknown ones are ignored), then open others; refused ones are told.

        Their workers are started and not waited for. One change after the other, as they came.
        """
        async with self._changing:
            gone = [root for uri in removed if (root := self.context.forget(uri)) is not None]
            if gone:
                await asyncio.to_thread(self.host.close_folders, gone)
            roots = [root for uri in added if (root := await self._accept(uri)) is not None]
            try:
                if roots:
                    await asyncio.to_thread(self.host.open, roots)
            except StorageError as error:
                self._warn(str(error))
        self.files.rules_changed()

    async def take_settings(self, section: Mapping[str, Any]) -> None:
        """Take settings that the client sends later; a missing one is as initialize had it.

        A setting of the machine is not taken: a folder's own settings may be among these.
        """
        kept = {camel(name) for name in MACHINE}
        section = {key: value for key, value in section.items() if key not in kept}
        async with self._changing:
            self.settings = self._read({**self._options, **section})
            await asyncio.to_thread(self.host.take_settings, self.settings)
        self.files.rules_changed()

    async def changed_on_disk(self, uris: Sequence[str]) -> None:
        """Tell the watcher of files that the client saw change."""
        files = [found for uri in uris if (found := self.context.locate(uri)) is not None]
        if any(path.endswith(b"ignore") for _, path in files):
            self.files.rules_changed()
        if files:
            await asyncio.to_thread(self.host.hint, files)

    def stop(self) -> None:
        """Stop all workers, once; whoever comes second waits. Blocks at most 1.2 s."""
        with self._stopping:
            self.host.close(STOP_S)

    def _read(self, raw: object) -> Settings:
        settings, problems = read_settings(raw)
        logs.set_up(settings.log_level)
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                self._warn(problem)
        return settings

    async def _accept(self, uri: str) -> str | None:
        try:
            path = file_path(uri)
            root = await asyncio.to_thread(check_folder, os.fsdecode(path))
        except WhereinError as error:
            self._warn(f"This folder is not indexed: {error}")
            return None
        self.context.name(root, path)
        return root


def watch_editor(pid: int | None, gone: Callable[[], None]) -> None:
    """Call `gone` on a thread of its own when the editor's process has ended.

    Looks each second. A pid that is our own or that cannot be seen (another container) is not
    watched.
    """
    if pid is None or pid <= 0 or pid == os.getpid():
        return
    import psutil

    try:
        editor = psutil.Process(pid)  # remembers when it was started: pids are used again
    except psutil.Error:
        return

    def watch() -> None:
        while True:
            time.sleep(_TICK_S)  # a process that is no child of ours gives no signal
            with contextlib.suppress(psutil.AccessDenied):
                try:
                    alive = editor.is_running() and editor.status() != psutil.STATUS_ZOMBIE
                except psutil.NoSuchProcess:
                    alive = False
                if not alive:
                    gone()
                    return

    threading.Thread(target=watch, name="wherein-editor", daemon=True).start()


def leave(session: Session | None, code: int) -> NoReturn:
    """Stop the workers and end this process, also when threads of it hang. Runs on any thread."""
    last_moment = threading.Timer(_LAST_MOMENT_S, os._exit, (code,))
    last_moment.daemon = True
    last_moment.start()
    try:
        if session is not None:
            session.stop()
    except Exception:  # the process ends now, whatever is wrong
        logger.exception("the workers could not be stopped in order")
    logging.shutdown()
    # A thread may sit in a read of stdin that never ends: no orderly end waits for it.
    os._exit(code)
