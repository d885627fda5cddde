"""`wherein/similar` and `wherein similar` with the real processes and the real model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.rpc import Failed, serving
from support.workspace import make_project

DOWNLOAD = '''class Downloader:
    """Fetches one file in parts."""

    def resume(self, attempt: int) -> None:
        """Fetch the part again, waiting longer each time."""
        delay = 2 ** attempt
        self.clock.sleep(delay)
        self.fetch(self.part)
'''


@pytest.fixture
def project(wherein_home: Path, tmp_path: Path) -> Path:
    """A project in which two methods are alike."""
    folder = make_project(tmp_path / "project")
    (folder / "net" / "download.py").write_text(DOWNLOAD, encoding="utf-8")
    return folder


def place(line: int, character: int, last: int, end: int) -> dict[str, Any]:
    """A range."""
    return {
        "start": {"line": line, "character": character},
        "end": {"line": last, "character": end},
    }


def test_the_like_of_a_place_is_found(project: Path) -> None:
    uri = (project / "net" / "upload.py").as_uri()
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        inside = place(9, 8, 9, 8)
        answer = client.ask("wherein/similar", {"uri": uri, "range": inside, "limit": 3})
        best = answer["results"][0]
        assert (best["path"], best["symbol"].split(".")[0]) == ("net/download.py", "Downloader")
        assert all(
            (hit["path"], hit["symbol"]) != ("net/upload.py", "Uploader.retry")
            for hit in answer["results"]
        )
        by_path = {"path": "net/upload.py", "range": place(7, 0, 12, 0), "snippetLines": 0}
        named = client.ask(
            "workspace/executeCommand", {"command": "wherein.similar", "arguments": [by_path]}
        )
        assert named["results"][0]["path"] == "net/download.py"
        text = client.ask("wherein/similar", {"text": "tuple of two mixed colours"})
        assert text["results"][0]["symbol"] == "blend"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "uri"),
    ({"uri": "file:///elsewhere/x.py"}, "uri"),
    ({"path": "../x.py"}, "path"),
    ({"path": "net/missing.py"}, "path"),
    ({"path": "net/upload.py", "uri": "file:///x"}, "path"),
    ({"path": "net/upload.py", "range": place(5, 0, 4, 0)}, "range"),
    ({"path": "net/upload.py", "range": place(-1, 0, 4, 0)}, "range"),
    ({"path": "net/upload.py", "range": place(500, 0, 501, 0)}, "range"),
    ({"text": "x", "range": place(1, 0, 4, 0)}, "range"),
    ({"path": 3}, "path"),
    ({"path": "net/upload.py", "like": 3}, "like"),
]


def test_a_wrong_place_is_refused_by_name(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        for params, field in WRONG:
            with pytest.raises(Failed, match=rf"^-32602: {field}: "):
                client.ask("wherein/similar", params)


def test_the_command_line_finds_the_like(project: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-m", "wherein", "similar", *arguments, "--dir", str(project)],
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=60,
            check=False,
        )  # fmt: skip

    done = run("net/upload.py:10", "--json", "--limit", "2")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[0]["path"] == "net/download.py"
    shown = run(str(project / "net" / "upload.py") + ":8-12")
    assert shown.returncode == 0
    assert "net/download.py" in shown.stdout.splitlines()[0]
    for wrong in ("net/nothing.py:1", "net/upload.py:9-2", "net/upload.py:0", "net/upload.py:999"):
        refused = run(wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr
