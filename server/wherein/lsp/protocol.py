"""The protocol as pygls has it, with its gaps closed. Runs in the server process, on its loop.

What pygls 2.1.1 leaves open and this closes: a request without params, or with params of a wrong
shape, never got a reply; errors carried tracebacks; the order of initialize, shutdown and exit was
not kept; cancelling workspace/executeCommand did not cancel the work.
"""

from __future__ import annotations

import enum
import logging
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import cattrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage

from wherein.errors import InvalidParams, WhereinError
from wherein.lsp.messages import ExecuteCommandParams, read_params
from wherein.paths import index_home
from wherein.settings import camel

if TYPE_CHECKING:
    from wherein.lsp.server import Server

logger = logging.getLogger(__name__)

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
NOT_INITIALIZED: Final = -32002

# Their params are read by our own strict reader: lsprotocol's would turn 3 into "3".
_RAW: Final = {types.WORKSPACE_SYMBOL, types.WORKSPACE_EXECUTE_COMMAND}


_CLIENTS_BUSINESS: Final = (
    "Cancel notification for unknown",
    "Ignoring notification for unknown method",
)


class Phase(enum.Enum):
    """How far the conversation is."""

    NEW = enum.auto()
    STARTING = enum.auto()  # initialize is being handled
    READY = enum.auto()
    LEAVING = enum.auto()  # shutdown was asked for


class Protocol(LanguageServerProtocol):
    """pygls' protocol, strict about order and shapes, silent about internals."""

    _server: Server

    def __init__(self, server: Server, converter: cattrs.Converter) -> None:
        super().__init__(server, converter)
        self.phase = Phase.NEW

    def structure_message(self, data: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Leave JSON as it is: pygls calls this for every nested object too."""
        return data

    def handle_message(self, message: Any) -> None:  # noqa: ANN401 - JSON
        """Answer a message that cannot be handled, and hand on the others."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self.refuse(None, INVALID_REQUEST, "This is not a JSON-RPC 2.0 message")
        elif "method" not in message:
            self._reply_came(message)
        elif not isinstance(message["method"], str):
            self.refuse(_id_of(message), INVALID_REQUEST, "method: must be a text")
        elif "id" not in message:
            self._notification_came(message)
        elif _id_of(message) is None:
            self.refuse(None, INVALID_REQUEST, "id: must be a text or a whole number")
        else:
            self._request_came(message)

    def refuse(self, request: str | int | None, code: int, message: str) -> None:
        """Send an error; `request` is None when the message had no usable id."""
        error = {"code": code, "message": message}
        self._send_data({"jsonrpc": self.VERSION, "id": request, "error": error})

    def refuse_unreadable(self) -> None:
        """Answer a message that is no JSON."""
        self.refuse(None, PARSE_ERROR, "This is not JSON")

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, types.InitializeResult]:
        """Choose UTF-8 positions where the client can, then do as pygls does."""
        general = params.capabilities.general
        if general is not None and general.position_encodings:
            known = types.PositionEncodingKind
            offered = known.Utf8 in general.position_encodings
            general.position_encodings = [known.Utf8 if offered else known.Utf16]
        # pygls fails on a URI that it cannot split. Ours are read where they can be refused.
        if not _splits(params.root_uri):
            params.root_uri = None
        params.workspace_folders = [
            folder for folder in params.workspace_folders or () if _splits(folder.uri)
        ]
        result = yield from super().lsp_initialize(params)
        self.phase = Phase.READY
        return result

    # pygls' own handlers are generators, which it does not cancel; it accepts coroutines as well.

    @lsp_method(types.SHUTDOWN)
    async def lsp_shutdown(self, *_: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Accept nothing more, drop what is in flight, and stop the workers before replying."""
        for request, future in list(self._request_futures.items()):
            if request != self.msg_id and not future.done():
                future.cancel()
        await self._server.stop()
        self._shutdown = True

    # The texts of open documents are kept by `lsp.documents`.

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: Any) -> Generator[Any, Any, None]:  # noqa: ANN401
        """Leave it to our own handler."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: Any) -> Generator[Any, Any, None]:  # noqa: ANN401
        """Leave it to our own handler."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: Any) -> Generator[Any, Any, None]:  # noqa: ANN401
        """Leave it to our own handler."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE], (params,), None

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """End the loop; `serve` gives the exit code."""
        sys.exit()

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]
        self,
        raw: Any,  # noqa: ANN401 - JSON
    ) -> Any:  # noqa: ANN401 - JSON
        """Run a command with its one object, which may be missing."""
        try:
            params = read_params(raw, ExecuteCommandParams)
            handler = self.fm.commands.get(params.command)
            if handler is None:
                raise InvalidParams(f"command: {params.command[:80]} is not a command")
            arguments = params.arguments or [None]
            if len(arguments) > 1:
                raise InvalidParams("arguments: a command takes one object")
        except WhereinError as error:
            raise reply_of(error) from None
        return await handler(arguments[0])

    def _request_came(self, message: dict[str, Any]) -> None:
        request, method = message["id"], message["method"]
        before = self.phase
        if problem := self._out_of_order(method):
            self.refuse(request, *problem)
            return
        if request in self._request_futures:
            self.refuse(request, INVALID_REQUEST, "id: a request with this id is not answered yet")
            return
        if method not in self.fm.builtin_features and method not in self.fm.features:
            self.refuse(request, METHOD_NOT_FOUND, f"There is no method {method[:80]}")
            return
        kind = JsonRPCRequestMessage if method in _RAW else self.get_message_type(method)
        try:
            typed = self._converter.structure(message, kind or JsonRPCRequestMessage)
        except Exception as error:  # noqa: BLE001 - the hooks of 400 types raise what they like
            self.phase = before
            self.refuse(request, INVALID_PARAMS, _field_of(error))
        else:
            super().handle_message(typed)

    def _notification_came(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if method != types.EXIT and self.phase is not Phase.READY:
            return
        kind = self.get_message_type(method) or JsonRPCNotification
        try:
            typed = self._converter.structure(message, kind)
        except Exception as error:  # noqa: BLE001 - the hooks of 400 types raise what they like
            logger.warning("a notification %.60s was ignored: %s", method, _field_of(error))
        else:
            super().handle_message(typed)

    def _reply_came(self, message: dict[str, Any]) -> None:
        if message.get("id") not in self._request_futures:
            return  # too late, or to something that was never asked
        try:
            typed = super().structure_message(message)
        except JsonRpcException:
            logger.warning("the client's reply cannot be read")
        else:
            super().handle_message(typed)

    def _out_of_order(self, method: str) -> tuple[int, str] | None:
        """Say why a request must not come now; else note what it changes."""
        if self.phase is Phase.LEAVING:
            return INVALID_REQUEST, "The server is shutting down"
        if method == types.INITIALIZE:
            if self.phase is not Phase.NEW:
                return INVALID_REQUEST, "The server was initialized before"
            self.phase = Phase.STARTING
        elif self.phase is not Phase.READY:
            return NOT_INITIALIZED, "The server is not initialized yet"
        elif method == types.SHUTDOWN:
            self.phase = Phase.LEAVING
        return None

    def _send_response(
        self,
        msg_id: str | int,
        result: Any = None,  # noqa: ANN401 - as pygls has it
        error: types.ResponseError | None = None,
    ) -> None:
        """Send a reply; what pygls adds to unexpected errors (a traceback) stays in the log."""
        if error is not None and error.data is not None:
            error = types.ResponseError(error.code, "Internal error. The server's log says more")
        if error is None and isinstance(result, dict):
            # Ours are plain JSON already; looking at each value took .4 ms a search.
            self._result_types.pop(msg_id, None)
            self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "result": result})
            return
        super()._send_response(msg_id, result, error)


