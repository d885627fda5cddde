"""Asking a real index through the protocol: answers, places, symbols, progress, cancelling."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.rpc import Client, Failed, serving
from support.waiting import until

FIELDS = {
    "uri", "range", "path", "startLine", "endLine", "startByte", "endByte", "symbol", "kind",
    "language", "score", "via", "rules", "terms", "stale", "snippet",
}  # fmt: skip
ROW = {
    "folder", "state", "sentence", "reasons", "files", "chunks", "vectors", "pending", "skipped",
    "percent", "wordsPercent", "meaningPercent", "ownerPid", "leftOut", "asOf",
}  # fmt: skip


def worker(client: Client, kind: str) -> int:
    """Return the pid of a worker."""
    (pid,) = [w["pid"] for w in client.ask("wherein/workers")["workers"] if w["type"] == kind]
    assert isinstance(pid, int)
    return pid


def complete(client: Client) -> dict[str, Any]:
    """Wait until everything is indexed; return the first folder's row."""

    def row() -> dict[str, Any] | None:
        (first, *_) = client.ask("wherein/status")["folders"]
        return first if first["state"] == "ok" else None

    found = until(row)
    assert found
    return found


def test_a_question_is_answered_with_every_field(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        (synced,) = client.ask("wherein/sync")["folders"]
        assert synced["folder"] == project.as_uri()
        answer = client.ask("wherein/search", {"query": "mix colours", "snippetLines": 2})
        assert set(answer) == {"results", "coverage", "notes", "commit", "timingsUs"}
        assert answer["commit"] >= synced["commit"]
        assert answer["coverage"]["files"] == 4
        assert all(set(result) == FIELDS for result in answer["results"])
        best = answer["results"][0]
        assert (best["uri"], best["path"]) == ((project / "colours.py").as_uri(), "colours.py")
        assert (best["symbol"], best["kind"], best["language"]) == ("blend", "function", "python")
        lines = (project / "colours.py").read_text().splitlines()
        last = best["endLine"] - 1
        assert best["range"] == {
            "start": {"line": best["startLine"] - 1, "character": 0},
            "end": {"line": last, "character": len(lines[last])},
        }
        assert "words" in best["via"]
        assert best["snippet"]
        fewest = client.ask("wherein/search", {"query": "mix colours", "limit": -5})
        assert len(fewest["results"]) == 1
        nothing = client.ask("wherein/search", {"query": "colours", "paths": ["nowhere/**"]})
        assert nothing["results"] == []
        assert nothing["notes"]
        as_command = client.ask(
            "workspace/executeCommand",
            {"command": "wherein.search", "arguments": [{"query": "mix colours"}]},
        )
        assert as_command["results"][0]["symbol"] == "blend"
        assert client.close() == 0


def test_status_counts_and_says_since_when(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        row = complete(client)
        assert set(row) == ROW
        assert (row["folder"], row["files"], row["pending"]) == (project.as_uri(), 4, 0)
        assert row["vectors"] == row["chunks"] > 0
        assert (row["percent"], row["wordsPercent"], row["meaningPercent"]) == (None, 100, 100)
        assert row["ownerPid"] is None
        assert row["asOf"] > 0
        as_command = client.ask("workspace/executeCommand", {"command": "wherein.status"})
        assert as_command["folders"][0]["state"] == "ok"


def test_what_was_saved_before_a_fresh_search_is_found(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        (project / "late.py").write_text("def zugzwang():\n    return 1\n")
        asked = {"query": "zugzwang", "waitFresh": True}
        (first, *_) = client.ask("wherein/search", asked)["results"]
        assert (first["symbol"], first["startLine"]) == ("zugzwang", 1)


def test_an_edit_becomes_searchable_without_a_command(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        (project / "late.py").write_text("def zugzwang():\n    return 1\n")
        until(lambda: client.ask("wherein/search", {"query": "zugzwang"})["results"])


def test_reindexing_is_one_job(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        before = client.ask("wherein/sync")["folders"][0]["commit"]
        stop(worker(client, "file_watcher"))
        try:
            first = client.ask("wherein/reindex")
            second = client.ask("wherein/reindex", {})
        finally:
            go_on(worker(client, "file_watcher"))
        assert first == {
            "started": True, "job": 1, "already": False, "folders": [project.as_uri()],
        }  # fmt: skip
        assert second == {**first, "already": True}
        until(lambda: client.ask("wherein/sync")["folders"][0]["commit"] >= before + 4)
        until(lambda: not client.ask("wherein/reindex")["already"])


def test_symbols_are_found_by_name_and_by_question(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        complete(client)
        (retry,) = client.ask("workspace/symbol", {"query": "retry"})
        assert (retry["name"], retry["kind"]) == ("retry", 6)
        assert retry["containerName"] == "Uploader in net/upload.py"
        assert retry["location"]["uri"] == (project / "net" / "upload.py").as_uri()
        assert retry["location"]["range"]["start"] == {"line": 6, "character": 0}
        asked = client.ask("workspace/symbol", {"query": "combine two paint tones equally"})
        assert "blend" in [symbol["name"] for symbol in asked]
        assert client.ask("workspace/symbol", {"query": "nosuchname"}) == []
        assert client.ask("workspace/symbol", {"query": " "}) == []


def test_columns_are_counted_in_the_negotiated_units(project: Path) -> None:
    last = "    return '😀é'  # 終"
    (project / "wide.py").write_text(f"\ufeffdef zugzwang():\r\n{last}\r\n", encoding="utf-8")
    for encodings, width in (
        (["utf-8"], len(last.encode())),
        (["utf-16"], len(last.encode("utf-16-le")) // 2),
    ):
        with serving() as client:
            client.initialize(project, capabilities={"general": {"positionEncodings": encodings}})
            client.ask("wherein/sync")
            (first, *_) = client.ask("wherein/search", {"query": "zugzwang"})["results"]
            assert first["range"]["end"] == {"line": 1, "character": width}
            assert client.close() == 0


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_folder_keeps_the_name_it_was_opened_by(project: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(project)
    with serving() as client:
        client.initialize(link)
        assert client.ask("wherein/sync")["folders"][0]["folder"] == link.as_uri()
        asked = {"query": "blend", "folder": link.as_uri()}
        (first, *_) = client.ask("wherein/search", asked)["results"]
        assert first["uri"] == (link / "colours.py").as_uri()
        again = client.ask("wherein/search", {"query": "blend", "folder": project.as_uri()})
        assert again["results"][0]["uri"] == first["uri"]


def test_folders_come_and_go(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "chess.py").write_text("def blend_openings():\n    return 'colours'\n")

    def change(**event: list[Path]) -> None:
        named = {
            key: [{"uri": path.as_uri(), "name": path.name} for path in event.get(key, [])]
            for key in ("added", "removed")
        }
        client.notify("workspace/didChangeWorkspaceFolders", {"event": named})

    def folders() -> list[str]:
        return [row["folder"] for row in client.ask("wherein/status")["folders"]]

    def files() -> set[str]:
        return {hit["path"] for hit in client.ask("wherein/search", {"query": "blend"})["results"]}

    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        change(added=[other])
        until(lambda: folders() == [project.as_uri(), other.as_uri()])
        client.ask("wherein/sync")
        assert {"chess.py", "colours.py"} <= files()
        only = client.ask("wherein/search", {"query": "blend", "folder": other.as_uri()})
        assert {hit["path"] for hit in only["results"]} == {"chess.py"}
        change(removed=[project])
        until(lambda: folders() == [other.as_uri()])
        client.ask("wherein/sync")
        assert files() == {"chess.py"}
        assert client.close() == 0


def test_indexing_is_shown_with_its_counts(project: Path) -> None:
    with serving() as client:
        client.initialize(project, capabilities={"window": {"workDoneProgress": True}})
        complete(client)

        def ended() -> list[dict[str, Any]] | None:
            said = client.notified("$/progress")
            first = [p["value"] for p in said if p["token"] == said[0]["token"]]
            return first if first[-1]["kind"] == "end" else None

        values = until(ended)
        assert values
        created = [r["params"]["token"] for r in client.requests]
        assert client.notified("$/progress")[0]["token"] == created[0]
        assert values[0]["kind"] == "begin"
        assert values[0]["title"] == "Indexing"
        assert values[-2]["message"] == "4 of 4 files"
        percents = [v["percentage"] for v in values[:-1]]
        assert percents == sorted(percents)
        assert percents[-1] == 100


def test_a_client_without_progress_is_not_bothered(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        complete(client)
        client.notify("textDocument/didOpen", document(project / "colours.py"))
        assert client.ask("wherein/status")
        assert client.requests == []
        assert client.notifications == []


def document(path: Path) -> dict[str, Any]:
    """Describe a file as didOpen does."""
    item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": ""}
    return {"textDocument": item}


@pytest.mark.skipif(os.name != "posix", reason="a worker is held up by SIGSTOP")
class TestHeldUp:
    """While the database worker does not answer."""

    @pytest.mark.parametrize(
        "begin",
        [
            lambda c: c.start("wherein/search", {"query": "x"}),
            lambda c: c.start("workspace/symbol", {"query": "x"}),
            lambda c: c.start(
                "workspace/executeCommand",
                {"command": "wherein.search", "arguments": [{"query": "x"}]},
            ),
        ],
    )
    def test_a_request_can_be_cancelled(
        self, project: Path, begin: Callable[[Client], int]
    ) -> None:
        with serving() as client:
            client.initialize(project)
            client.ask("wherein/sync")
            stop(pid := worker(client, "database"))
            try:
                request = begin(client)
                client.notify("$/cancelRequest", {"id": request})
                with pytest.raises(Failed) as caught:
                    client.reply(request)
                assert caught.value.code == -32800
            finally:
                go_on(pid)
            assert client.ask("wherein/search", {"query": "blend"})["results"]

    def test_status_gives_the_last_facts(self, project: Path) -> None:
        with serving() as client:
            client.initialize(project)
            before = complete(client)
            stop(pid := worker(client, "database"))
            try:
                after = client.ask("wherein/status")["folders"][0]
            finally:
                go_on(pid)
            assert (after["files"], after["asOf"]) == (before["files"], before["asOf"])

    def test_many_requests_are_in_flight_and_shutdown_drops_them(self, project: Path) -> None:
        with serving() as client:
            client.initialize(project)
            client.ask("wherein/sync")
            stop(worker(client, "database"))
            searches = [client.start("wherein/search", {"query": "x"}) for _ in range(20)]
            assert len(client.ask("wherein/workers")["workers"]) == 3
            assert client.close() == 0
            for request in searches:
                with pytest.raises(Failed) as caught:
                    client.reply(request)
                assert caught.value.code == -32800


def stop(pid: int) -> None:
    """Hold a process up; a signal takes effect a moment after it was sent."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)


def go_on(pid: int) -> None:
    """Let it go on."""
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("method", ["wherein/search", "workspace/symbol"])
def test_an_answer_comes_whole_whatever_tokens_the_client_adds(project: Path, method: str) -> None:
    tokens = {"workDoneToken": "work", "partialResultToken": "part"}
    with serving() as client:
        client.initialize(project)
        complete(client)
        whole = client.ask(method, {"query": "Uploader"})
        assert whole
        assert str(client.ask(method, {"query": "Uploader", **tokens}))[:200] == str(whole)[:200]
        assert not [m for m in client.notifications if m["method"] == "$/progress"]
        assert client.close() == 0
