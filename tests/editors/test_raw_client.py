"""Any LSP client, with no code of ours in it: executeCommand and workspace/symbol do it all.

What such a client does by itself is all that is used here: open a folder, run the commands that the
server advertises, ask for workspace symbols, go to a location.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from support.rpc import Client, serving
from support.workspace import make_project


def command(client: Client, name: str, **arguments: Any) -> Any:
    """Run a command with its one object, as a key binding in any editor can."""
    asked = {"command": name, "arguments": [arguments] if arguments else []}
    return client.ask("workspace/executeCommand", asked)


def line_at(location: Any) -> str:
    """Go where a location points, as an editor does, and read the line there."""
    path = Path(unquote(urlsplit(location["uri"]).path))
    return path.read_text().splitlines()[location["range"]["start"]["line"]]


def test_no_client_code_is_needed(wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "a project")
    with serving() as client:
        offered = client.initialize(project)
        names = offered["executeCommandProvider"]["commands"]
        assert {"wherein.search", "wherein.sync", "wherein.why", "wherein.status"} <= set(names)
        assert offered["workspaceSymbolProvider"]
        command(client, "wherein.sync")
        best = command(client, "wherein.search", query="where is a part sent again")["results"][0]
        assert best["symbol"] == "Uploader"
        assert line_at(best)
        (symbol,) = client.ask("workspace/symbol", {"query": "Uploader.retry"})
        assert line_at(symbol["location"]).strip() == "def retry(self, attempt: int) -> None:"
        asked = client.ask("workspace/symbol", {"query": "how are two colours mixed"})
        assert asked[0]["location"]["uri"] == (project / "colours.py").as_uri()
        uri = (project / "build" / "generated.py").as_uri()
        assert command(client, "wherein.why", uri=uri)["source"] == ".gitignore"
        assert command(client, "wherein.pause") == {"paused": True}
        assert command(client, "wherein.status")["folders"][0]["state"] == "paused"
        assert client.close() == 0
