"""Pausing, symbols, explanations, and why a file is not in the index, through the protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.rpc import Client, Failed, serving
from support.waiting import until


def row(client: Client) -> Any:
    """Return the status of the first folder."""
    return client.ask("wherein/status")["folders"][0]


def two_heartbeats(client: Client) -> None:
    """Wait until the watcher has shown life twice, which takes it a second or more."""

    def age() -> float:
        rows = client.ask("wherein/workers")["workers"]
        (found,) = [w["heartbeatAge"] for w in rows if w["type"] == "file_watcher"]
        return 0.7 if found is None else float(found)

    for _ in range(2):
        until(lambda: age() > 0.5)
        until(lambda: age() < 0.5)


def symbols(client: Client, query: str) -> list[str]:
    """Ask for symbols; return what they are called."""
    return [s["qualified"] for s in client.ask("wherein/symbols", {"query": query})["symbols"]]


def test_paused_holds_the_work_and_still_answers(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        until(lambda: row(client)["state"] == "ok")
        assert client.ask("wherein/pause") == {"paused": True}
        assert row(client)["state"] == "paused"
        assert row(client)["sentence"] == "Paused by you"
        (project / "late.py").write_text("def zugzwang():\n    return 1\n")
        (project / "marker.py").write_text("def perpetual():\n    return 1\n")
        assert client.ask("wherein/search", {"query": "mix colours"})["results"]
        # What the person asks for is done: one file of the two is not what a held watcher brings.
        client.ask("wherein/sync")
        assert symbols(client, "zugzwang") == ["zugzwang"]
        (project / "later.py").write_text("def zwischenzug():\n    return 1\n")
        change = {"changes": [{"uri": (project / "later.py").as_uri(), "type": 1}]}
        client.notify("workspace/didChangeWatchedFiles", change)
        two_heartbeats(client)  # a watcher that went on would have it by then
        assert symbols(client, "zwischenzug") == []
        assert row(client)["state"] == "paused"
        assert client.ask("wherein/resume", {}) == {"paused": False}
        until(lambda: symbols(client, "zwischenzug"))
        until(lambda: row(client)["state"] == "ok")


def test_a_server_that_begins_paused_indexes_nothing(project: Path) -> None:
    with serving() as client:
        client.initialize(project, initializationOptions={"paused": True})
        until(lambda: row(client)["state"] == "paused")
        two_heartbeats(client)  # its first look would be over
        assert client.ask("wherein/search", {"query": "mix colours"})["results"] == []
        client.ask("wherein/resume")
        until(lambda: client.ask("wherein/search", {"query": "mix colours"})["results"])


def test_pausing_without_a_folder_says_so(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        with pytest.raises(Failed, match="No folder is open"):
            client.ask("wherein/pause")


def test_symbols_carry_their_place(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        (found,) = client.ask("wherein/symbols", {"query": "Uploader.ret"})["symbols"]
        lines = (project / "net" / "upload.py").read_text().splitlines()
        first = lines.index("    def retry(self, attempt: int) -> None:")
        assert found["range"]["start"] == {"line": first, "character": 0}
        assert found["startLine"] == first + 1
        assert (found["name"], found["qualified"], found["kind"]) == (
            "retry", "Uploader.retry", "method",
        )  # fmt: skip
        assert found["uri"] == (project / "net" / "upload.py").as_uri()
        assert found["signature"].strip().startswith("def retry")
        as_command = client.ask(
            "workspace/executeCommand",
            {"command": "wherein.symbols", "arguments": [{"query": "blend", "limit": 1}]},
        )
        assert [s["name"] for s in as_command["symbols"]] == ["blend"]


def test_an_answer_is_explained(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        until(lambda: row(client)["state"] == "ok")
        uri = (project / "colours.py").as_uri()
        asked = {"query": "mix two colours", "uri": uri, "line": 5}
        why = client.ask("wherein/explain", asked)
        assert (why["rank"], why["symbol"]) == (1, "blend")
        assert why["of"] >= 2
        assert why["words"] > 0
        assert why["cosine"] > 0
        assert set(why["terms"]) == {"mix", "two", "colours"}
        assert "words" in why["via"]
        assert any("mix" in sentence for sentence in why["sentences"])
        assert any("cosine" in sentence for sentence in why["sentences"])
        best = client.ask("wherein/search", {"query": "mix two colours"})["results"][0]
        assert (best["score"], best["terms"]) == (why["score"], why["terms"])
        missed = client.ask("wherein/explain", {**asked, "line": 400})
        assert missed["rank"] is None
        assert missed["sentences"][0].startswith("It is not among the ")
        elsewhere = {**asked, "uri": (project.parent / "x.py").as_uri()}
        with pytest.raises(Failed, match=r"^-32602: uri: "):
            client.ask("wherein/explain", elsewhere)


def test_why_names_the_rule_its_file_and_its_line(project: Path) -> None:
    (project / "net" / ".gitignore").write_text("# notes\n*.tmp\n")
    (project / "net" / "a.tmp").write_text("x")
    (project / "docs").mkdir()
    (project / "docs" / "a.css").write_text("p {}\n")
    (project / ".env").write_text("KEY=1\n")
    (project / "picture.py").write_bytes(b"\0\1\2")
    (project / "link.py").symlink_to(project / "colours.py")
    with serving() as client:
        client.initialize(project, initializationOptions={"exclude": ["**/*.{css,scss}"]})
        client.ask("wherein/sync")

        def why(path: str) -> Any:
            return client.ask("wherein/why", {"uri": (project / path).as_uri()})

        ruled = why("net/a.tmp")
        assert (ruled["indexed"], ruled["source"], ruled["line"], ruled["pattern"]) == (
            False, "net/.gitignore", 2, "*.tmp",
        )  # fmt: skip
        assert ruled["sentence"] == ("net/a.tmp is not indexed: net/.gitignore, line 2 says *.tmp")
        above = why("build/generated.py")
        assert (above["source"], above["line"]) == (".gitignore", 1)
        assert above["sentence"].endswith("which leaves out build")
        assert "setting exclude" in why("docs/a.css")["sentence"]
        assert "secrets" in why(".env")["sentence"]
        assert why("picture.py")["skip"] == "binary"
        assert why("link.py")["skip"] == "symlink"
        assert why("nowhere.py")["sentence"] == "nowhere.py is not there"
        assert why("colours.py") == {
            "indexed": True, "sentence": "colours.py is in the index",
            "source": "", "line": 0, "pattern": "", "skip": "",
        }  # fmt: skip
        with pytest.raises(Failed, match=r"^-32602: uri: "):
            client.ask("wherein/why", {"uri": "untitled:one"})
