"""Vim with ALE and docs/editors/wherein.vim: ask, see the quickfix list, jump."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.editors import CONFIGURATIONS, EDITORS, unavailable
from support.workspace import make_project

pytestmark = [
    pytest.mark.e2e,
    # without root or a registry it cannot be installed; the reason is counted
    pytest.mark.skipif(bool(unavailable("vim")), reason=unavailable("vim")),
]


def run(project: Path, tmp_path: Path, **also: str) -> dict[str, Any]:
    """Run vim.vim in a Vim without a screen; return what it saw."""
    (project / ".git").mkdir()
    written = tmp_path / "seen.json"
    places = {
        "CONFIG": str(CONFIGURATIONS / "wherein.vim"), "PYTHON": sys.executable,
        "PROJECT": str(project), "SEEN": str(written), "HOME": str(tmp_path), **also,
    }  # fmt: skip
    subprocess.run(
        ["vim", "-Nu", "NONE", "-i", "NONE", "-n", "-es", "-S", str(EDITORS / "vim.vim")],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=110, check=False, cwd=tmp_path,
        env={**os.environ, **places},
    )  # fmt: skip
    seen: dict[str, Any] = json.loads(written.read_text())
    assert seen["problem"] == ""
    return seen


def test_vim_asks_lists_and_jumps(wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    seen = run(project, tmp_path)
    assert seen["sync"]["result"]["folders"][0]["folder"] == project.as_uri()
    path, line = seen["search"]
    assert path == str(project / "net" / "upload.py")
    assert seen["title"] == "wherein: send the part again"
    name, first, text = seen["rows"][0]
    assert (Path(name).name, first) == ("upload.py", line)
    assert text.startswith("Uploader  ")
    title, row = seen["list"]
    assert title == "wherein: mix two colours"
    assert re.search(r"colours\.py\|\d+\| blend  ", row), row
    assert seen["stayed"] == ["colours.py", True], "without ! it lists, and goes nowhere"
    assert seen["lacks"].startswith("wherein: this file has no filetype")
    assert seen["why"] == "wherein: colours.py is in the index"
    assert seen["status"].startswith(f"{project}: "), seen["status"]


def test_every_command_says_that_ale_is_not_loaded(wherein_home: Path, tmp_path: Path) -> None:
    seen = run(make_project(tmp_path / "project"), tmp_path, WITHOUT_ALE="1")
    assert len(seen["without"]) == 3
    for said in seen["without"]:
        assert said.startswith("wherein: ALE is not loaded. "), said
