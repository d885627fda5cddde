"""What the server asks of its client, where the client offers it. Runs in the server process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

logger = logging.getLogger(__name__)

SECTION: Final = "wherein"
_PATIENCE_S: Final = 5.0


async def watch_through(server: LanguageServer) -> None:
    """Ask the client to tell of changed files: a second source of hints beside our own watcher."""
    workspace = server.client_capabilities.workspace
    offered = workspace.did_change_watched_files if workspace is not None else None
    if offered is None or not offered.dynamic_registration:
        return
    registration = types.Registration(
        id="wherein-files",
        method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
        register_options=types.DidChangeWatchedFilesRegistrationOptions(
            [types.FileSystemWatcher(glob_pattern="**/*")]
        ),
    )
    try:
        await asyncio.wait_for(
            server.client_register_capability_async(types.RegistrationParams([registration])),
            _PATIENCE_S,
        )
    except (asyncio.TimeoutError, JsonRpcException):
        logger.info("the client does not watch files for us")


async def section_of(server: LanguageServer, settings: object) -> Mapping[str, Any] | None:
    """Return our settings out of a didChangeConfiguration; None when there are none in it.

    A client that sends nothing there wants to be asked.
    """
    found: object = settings.get(SECTION) if isinstance(settings, Mapping) else None
    workspace = server.client_capabilities.workspace
    if not settings and workspace is not None and workspace.configuration:
        asked = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        try:
            answer = await asyncio.wait_for(
                server.workspace_configuration_async(asked), _PATIENCE_S
            )
        except (asyncio.TimeoutError, JsonRpcException):
            return None
        found = answer[0] if answer else None
    return found if isinstance(found, Mapping) else None
