"""Requests with bad params (F71), out of order (F72), and output that is no message (F77)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.rpc import Client, Failed, serving
from support.workspace import make_project
from wherein.commands.registry import COMMANDS
from wherein.settings import camel

# JSON of every type, and texts that mean something elsewhere.
WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1.5, "", "x", "\0", "a" * 10_000, [], [None], [[]], {}, {"x": 1},
)  # fmt: skip

# What a method needs beside the field that is tried.
NEEDED: dict[str, dict[str, Any]] = {
    "wherein/search": {"query": "x"},
    "wherein/symbols": {"query": "x"},
    "wherein/explain": {"query": "x"},
}


def outcome(client: Client, method: str, params: Any) -> Failed | None:
    """Send a request; return its error, if it is one."""
    try:
        client.ask(method, params)
    except Failed as error:
        return error
    return None


def is_clean(error: Failed, *allowed: str) -> bool:
    """Say whether an error is a code and one sentence, without internals and foreign paths."""
    text = error.message
    for each in allowed:
        text = text.replace(each, "")
    internal = re.search(
        r"Traceback|File \"|\.py., line|0x[0-9a-f]{6}|site-packages|/\w+/\w+", text
    )
    return set(error.error) == {"code", "message"} and not internal


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.method)
def test_F71_wrong_types_are_named(command: Any, wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    needed = NEEDED.get(command.method, {})
    if "uri" in command.params.__struct_fields__:
        needed = {**needed, "uri": (project / "colours.py").as_uri()}
    # Changing these for every folder of the server would make the next request another one's.
    changes = command.name in ("wherein.pause", "wherein.resume", "wherein.reindex")
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        for name in map(camel, command.params.__struct_fields__):
            for value in WRONG:
                error = outcome(client, command.method, {**needed, name: value})
                assert error is None or error.code in (-32602, -32803), (name, value, str(error))
                if error is not None:
                    assert is_clean(error, project.as_uri()), str(error)
                    if error.code == -32602:
                        assert error.message.startswith(name), (name, value, str(error))
        for params in ([], [1], "x", 3, True, {"": 1}, {"nonsense": 1}):
            error = outcome(client, command.method, params)
            empty = params == [] and not needed
            assert (error is not None and error.code == -32602 and is_clean(error)) or empty, params
        as_command = {"command": command.name, "arguments": [{**needed, "nonsense": 1}]}
        error = outcome(client, "workspace/executeCommand", as_command)
        assert error is not None
        assert (error.code, error.message) == (-32602, "nonsense: there is no such parameter")
        if not changes:
            assert outcome(client, command.method, {**needed}) is None or "similar" in command.name
        assert client.ask("wherein/workers")["workers"]


def test_F71_every_field_of_every_method_is_typed() -> None:
    """A field without a type would let anything through to the work itself."""
    for command in COMMANDS:
        info = msgspec.inspect.type_info(command.params)
        assert isinstance(info, msgspec.inspect.StructType)
        assert info.forbid_unknown_fields
        for field in info.fields:
            assert not isinstance(field.type, msgspec.inspect.AnyType), (command.method, field.name)


def test_F71_unknown_methods(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        for method in (
            "wherein/nonsense",
            "",
            "\0",
            "$/nonsense",
            "textDocument/hover",
            "__init__",
        ):
            error = outcome(client, method, {})
            assert error is not None
            assert (error.code, is_clean(error)) == (-32601, True)
        for method in ("$/nonsense", "wherein/nonsense", "$/setTrace", "initialized"):
            client.notify(method, {"value": 3})
        assert client.ask("wherein/status") == {"folders": []}
        assert client.notifications == []


def test_F72_requests_out_of_order_have_their_codes(wherein_home: Path) -> None:
    with serving() as client:
        for method in ("wherein/status", "workspace/symbol", "shutdown", "nonsense"):
            error = outcome(client, method, {})
            assert error is not None
            assert error.code == -32002, method
        client.notify("$/cancelRequest", {"id": 1})
        client.notify("initialized", {})
        client.initialize()
        for _ in range(2):
            error = outcome(client, "initialize", {"capabilities": {}, "processId": None})
            assert error is not None
            assert error.code == -32600
        assert client.ask("wherein/status") == {"folders": []}
        assert client.ask("shutdown") is None
        for method in ("wherein/status", "shutdown", "initialize", "nonsense"):
            error = outcome(client, method, {"capabilities": {}})
            assert error is not None
            assert error.code == -32600, method
        client.notify("initialized", {})
        client.notify("exit")
        assert client.exit_code() == 0


@pytest.mark.skipif(os.name != "posix", reason="a worker is held up by SIGSTOP")
def test_F72_two_requests_with_one_id(wherein_home: Path, tmp_path: Path) -> None:
    """The second one is refused, and the first one still gets its answer."""
    with serving() as client:
        client.initialize(make_project(tmp_path / "project"))
        client.ask("wherein/sync")
        workers = {w["type"]: w["pid"] for w in client.ask("wherein/workers")["workers"]}
        message = {
            "jsonrpc": "2.0", "id": "same", "method": "wherein/search",
            "params": {"query": "blend"},
        }  # fmt: skip
        os.kill(workers["database"], signal.SIGSTOP)  # the first cannot be answered yet
        try:
            client.send(message)
            client.send(message)
            with pytest.raises(Failed, match="not answered yet") as refused:
                client.reply("same")
            assert refused.value.code == -32600
        finally:
            os.kill(workers["database"], signal.SIGCONT)
        assert client.reply("same")["results"]
        client.send(message)  # the id is free again
        assert client.reply("same")["results"]


# The server, with noise of every kind on the way.
NOISY = """
import ctypes, os, subprocess, sys, threading, warnings
from wherein import __main__
claim = __main__._claim_stdio
def claimed():
    found = claim()
    print("a print")
    sys.__stdout__.write("a write" + chr(10)); sys.__stdout__.flush()
    os.write(1, b"bytes" + b"\\n")
    libc = ctypes.CDLL(None); libc.puts(b"from C"); libc.fflush(None)
    warnings.warn("a warning")
    subprocess.run([sys.executable, "-I", "-c",
        "import subprocess, sys; print('a child', flush=True);"
        "subprocess.run([sys.executable, '-I', '-c', 'print(\\"a grandchild\\")'])"])
    import faulthandler; faulthandler.dump_traceback()
    print(repr(os.read(0, 10)))
    import wherein.host
    status = wherein.host.IndexHost.worker_status
    def loud(self):
        print("a print in a handler", flush=True)
        os.system("echo a shell in a handler")
        return status(self)
    wherein.host.IndexHost.worker_status = loud
    return found
__main__._claim_stdio = claimed
sys.argv = ["wherein", "serve", "--stdio"]
sys.exit(__main__.main())
"""


@pytest.mark.skipif(os.name != "posix", reason="asks the C library by its POSIX name")
def test_F77_nothing_but_messages_on_stdout(wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    command = (sys.executable, "-I", "-c", NOISY)
    with serving(command, stderr=subprocess.PIPE) as client:
        client.initialize(project)
        client.ask("wherein/sync")
        assert client.ask("wherein/workers")["workers"]
        assert client.close() == 0
        client.wait_end()
        assert client.stray == b""
        assert client.process.stderr
        said = client.process.stderr.read().decode()
        client.process.stderr.close()
    for noise in (
        "a print", "a write", "bytes", "from C", "a warning", "a child", "a grandchild",
        "Current thread", "b''", "a print in a handler", "a shell in a handler",
    ):  # fmt: skip
        assert noise in said
