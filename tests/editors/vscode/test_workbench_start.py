"""From an editor with nothing to the first answer; and folders that nobody trusts."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil
import pytest

from support.waiting import until
from support.workbench import ROOT, Workbench
from support.workspace import make_project

if TYPE_CHECKING:
    from collections.abc import Callable

QUESTION = "where do we retry failed uploads"
ANSWER = "Uploader"
QUESTION_ASKED = "wherein needs its server on this computer"
INSTALL_MS = 360_000


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
    question = bench.notice(QUESTION_ASKED)
    question.wait_for()
    assert re.search(r"from .+ into a private environment\? About \d+ MB", question.inner_text())
    question.get_by_role("button", name="Install", exact=True).click()
    bench.notice("Installing wherein").wait_for()
    bench.wait_status("wherein", timeout=INSTALL_MS)


def test_an_untrusted_folder_works_and_runs_nothing_of_its_own(
    window: Callable[..., Workbench], tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    proof = hostile(project)
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    bench = window(project, {"security.workspace.trust.startupPrompt": "never"}, (), PATH=path)
    bench.page.get_by_text("Restricted Mode").first.wait_for()
    install(bench)
    bench.ask(QUESTION, ANSWER)
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
    question = bench.notice(QUESTION_ASKED)
    question.get_by_role("button", name="Not Now").click()
    bench.wait_status("wherein (set up)", icon="cloud-download")
    other = another_window(bench, make_project(tmp_path / "other"))
    other.wait_status("wherein (set up)", icon="cloud-download")
    assert other.page.locator(".notification-toast").count() == 0, (
        "who has said no is not asked again"
    )
    bench.page.bring_to_front()
    bench.ask(QUESTION, "not installed yet")
    bench.row("Install the server").click()
    bench.notice(QUESTION_ASKED).get_by_role("button", name="Install", exact=True).click()
    bench.status.filter(has_text="installing").wait_for()
    bench.ask(QUESTION, "is being installed")
    bench.row(ANSWER).wait_for(timeout=INSTALL_MS)
    assert bench.box.input_value() == QUESTION, "the answer has come by itself"
    other.page.bring_to_front()
    other.wait_status("wherein", timeout=INSTALL_MS)  # with nothing done in it


def script(file: Path, text: str) -> Path:
    """Make a program of the shell."""
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_a_wrong_interpreter_is_said_once_and_a_right_one_counts_at_once(
    window: Callable[..., Workbench], tmp_path: Path
) -> None:
    """First one that hangs, which a restart ends; then one without wherein; then one with it."""
    hangs = script(tmp_path / "hangs", f"echo $$ > {tmp_path}/pid; exec sleep 3600")
    starts = tmp_path / "starts"
    without = script(
        tmp_path / "without", f"echo >> {starts}; echo No module named wherein >&2; exit 1"
    )
    bench = window(make_project(tmp_path / "project"), {"wherein.interpreter": str(hangs)})
    until((tmp_path / "pid").exists, 60)
    bench.code.set("wherein.interpreter", str(without))
    bench.notice(f"wherein could not be started with {without}").wait_for()
    bench.wait_status("wherein !", icon="error")
    assert bench.page.locator(".notification-toast").count() == 1
    assert starts.read_text(encoding="utf-8") == "\n", "what never ran is not started again"
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text(encoding="utf-8")))
    bench.notice(str(without)).get_by_role("button", name="Show Log").click()
    bench.page.locator(".view-line", has_text="No module named wherein").first.wait_for()
    bench.code.set("wherein.interpreter", sys.executable)
    bench.wait_status("wherein")


_PYTHON_EXTENSION = """
exports.activate = () => ({ environments: {
    getActiveEnvironmentPath: () => ({ path: "chosen" }),
    resolveEnvironment: async () => ({ executable: { uri: require("vscode").Uri.file(PYTHON) } }),
} });
"""


def python_extension(folder: Path) -> Path:
    """Make an extension with the part of the Python extension's API that is asked."""
    folder.mkdir()
    manifest = {
        "name": "python", "publisher": "ms-python", "version": "1.0.0", "main": "./main.js",
        "engines": {"vscode": "^1.93.0"}, "activationEvents": [], "license": "MIT",
    }  # fmt: skip
    (folder / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "README.md").write_text("A stand-in.", encoding="utf-8")
    text = _PYTHON_EXTENSION.replace("PYTHON", json.dumps(sys.executable))
    (folder / "main.js").write_text(text, encoding="utf-8")
    vsce = ROOT / "node_modules" / "@vscode" / "vsce" / "vsce"
    options = (
        "--no-dependencies",
        "--allow-missing-repository",
        "--skip-license",
        "--out",
        "x.vsix",
    )
    subprocess.run(["node", str(vsce), "package", *options], cwd=folder, check=True, timeout=120)
    return folder / "x.vsix"


@pytest.mark.e2e
def test_the_python_extensions_choice_runs_the_server(
    window: Callable[..., Workbench], tmp_path: Path
) -> None:
    """Its interpreter has this version of wherein, so nothing needs to be installed."""
    also = python_extension(tmp_path / "extension")
    bench = window(make_project(tmp_path / "project"), also=also)
    bench.wait_status("wherein")
    assert bench.page.locator(".notification-toast").all_text_contents() == []
    bench.command("wherein: Show the Log")
    bench.page.locator(".view-line", has_text="from the Python extension").first.wait_for()


def another_window(bench: Workbench, folder: Path) -> Workbench:
    """Open a second window of the same editor."""
    other = Workbench(bench.page.context.new_page(), bench.code)
    other.open(folder)
    return other


class Proxy(BaseHTTPRequestHandler):
    """Notes what it is asked for, and has nothing."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Answer like an index that has no such package."""
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_what_goes_wrong_is_said_with_the_log_one_click_away(
    window: Callable[..., Workbench], tmp_path: Path
) -> None:
    """First there is no Python, then an index, behind a proxy, that has no such package."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("node", "sh", "env", "cat", "uname"):
        (programs / name).symlink_to(shutil.which(name) or name)
    shell = (
        programs / "shell"
    )  # the editor asks the person's shell for the PATH; this one adds nothing
    shell.write_text('#!/bin/sh\nfor last; do :; done\nexec /bin/sh -c "$last"\n', encoding="utf-8")
    shell.chmod(0o755)
    index = "http://packages.invalid/simple"
    pip = {"PIP_INDEX_URL": index, "PIP_TRUSTED_HOST": "packages.invalid", "PIP_RETRIES": "0"}
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    settings = {"http.proxy": f"http://127.0.0.1:{proxy.server_port}"}
    try:
        places = {"PATH": str(programs), "SHELL": str(shell), "no_proxy": ""}
        bench = window(make_project(tmp_path / "project"), settings, **places, **pip)
        question = bench.notice(QUESTION_ASKED)
        assert "from packages.invalid into" in question.inner_text()
        question.get_by_role("button", name="Install", exact=True).click()
        problem = bench.notice("Python 3.11 or newer was not found. Install Python")
        problem.get_by_role("button", name="Choose a Python").wait_for()
        (programs / "python3").symlink_to(Path(sys.executable).resolve())
        problem.get_by_role("button", name="Try Again").click()
        problem = bench.notice(re.compile("has no package .+ for this Python"))
        problem.get_by_role("button", name="Show Log").click()
        bench.page.locator(".view-line", has_text="No matching distribution found").first.wait_for()
    finally:
        proxy.shutdown()
        proxy.server_close()
    assert Proxy.asked[0].startswith(index)
    bench.wait_status("wherein (set up)", icon="cloud-download")
