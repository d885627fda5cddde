"""Emacs with docs/editors/wherein.el: by a connection of its own, and by eglot's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.editors import CONFIGURATIONS, EDITORS, unavailable
from support.workspace import UPLOAD, make_project

_PACKAGES = Path("/usr/share/emacs/site-lisp/elpa")  # Debian's

pytestmark = [
    pytest.mark.e2e,
    # without root or a registry it cannot be installed; the reason is counted
    pytest.mark.skipif(bool(unavailable("emacs")), reason=unavailable("emacs")),
]


def test_emacs_asks_picks_and_jumps(wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / ".git").mkdir()
    (tmp_path / ".emacs.d").mkdir()
    found = [argument for each in _PACKAGES.glob("*") for argument in ("-L", str(each))]
    places = {"HOME": str(tmp_path), "PYTHON": sys.executable, "PROJECT": str(project)}
    done = subprocess.run(
        ["emacs", "-q", "--no-site-file", "--batch", "-L", str(CONFIGURATIONS), *found,
         "-l", str(EDITORS / "emacs.el")],
        capture_output=True, text=True, timeout=110, check=False, cwd=tmp_path,
        env={**os.environ, **places},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    colours = str(project / "colours.py")
    assert seen["own"] > 0, "wherein/sync over our own connection"
    rows, path, line, _ = seen["search"]
    assert rows[0].startswith("Uploader  net/upload.py:")
    assert path == str(project / "net" / "upload.py")
    assert f":{line}  " in rows[0]
    similar, like_region = (
        [row.split()[0] for row in seen[k][0]] for k in ("similar", "like-region")
    )
    assert similar[0] == "blend"
    assert "Uploader" in similar
    assert "checksum" not in similar, "like the definition at point, which is not like itself"
    assert like_region[0] == "blend"
    assert not {"Uploader", "checksum"} & set(like_region), "the region has both"
    digest = UPLOAD.splitlines().index("    return digest(data).hexdigest()") + 1
    assert seen["back-once"] == [str(project / "net" / "upload.py"), digest], "by M-,"
    assert seen["from"] == seen["back"]
    assert seen["back"][0] == colours
    assert seen["why"] == "colours.py is in the index"
    assert "blend  colours.py:" in seen["xref"]
    assert seen["eglot"] is True
    assert seen["none"] is True, "a connection of our own beside eglot's"
    rows, path, line, text = seen["unsaved"]
    assert rows[0].startswith("zugzwang  colours.py:1")
    assert (path, line, text) == (colours, 1, "def zugzwang():")
    assert seen["status"], "a sentence on the folder"
    assert "zugzwang" not in Path(colours).read_text(), "nothing was saved"