class QuietLog(logging.Filter):
    """Keeps out of the log what is the client's business: refused requests, late cancels."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether to log a record of pygls."""
        if record.exc_info and isinstance(record.exc_info[1], JsonRpcException | BrokenPipeError):
            return False
        return not str(record.msg).startswith(_CLIENTS_BUSINESS)


def make_converter() -> cattrs.Converter:
    """Make pygls' converter, which leaves the params and results of our own methods as JSON."""
    converter: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]
    converter.register_structure_hook(
        JsonRPCRequestMessage,
        lambda raw, kind: kind(
            id=raw["id"], method=raw["method"], jsonrpc=raw["jsonrpc"], params=raw.get("params")
        ),
    )
    converter.register_structure_hook(
        JsonRPCNotification,
        lambda raw, kind: kind(
            method=raw["method"], jsonrpc=raw["jsonrpc"], params=raw.get("params")
        ),
    )
    return converter


def reply_of(error: WhereinError) -> JsonRpcException:
    """Make the reply to a request that failed: its code and its sentence, no path of our own."""
    sentence = str(error).replace(str(index_home()), "the index directory")
    return JsonRpcException(sentence, code=error.code)


def _splits(uri: str | None) -> bool:
    try:
        urlsplit(uri or "")
    except ValueError:
        logger.warning("a folder was left out, as its URI cannot be read: %.80r", uri)
        return False
    return True


def _id_of(message: dict[str, Any]) -> str | int | None:
    request = message.get("id")
    usable = isinstance(request, str | int) and not isinstance(request, bool)
    return request if usable else None


def _field_of(error: Exception) -> str:
    """Name the field that could not be read, as the client wrote it."""
    if isinstance(error, cattrs.BaseValidationError):
        problem, _, path = cattrs.transform_error(error)[0].partition(" @ $.")
        field = ".".join(camel(part) for part in path.removeprefix("params.").split("."))
        return f"{field or 'params'}: {problem}"
    return "params: not what this method takes"
