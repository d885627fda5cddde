"""Questions (F74), filters (F75), paths (F76) and settings (F78) that mean harm."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.rpc import Client, Failed, serving
from support.workspace import rows

CANARY = "wellingtonia-canary-4711"

QUESTIONS = (
    "", " ", "\t\n", "\0", "\x1b[2J", '"', '""', "'", "it's", "NEAR(", "NEAR(a b, 5)", "*", "a*",
    "-a", "-foo", "AND", "a AND", "OR OR", "NOT", "((((", "(" * 3000, "C++", "std::vector",
    "foo.bar", "path:x", "symbol : retry", "{a b}", "^retry", "a + b", "\\", "%s %d {}", "🦀🎨",
    "e\u0301", "\u202eabc", "\u200b", "漢字", "retry\0blend", "x" * 4096, "a b " * 1000, "\ufffd",
    "'; DROP TABLE files; --", "SELECT * FROM chunks",
)  # fmt: skip

FILTERS = (
    "' OR 1=1--", "x'); DROP TABLE files;--", '"', "%", "_", "\\", "[", "[a", "*", "**", "?",
    "{a,b}",
    "!", "!*", "", " ", "\0", "../*", "/etc/*", "a" * 1024, "*a*a*a*a*a*a*a*b", "(a+)+$", "\ud83d",
    "colours.py' UNION SELECT token --", "{" * 200,
)  # fmt: skip


@pytest.fixture
def client(project: Path) -> Iterator[Client]:
    """A server with the project's index complete."""
    with serving() as made:
        made.initialize(project)
        made.ask("wherein/sync")
        yield made
        if made.process.poll() is None:
            assert made.close() == 0


def test_F74_no_question_is_an_error(client: Client) -> None:
    for query in QUESTIONS:
        for mode in ("hybrid", "lexical", "semantic"):
            answer = client.ask("wherein/search", {"query": query, "mode": mode})
            assert isinstance(answer["results"], list), query
        client.ask("wherein/symbols", {"query": query})
        client.ask("workspace/symbol", {"query": query})
        client.ask("wherein/similar", {"text": query or "x"})
    assert client.ask("wherein/search", {"query": "retry"})["results"]


def test_F74_a_question_has_an_end(client: Client) -> None:
    for query in ("x" * 4097, "word " * 200_000):
        for method in ("wherein/search", "wherein/symbols", "wherein/explain"):
            params = {"query": query, "uri": "file:///x"}
            if method != "wherein/explain":
                del params["uri"]
            with pytest.raises(Failed, match=r"^-32602: query: "):
                client.ask(method, params)


def schema(project: Path) -> str:
    """Digest the schema of the index and what is in it."""
    found = rows(project, "SELECT type, name, sql FROM sqlite_master ORDER BY name")
    found += rows(project, "SELECT path, hash FROM files ORDER BY path")
    return hashlib.sha256(repr(found).encode()).hexdigest()


def test_F75_filters_are_data(client: Client, project: Path) -> None:
    before = schema(project)
    for text in FILTERS:
        for field in ("paths", "languages", "kinds"):
            asked = {"query": "retry blend", field: [text]}
            if text.isascii() and field != "kinds":
                answer = client.ask("wherein/search", asked)
                every = field == "paths" and (set(text) <= {"*"} or text == "!*") and text
                assert every or answer["results"] == [] or text[:1] in "!?_", (field, text)
                continue
            with pytest.raises(Failed, match=rf"^-32602: {field}"):
                client.ask("wherein/search", asked)
    for limit in (-1, 0, 10**9, 2**62):
        assert len(client.ask("wherein/search", {"query": "retry", "limit": limit})["results"]) >= 1
    for mode in ("", "hybrid; DROP", "HYBRID", None, 3):
        with pytest.raises(Failed, match=r"^-32602: mode"):
            client.ask("wherein/search", {"query": "retry", "mode": mode})
    many = {"query": "retry", "paths": ["*.py"] * 101}
    with pytest.raises(Failed, match=r"^-32602: paths"):
        client.ask("wherein/search", many)
    assert client.close() == 0
    assert schema(project) == before


OUTSIDE = (
    "file:///etc/passwd", "file:///", "{root}/../outside/secret.py", "{root}/..", "{root}/",
    "{root}/net/../../outside/secret.py", "{root}/%2e%2e/outside/secret.py",
    "{root}/..%2foutside/secret.py", "{root}2/x.py", "{root}/x%00y", "file://host/{bare}/colours.py",
    "http://127.0.0.1/x", "untitled:Untitled-1", "git:{bare}/colours.py", "{bare}/colours.py", "",
    "file:", "file://", "FILE:///etc/passwd", "vscode-remote://x/y", "c:\\windows", "\0",
)  # fmt: skip


def outside(project: Path) -> list[str]:
    """Write files beside the project, and the ways that lead to them."""
    beside = project.parent / "outside"
    beside.mkdir()
    (beside / "secret.py").write_text(f"def {CANARY.replace('-', '_')}():\n    pass\n")
    (beside / ".gitignore").write_text(f"{CANARY}*\n")
    return [way.format(root=project.as_uri(), bare=project) for way in OUTSIDE]


