"""The conversation itself: its order, messages that are no good, errors that tell no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.rpc import Client, Failed, serving
from wherein import __version__
from wherein.commands.registry import COMMANDS

METHODS = tuple(command.method for command in COMMANDS)


def failure(client: Client, method: str, params: Any = ...) -> Failed:
    """Send a request that must fail, and return its error."""
    with pytest.raises(Failed) as caught:
        client.ask(method, params)
    return caught.value


def test_initialize_says_who_answers_and_how(wherein_home: Path) -> None:
    with serving() as client:
        asked = {"processId": None, "rootUri": None, "capabilities": {}}
        result = client.ask("initialize", asked)
        assert result["serverInfo"] == {"name": "wherein", "version": __version__}
        capabilities = result["capabilities"]
        assert capabilities["positionEncoding"] == "utf-16"
        assert capabilities["workspaceSymbolProvider"]
        assert capabilities["workspace"]["workspaceFolders"] == {
            "supported": True,
            "changeNotifications": True,
        }
        commands = [method.replace("/", ".") for method in METHODS]
        assert capabilities["executeCommandProvider"]["commands"] == commands
        assert client.close() == 0


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["utf-16", "utf-8"], "utf-8"),
        (["utf-8"], "utf-8"),
        (["utf-32", "utf-16"], "utf-16"),
        (["utf-32"], "utf-16"),
        ([], "utf-16"),
    ],
)
def test_utf_8_positions_are_taken_when_offered(
    wherein_home: Path, offered: list[str], chosen: str
) -> None:
    with serving() as client:
        capabilities = client.initialize(capabilities={"general": {"positionEncodings": offered}})
        assert capabilities["positionEncoding"] == chosen


def test_a_client_with_commands_of_its_own_gets_none(wherein_home: Path) -> None:
    with serving() as client:
        capabilities = client.initialize(initializationOptions={"executeCommands": False})
        assert capabilities["executeCommandProvider"]["commands"] == []
        error = failure(client, "workspace/executeCommand", {"command": "wherein.status"})
        assert (error.code, error.message.partition(":")[0]) == (-32602, "command")


def test_requests_out_of_order_are_refused(wherein_home: Path) -> None:
    with serving() as client:
        assert failure(client, "wherein/status", {}).code == -32002
        assert failure(client, "shutdown").code == -32002
        client.notify("textDocument/didOpen", {"textDocument": {}})  # dropped
        assert failure(client, "initialize").code == -32602
        client.initialize()
        assert failure(client, "initialize", {"capabilities": {}}).code == -32600
        client.ask("shutdown")
        assert failure(client, "wherein/status").code == -32600
        assert failure(client, "shutdown").code == -32600
        client.notify("exit")
        assert client.exit_code() == 0


def test_requests_without_params_are_answered(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        assert client.ask("wherein/status") == {"folders": []}
        assert client.ask("wherein/status", None) == {"folders": []}
        assert client.ask("wherein/workers") == {"workers": []}
        for method in ("wherein/sync", "wherein/reindex"):
            assert "No folder is open" in failure(client, method).message
        assert failure(client, "wherein/search").message == "query: this parameter is required"
        missing = failure(client, "workspace/symbol")
        assert (missing.code, missing.message.partition(":")[0]) == (-32602, "query")
        assert failure(client, "workspace/executeCommand").message.startswith("command: ")


def test_bad_params_name_the_field(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        for method in METHODS:
            error = failure(client, method, {"query": "x", "nonsense": 1} if "search" in method
                            else {"nonsense": 1})  # fmt: skip
            assert (error.code, error.message) == (-32602, "nonsense: there is no such parameter")
            error = failure(client, method, [1])
            assert (error.code, error.message) == (-32602, "params: must be an object, not a list")
        for params, field in (
            ({"query": "x", "limit": "7"}, "limit"),
            ({"query": "x", "limit": True}, "limit"),
            ({"query": "x" * 4097}, "query"),
            ({"query": "x", "snippetLines": None}, "snippetLines"),
            ({"query": "x", "folder": "file:///not/open"}, "folder"),
        ):
            error = failure(client, "wherein/search", params)
            assert (error.code, error.message.partition(":")[0]) == (-32602, field)
            command = {"command": "wherein.search", "arguments": [params]}
            assert failure(client, "workspace/executeCommand", command).message == error.message
        assert failure(client, "workspace/symbol", {"query": 3}).message.startswith("query: ")
        twice = {"command": "wherein.status", "arguments": [{}, {}]}
        assert failure(client, "workspace/executeCommand", twice).message.startswith("arguments: ")
        assert client.ask("wherein/status", {}) == {"folders": []}


def test_an_unknown_method_is_said_to_be_unknown(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        assert failure(client, "wherein/nonsense", {}).code == -32601
        client.notify("wherein/nonsense")
        client.notify("$/cancelRequest", {"id": 99})
        assert client.ask("wherein/status") == {"folders": []}
        assert client.notifications == []  # no pop-up, no log


def test_what_is_no_message_is_answered_and_survived(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        for sent, code in (
            (b"{not json", -32700),
            (b"\xff\xfe\xfd", -32700),
            (b"[" * 100_000, -32700),
            (b"[]", -32600),
            (b"3", -32600),
            (b"{}", -32600),
            (b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}', -32600),
            (b'{"jsonrpc": "2.0", "id": {}, "method": "shutdown"}', -32600),
            (b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}', -32600),
        ):
            client.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(sent), sent))
            with pytest.raises(Failed) as caught:
                client.reply(None)
            assert caught.value.code == code, sent[:40]
        # Nested objects that look like messages are none.
        assert client.ask("wherein/status") == {"folders": []}
        error = failure(client, "wherein/status", {"folder": {"jsonrpc": "2.0", "method": "exit"}})
        assert error.message.startswith("folder: ")
        assert client.notifications == []


def test_errors_carry_no_traceback_and_no_path_of_ours(wherein_home: Path, tmp_path: Path) -> None:
    # A file stands where the directory of the indexes should be.
    (wherein_home / "index").write_text("in the way")
    with serving() as client:
        client.initialize(tmp_path)
        (warning,) = client.notified("window/logMessage")
        assert "index" in warning["message"]
        assert str(wherein_home) not in warning["message"]
        error = failure(client, "wherein/search", {"query": "x"})
        assert error.code == -32053
        assert str(wherein_home) not in error.message
        assert set(error.error) == {"code", "message"}
        (folder,) = client.ask("wherein/status")["folders"]
        assert folder["state"] == "read_only"
        assert client.close() == 0


def test_bad_settings_and_bad_folders_are_told_and_survived(
    wherein_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with serving() as client:
        client.initialize(
            Path("/"),
            tmp_path / "file",
            tmp_path / "gone",
            initializationOptions={"maxFileKib": "big", "colour": "red"},
        )
        told = [params["message"] for params in client.notified("window/logMessage", count=5)]
        assert [word for word in ("maxFileKib", "colour") if word not in " ".join(told)] == []
        assert [line for line in told if "not indexed" in line][0:] == told[2:]
        assert len(told) == 5
        assert "No folder is open" in failure(client, "wherein/search", {"query": "x"}).message
        assert client.close() == 0
