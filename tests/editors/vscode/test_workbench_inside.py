"""The extension seen from inside the extension host, through the API of VS Code."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from support.processes import RUN_ID, assert_none_left, new_run_id
from support.workbench import Code, Workbench, browsing
from support.workspace import make_project

if TYPE_CHECKING:
    from playwright.sync_api import Playwright


def test_the_api_of_the_editor_sees_all_of_it(
    playwright: Playwright, extension: Path, tmp_path: Path
) -> None:
    """Runs inside.cjs in the host, with the extension as it is released."""
    with zipfile.ZipFile(extension) as archive:
        archive.extractall(tmp_path / "vsix")
    mark = new_run_id()
    with tempfile.TemporaryDirectory(prefix="wv-") as place:
        home = Path(place) / "code"
        settings = {"wherein.interpreter": sys.executable}
        code = Code(home, settings, {"WHEREIN_HOME": f"{place}/w", RUN_ID: mark})
        code.start("--disable-workspace-trust")
        try:
            with browsing(playwright, home / "chromium") as page:
                outcome, said = Workbench(page, code).run_inside(
                    make_project(tmp_path / "project"),
                    tmp_path / "vsix" / "extension",
                    Path(__file__).with_name("inside.cjs"),
                )
        finally:
            code.stop()
    assert outcome == 0, "\n".join(said)
    assert sum(line.startswith("ok: ") for line in said) == 5, said
    assert_none_left(mark, timeout=30)
