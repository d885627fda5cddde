"""What the client tells the server without waiting for an answer. Runs in the server process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from wherein.lsp.client import section_of

if TYPE_CHECKING:
    from wherein.lsp.server import Server


def take_notifications(server: Server) -> None:
    """Register the handlers: folders, settings, changed files, open documents."""

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
        event = params.event
        await server.ready().change(
            [folder.uri for folder in event.added], [folder.uri for folder in event.removed]
        )

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def settings_changed(params: types.DidChangeConfigurationParams) -> None:
        section = await section_of(server, params.settings)
        if section is not None:
            await server.ready().take_settings(section)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        await server.ready().changed_on_disk([change.uri for change in params.changes])

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        await server.ready().changed_on_disk([params.text_document.uri])

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        server.ready().files.opened(document.uri, document.text)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        changes = params.content_changes
        server.ready().files.edited(params.text_document.uri, changes, server.encoding)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.ready().files.closed(params.text_document.uri)
