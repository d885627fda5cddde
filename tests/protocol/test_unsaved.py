"""Unsaved text through the protocol: found while it is typed, by its own client, and gone after."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support.rpc import Client, serving
from support.waiting import until


def opened(client: Client, path: Path, text: str | None = None) -> str:
    """Open a document with its text, or another one; return its URI."""
    document = {
        "uri": path.as_uri(),
        "languageId": "python",
        "version": 1,
        "text": path.read_text() if text is None else text,
    }
    client.notify("textDocument/didOpen", {"textDocument": document})
    return path.as_uri()


def typed(client: Client, uri: str, version: int, *changes: Any) -> None:
    """Change a document."""
    client.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, "version": version}, "contentChanges": list(changes)},
    )


def insertion(line: int, text: str) -> Any:
    """A change that puts lines in front of a line."""
    start = {"line": line, "character": 0}
    return {"range": {"start": start, "end": start}, "text": text}


def search(client: Client, query: str) -> list[Any]:
    """Return the answers by words."""
    results = client.ask("wherein/search", {"query": query, "mode": "lexical"})["results"]
    assert isinstance(results, list)
    return results


def test_what_is_typed_is_found_at_its_place_at_once(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        (before,) = search(client, "blend")
        uri = opened(client, project / "colours.py")
        typed(
            client, uri, 2, insertion(0, "def zugzwang():\n    return '\N{ARTIST PALETTE}'\n\n\n")
        )
        (found,) = search(client, "zugzwang")  # asked at once: no debounce is waited for
        assert (found["uri"], found["symbol"], found["stale"]) == (uri, "zugzwang", False)
        assert found["range"] == {
            "start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 15},
        }  # fmt: skip
        assert found["snippet"].startswith("def zugzwang():")
        (after,) = search(client, "blend")
        assert after["range"]["start"]["line"] == before["range"]["start"]["line"] + 4
        (symbol,) = client.ask("workspace/symbol", {"query": "zugzwang"})
        assert symbol["location"]["range"]["start"]["line"] == 0


def test_F63_closing_without_saving_forgets_it(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        uri = opened(client, project / "colours.py", "def zugzwang():\n    return 1\n")
        assert search(client, "zugzwang")
        assert search(client, "blend") == []
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        assert search(client, "zugzwang") == []
        assert search(client, "blend")


def test_a_new_file_is_found_before_it_is_saved(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        opened(client, project / "chess.py", "def zugzwang():\n    return 1\n")
        (found,) = search(client, "zugzwang")
        assert found["path"] == "chess.py"
        assert found["range"]["end"] == {"line": 1, "character": 12}
        assert not (project / "chess.py").exists()


def test_unsaved_text_comes_back_after_the_database_worker_died(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        opened(client, project / "chess.py", "def zugzwang():\n    return 1\n")
        assert search(client, "zugzwang")
        workers = client.ask("wherein/workers")["workers"]
        (pid,) = [w["pid"] for w in workers if w["type"] == "database"]
        os.kill(pid, signal.SIGKILL)
        assert search(client, "zugzwang"), "the text was not sent to the new worker"


@pytest.mark.parametrize("name", [".env", "build/made.py", "big.py", "secret.pem"])
def test_what_rules_keep_out_stays_out(project: Path, name: str) -> None:
    text = "zugzwang = 1\n" * (200 if name == "big.py" else 1)
    with serving() as client:
        client.initialize(project, initializationOptions={"maxFileKib": 1})
        client.ask("wherein/sync")
        opened(client, project / name, text)
        assert search(client, "zugzwang") == []
        opened(client, project / "chess.py", "zugzwang = 1\n")
        assert len(search(client, "zugzwang")) == 1


def test_a_document_that_becomes_excluded_goes(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        opened(client, project / "chess.py", "def zugzwang():\n    return 1\n")
        assert search(client, "zugzwang")
        settings = {"wherein": {"exclude": ["chess.py"]}}
        client.notify("workspace/didChangeConfiguration", {"settings": settings})
        until(lambda: not search(client, "zugzwang"))


def test_nothing_unsaved_is_written_to_disk(project: Path, wherein_home: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        opened(client, project / "chess.py", "def zugzwang_by_hand():\n    return 1\n")
        assert search(client, "zugzwang")
        client.ask("wherein/sync")
        assert client.close() == 0
    kept = [p for p in wherein_home.rglob("*") if p.is_file()]
    assert kept
    assert [p for p in kept if b"zugzwang" in p.read_bytes()] == []


def test_untitled_and_odd_documents_are_left_alone(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        for uri in ("untitled:one", "git:/x.py", "file:///elsewhere/x.py"):
            document = {"uri": uri, "languageId": "", "version": 1, "text": "zugzwang = 1\n"}
            client.notify("textDocument/didOpen", {"textDocument": document})
            typed(client, uri, 2, {"text": "zugzwang = 2\n"})
        assert search(client, "zugzwang") == []
        assert search(client, "blend")


@pytest.mark.parametrize("folder", ["my proj", "prøj", "a+b", "p%41", "c#"])
def test_unsaved_text_of_any_uri_is_found(project: Path, tmp_path: Path, folder: str) -> None:
    moved = project.rename(tmp_path / folder)
    with serving() as client:
        client.initialize(moved)
        client.ask("wherein/sync")
        names = {"castle": "a b.py", "gambit": "é.py", "fork": "[id].py", "pin": "x%20y.py"}
        for word, name in names.items():
            uri = opened(client, moved / name, f"def {word}():\n    return 1\n")
            typed(client, uri, 2, insertion(0, "\n"))
            (found,) = search(client, word)
            assert (found["uri"], found["startLine"]) == (uri, 2)


def test_lines_end_where_the_protocol_ends_them(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        text = "# one\ftwo\u2028three\ndef alpha():\n    return 1\n\n\ndef beta():\n    return 2\n"
        uri = opened(client, project / "lines.py", text)
        place = {"start": {"line": 5, "character": 4}, "end": {"line": 5, "character": 8}}
        typed(client, uri, 2, {"range": place, "text": "zugzwang"})
        (found,) = search(client, "zugzwang")
        assert found["snippet"].splitlines()[0] == "def zugzwang():"
        assert search(client, "beta") == []


def test_a_document_that_is_opened_twice_is_closed_once(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        for _ in range(2):
            uri = opened(client, project / "colours.py", "def zugzwang():\n    return 1\n")
            assert search(client, "zugzwang")
        opened(client, project / "colours.py", "def zugzwang():\n    return 1\n")
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        assert search(client, "zugzwang") == []


def test_a_text_stands_in_every_folder_that_the_file_is_in(project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "moves.py").write_text("def castle():\n    return 1\n")
    with serving() as client:
        client.initialize(project)
        added = [{"uri": inner.as_uri(), "name": "inner"}]
        client.notify(
            "workspace/didChangeWorkspaceFolders", {"event": {"added": added, "removed": []}}
        )
        until(lambda: len(client.ask("wherein/status")["folders"]) == 2)
        client.ask("wherein/sync")
        assert search(client, "castle")
        opened(client, inner / "moves.py", "def zugzwang():\n    return 1\n")
        assert search(client, "castle") == []
        for folder in (project, inner):
            asked = {"query": "zugzwang", "mode": "lexical", "folder": folder.as_uri()}
            assert client.ask("wherein/search", asked)["results"]


def test_a_uri_with_half_a_character_harms_no_other(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        document = {
            "uri": "file:///tmp/\ud800x.py",
            "languageId": "python",
            "version": 1,
            "text": "x",
        }
        client.notify("textDocument/didOpen", {"textDocument": document})
        assert search(client, "blend")
