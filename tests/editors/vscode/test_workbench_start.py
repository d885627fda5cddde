"""From an editor with nothing to the first answer; and folders that nobody trusts."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.workbench import ROOT, Workbench
from support.workspace import make_project

if TYPE_CHECKING:
    from collections.abc import Callable

QUESTION = "where do we retry failed uploads"
ANSWER = "Uploader"


def hostile(project: Path) -> Path:
    """Put programs into a project that must never run; return the file that they would write."""
    proof = project.parent / "was-run"
    script = f"#!/bin/sh\necho run >> {proof}\nexit 1\n"
    for name in (".venv/bin/python", ".venv/bin/python3", "bin/python3", "bin/git"):
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script, encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    settings = project / ".vscode" / "settings.json"
    settings.parent.mkdir()
    wanted = {
        "wherein.interpreter": str(project / "bin" / "python3"),
        "wherein.wheels": str(project),
        "wherein.model": str(project),
    }
    settings.write_text(json.dumps(wanted), encoding="utf-8")
    return proof


def install(bench: Workbench) -> None:
    """Answer the one question with yes and wait until the index is ready."""
    question = bench.notice("wherein needs its server on this computer")
    question.wait_for()
    assert re.search(r"from .+ into a private environment\? About \d+ MB", question.inner_text())
    question.get_by_role("button", name="Install", exact=True).click()
    bench.notice("Installing wherein").wait_for()
    bench.wait_status("wherein", timeout=360_000)


def test_an_untrusted_folder_works_and_runs_nothing_of_its_own(
    window: Callable[..., Workbench], tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    proof = hostile(project)
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    bench = window(project, {"security.workspace.trust.startupPrompt": "never"}, (), PATH=path)
    bench.page.get_by_text("Restricted Mode").first.wait_for()
    install(bench)
    bench.ask(QUESTION)
    bench.row(ANSWER).wait_for()
    bench.press("Enter")
    bench.tab("upload.py").wait_for()
    assert not proof.exists(), proof.read_text()


@pytest.mark.e2e
def test_from_nothing_to_the_first_answer_without_a_network(
    window: Callable[..., Workbench], tmp_path: Path
) -> None:
    """In a folder that is trusted, from a folder of wheels; the person first says no."""
    wheels = tmp_path / "wheels"
    lock = str(ROOT / "requirements" / "runtime.lock")
    pip = (sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--only-binary")
    subprocess.run([*pip, ":all:", "-r", lock, "-d", str(wheels)], check=True, timeout=600)
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    settings = {"wherein.wheels": str(wheels)}
    bench = window(make_project(tmp_path / "project"), settings, **nowhere)
    question = bench.notice("wherein needs its server on this computer")
    question.get_by_role("button", name="Not Now").click()
    bench.wait_status("wherein (set up)", icon="cloud-download")
    bench.ask(QUESTION)
    bench.row("not installed yet").wait_for()
    bench.row("Install the server").click()
    install(bench)
    bench.ask(QUESTION)
    bench.row(ANSWER).wait_for()
