"""The language server: what it answers, and how it is started. Runs in the server process.

Handlers never block: an index is asked over a socket, files are read in threads.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from wherein import __version__, logs
from wherein.commands.registry import COMMANDS, Command
from wherein.errors import WhereinError
from wherein.lsp import convert
from wherein.lsp.client import watch_through
from wherein.lsp.crowd import Crowd
from wherein.lsp.lifecycle import Session, leave, watch_editor
from wherein.lsp.messages import WorkspaceSymbolParams, read_params
from wherein.lsp.notifications import take_notifications
from wherein.lsp.progress import IndexingProgress
from wherein.lsp.protocol import (
    Phase,
    Protocol,
    QuietLog,
    make_converter,
    reply_of,
)
from wherein.lsp.reading import BrokenStream, Reading, Writing
from wherein.lsp.replies import on_the_wire
from wherein.lsp.symbols import workspace_symbols
from wherein.settings import Settings

logger = logging.getLogger(__name__)

_GRACE_S: Final = 0.5
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")

Handler = Callable[[Any], Awaitable[Any]]


class Server(LanguageServer):
    """pygls' server with a session in it, from `initialize` on."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__(
            "wherein",
            __version__,
            types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
            converter_factory=make_converter,
        )
        self.session: Session | None = None
        self.crowds: dict[str, Crowd] = {}  # by method; a command shares its request's
        self._progress: IndexingProgress | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def encoding(self) -> str:
        """The position encoding that was negotiated: `utf-8` or `utf-16`."""
        return str(getattr(self.workspace.position_encoding, "value", "utf-16"))

    async def start(self, params: types.InitializeParams) -> None:
        """Open the client's folders and start their workers; waits for none of them."""
        watch_editor(params.process_id, lambda: leave(self.session, self.exit_code()))
        self.session = Session(params.initialization_options, self.warn, self._changed)
        if self.session.settings.execute_commands:
            for command in COMMANDS:
                self.command(command.name)(_handler_of(self, command))
        await self.session.change(_folders_of(params))
        window = params.capabilities.window
        if window is not None and window.work_done_progress:
            self._progress = IndexingProgress(self.session.host, self.work_done_progress)

    async def begin_asking(self) -> None:
        """Begin to ask things of the client; not before it has said `initialized`."""
        if self._progress is not None:
            self._spawn(self._progress.run())
        await watch_through(self)

    async def stop(self) -> None:
        """Stop the workers; the loop goes on meanwhile."""
        for task in self._tasks:
            task.cancel()
        if self.session is not None:
            await asyncio.to_thread(self.session.stop)

    def ready(self) -> Session:
        """Return the session. Requests come only after `initialize`."""
        if self.session is None:
            raise WhereinError("The server is not initialized yet")
        return self.session

    def warn(self, sentence: str) -> None:
        """Write a sentence to the client's log, which may be shown to others; status has it all."""
        logger.warning("%s", sentence)
        self.window_log_message(
            types.LogMessageParams(
                type=types.MessageType.Warning, message=logs.without_places(sentence)
            )
        )

    def exit_code(self) -> int:
        """0 when the client has asked for the shutdown, else 1."""
        return 0 if self.protocol.phase is Phase.LEAVING else 1

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ANN401 - pygls
        """Log what nobody waits for; pygls would pop up a window."""
        if not isinstance(error, JsonRpcException):
            logger.error("%s while a message was handled", type(error).__name__)

    def converse(self, stdin: int, stdout: BinaryIO) -> None:
        """Handle the client's messages until it exits, goes away, or makes no sense any more."""

        def gone() -> None:
            """End the process in a moment, if the loop, which may be stuck, does not do so."""
            timer = threading.Timer(_GRACE_S, leave, args=(self.session, self.exit_code()))
            timer.daemon = True
            timer.start()

        reading = Reading(
            stdin, self.protocol.handle_message, self.protocol.refuse_unreadable, gone
        )
        self.protocol.set_writer(Writing(stdout, gone))
        try:
            asyncio.run(reading.run())
        except BrokenStream as error:
            logger.warning("the client's messages cannot be read any more: %s", error)
        except SystemExit:
            pass  # how `exit` ends the loop

    def _changed(self) -> None:
        """Take note, on any thread, that a fact about a folder changed."""
        if self._progress is not None:
            self._progress.changed()

    def _spawn(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        self._tasks.append(asyncio.create_task(work))


def make_server() -> Server:
    """Make a server with all its handlers."""
    server = Server()
    for command in COMMANDS:
        server.feature(command.method)(_handler_of(server, command))

    symbol_crowd = Crowd()

    # The first parameter must not be annotated with a base class of the server: pygls would take
    # it for the server itself.
    @server.feature(types.INITIALIZE)
    async def initialize(params: types.InitializeParams) -> None:
        await server.start(params)

    @server.feature(types.INITIALIZED)
    async def initialized(_: Any) -> None:  # noqa: ANN401 - no params
        await server.begin_asking()

    @server.feature(types.WORKSPACE_SYMBOL)
    async def symbols(raw: Any) -> list[types.WorkspaceSymbol]:  # noqa: ANN401 - JSON
        try:
            params = read_params(raw, WorkspaceSymbolParams)
            context = server.ready().context
            async with symbol_crowd.turn():
                await server.ready().files.flush()
                return await workspace_symbols(context, params.query, server.encoding)
        except WhereinError as error:
            raise reply_of(error) from None

    take_notifications(server)
    return server


def serve(stdin: int, stdout: BinaryIO) -> int:
    """Serve one client over these streams; does not return while there is one."""
    logs.set_up(Settings().log_level)
    logging.getLogger("pygls.protocol.json_rpc").addFilter(QuietLog())
    server = make_server()

    def end(*_: object) -> None:
        threading.Thread(target=leave, args=(server.session, 0), daemon=True).start()

    for name in _SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
    try:
        server.converse(stdin, stdout)
    except Exception:  # the boundary of the process: the workers are stopped in any case
        logger.exception("the server has failed")
    leave(server.session, server.exit_code())


def _handler_of(server: Server, command: Command) -> Handler:
    """Make the handler of a command: strict params in, errors as replies, wire names out."""

    crowd = server.crowds.setdefault(command.method, Crowd())

    async def handle(raw: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            params = read_params(raw, command.params)
            async with crowd.turn():
                if command.of_text:
                    await server.ready().files.flush()
                result = await command.run(server.ready().context, params)
        except WhereinError as error:
            raise reply_of(error) from None
        places = server.ready().context.places(server.encoding)
        return await asyncio.to_thread(on_the_wire, result, places)

    return handle


def _folders_of(params: types.InitializeParams) -> list[str]:
    if params.workspace_folders:
        return [folder.uri for folder in params.workspace_folders]
    if params.root_uri:
        return [params.root_uri]
    if params.root_path:
        return [convert.folder_of_path(params.root_path)]
    return []