def test_F76_no_path_leads_outside(client: Client, project: Path) -> None:
    ways = outside(project)
    for way in ways:
        for method, params in (
            ("wherein/similar", {"uri": way}),
            ("wherein/why", {"uri": way}),
            ("wherein/explain", {"query": "x", "uri": way}),
            ("wherein/sync", {"paths": [way]}),
        ):
            with pytest.raises(Failed) as caught:
                client.ask(method, params)
            assert caught.value.code == -32602, (method, way)
            assert CANARY not in caught.value.message
        for method in ("search", "sync", "status", "reindex", "symbols"):
            asked = {"folder": way} | ({"query": "x"} if method in ("search", "symbols") else {})
            if way == f"{project.as_uri()}/":
                continue  # the folder itself
            with pytest.raises(Failed) as caught:
                client.ask(f"wherein/{method}", asked)
            assert (caught.value.code, caught.value.message[:7]) == (-32602, "folder:"), way
    for path in ("../outside/secret.py", "/etc/passwd", "net/../../outside/secret.py", "..", "\0"):
        with pytest.raises(Failed) as caught:
            client.ask("wherein/similar", {"path": path})
        assert caught.value.code == -32602, path
    with pytest.raises(Failed) as caught:  # one of many
        client.ask("wherein/sync", {"paths": [(project / "colours.py").as_uri(), ways[0]]})
    assert caught.value.code == -32602
    for way in ways:  # notifications are not answered: they change nothing
        item = {"uri": way, "languageId": "python", "version": 1, "text": ""}
        client.notify("textDocument/didOpen", {"textDocument": item})
        client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": way, "type": 2}]})
        client.notify("textDocument/didSave", {"textDocument": {"uri": way}})
    client.ask("wherein/sync")
    found = {hit["path"] for hit in client.ask("wherein/search", {"query": CANARY})["results"]}
    assert not any("secret" in path for path in found)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_F76_links_are_not_followed(client: Client, project: Path) -> None:
    outside(project)
    (project / "way").symlink_to(project.parent / "outside")
    (project / "one.py").symlink_to(project.parent / "outside" / "secret.py")
    client.ask("wherein/sync")
    for inside in ("way/secret.py", "one.py", "way"):
        uri = f"{project.as_uri()}/{inside}"
        for method, params in (
            ("wherein/similar", {"uri": uri}),
            ("wherein/why", {"uri": uri}),
            ("wherein/explain", {"query": "x", "uri": uri}),
            ("wherein/sync", {"paths": [uri]}),
        ):
            try:
                said = json.dumps(client.ask(method, params))
            except Failed as error:
                said = error.message
            assert CANARY not in said, (method, inside)
    # A file that was indexed, and is a link to somewhere else by the time it is shown.
    asked = {"query": "blend", "snippetLines": 9}
    assert client.ask("wherein/search", asked)["results"][0]["path"] == "colours.py"
    os.kill(_watcher(client), 19)  # SIGSTOP: it shall not notice
    (project / "colours.py").unlink()
    (project / "colours.py").symlink_to(project.parent / "outside" / "secret.py")
    assert CANARY.replace("-", "_") not in json.dumps(client.ask("wherein/search", asked))
    os.kill(_watcher(client), 18)


def _watcher(client: Client) -> int:
    (pid,) = [
        w["pid"] for w in client.ask("wherein/workers")["workers"] if w["type"] == "file_watcher"
    ]
    assert isinstance(pid, int)
    return pid


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_F76_nothing_outside_is_opened(project: Path, tmp_path: Path) -> None:
    ways = outside(project)
    (project / "way").symlink_to(project.parent / "outside")
    (project / "one.py").symlink_to(project.parent / "outside" / "secret.py")
    log = tmp_path / "strace"
    strace = ("strace", "-f", "-qq", "-e", "trace=openat,open,openat2", "-o", str(log))
    from support.rpc import SERVE

    if subprocess.run([*strace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    with serving((*strace, *SERVE)) as client:
        client.initialize(project)
        client.ask("wherein/sync", timeout=60)
        for way in [*ways, f"{project.as_uri()}/way/secret.py", f"{project.as_uri()}/one.py"]:
            for method, params in (
                ("wherein/similar", {"uri": way}),
                ("wherein/why", {"uri": way}),
                ("wherein/sync", {"paths": [way]}),
            ):
                with suppress(Failed):
                    client.ask(method, params)
        assert client.close() == 0
    lines = log.read_text("utf-8", "replace").splitlines()
    opened = [line for line in lines if "= -1" not in line]
    assert len(opened) > 100
    assert [line for line in opened if "/outside/" in line or "/passwd" in line] == []


def test_F78_settings_that_are_no_good(project: Path) -> None:
    options: dict[str, Any] = {
        "exclude": ["", "[", "{" * 500, "*a" * 100, "\0", "net/**"],
        "maxFileKib": 10**12,
        "model": 3,
        "logLevel": "loudest",
        "executeCommands": "yes",
        "interpreter": "/bin/evil",
        "x" * 10_000: 1,
        "": None,
    }
    with serving() as client:
        client.initialize(project, initializationOptions=options)
        client.ask("wherein/sync")
        told = " ".join(p["message"] for p in client.notified("window/logMessage"))
        for name in ("maxFileKib", "model", "logLevel", "executeCommands", "interpreter"):
            assert name in told
        assert len(told) < 5_000
        found = {hit["path"] for hit in client.ask("wherein/search", {"query": "retry"})["results"]}
        assert "net/upload.py" not in found
        for settings in (None, 3, [], "x", {"wherein": 3}, {"wherein": options}, {"other": {}}):
            client.notify("workspace/didChangeConfiguration", {"settings": settings})
        assert client.ask("wherein/status")["folders"]
        assert client.close() == 0
    for options in ([], "x", 3, {}):  # type: ignore[assignment]
        with serving() as client:
            client.initialize(initializationOptions=options)
            assert client.close() == 0
