"""A real VS Code: code-server on this machine, seen through a headless Chromium.

What it needs is installed by tests/editors/vscode/install.sh. Nothing outside of this machine is
asked: every other request of the page is refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from playwright.sync_api import Locator, Page, Playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from support.processes import RUN_ID
from support.waiting import until

ROOT = Path(__file__).parents[2]
INSTALLED = Path(os.environ.get("WHEREIN_EDITORS", ROOT / "build" / "editors")) / "vscode"
CODE_SERVER = INSTALLED / "node_modules" / "code-server" / "out" / "node" / "entry.js"
SLOW_MS = 120_000  # a deadline for things that take a second on a machine with nothing else to do
AGAIN_MS = 10_000  # a box that has not come by then was closed by an editor that took the focus

_ELSEWHERE = re.compile(r"^(https?|wss?)://(?!127\.0\.0\.1|localhost)")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_QUIET = {
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "workbench.enableExperiments": False,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.welcomePage.walkthroughs.openOnInstall": False,
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "chat.commandCenter.enabled": False,
    "chat.disableAIFeatures": True,
    "explorer.autoReveal": False,
    "git.enabled": False,
    "npm.fetchOnlinePackageInfo": False,
    "typescript.disableAutomaticTypeAcquisition": True,
    "json.schemaDownload.enable": False,
    "window.commandCenter": False,
}


def missing() -> str:
    """Say why there is no VS Code to test with, "" when there is one."""
    reason = INSTALLED / "unavailable"
    if reason.exists():
        return reason.read_text(encoding="utf-8").strip()
    if not CODE_SERVER.exists():
        return "VS Code is not installed for tests; run make editors"
    return "" if shutil.which("chromium") else "there is no chromium"


def package(target: Path) -> Path:
    """Make the extension as it is released, without a network where that can be had."""
    alone = ["unshare", "--map-root-user", "--net"]
    can = shutil.which("unshare") and subprocess.run([*alone, "true"], check=False).returncode == 0
    subprocess.run(
        [*(alone if can else []), "npm", "run", "--silent", "package", "--", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=600,
    )
    return target


class Code:
    """One code-server with a profile of its own. `home` keeps everything it writes."""

    def __init__(self, home: Path, settings: dict[str, Any], environ: dict[str, str]) -> None:
        self.home = home
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("VSCODE_")},
            "HOME": str(home / "home"),
            "XDG_CONFIG_HOME": str(home / "home" / ".config"),
            "XDG_DATA_HOME": str(home / "home" / ".local"),
            "EXTENSIONS_GALLERY": "{}",
            **environ,
        }
        (home / "home").mkdir(parents=True)
        self._settings = {**_QUIET, **settings}
        self._write_settings()

    def set(self, name: str, value: object) -> None:
        """Change a setting, as an edit of settings.json does."""
        self._settings[name] = value
        self._write_settings()

    def install(self, extension: Path) -> str:
        """Install an extension the way `code --install-extension` does; return what is listed."""
        self._run("--install-extension", str(extension))
        return self._run("--list-extensions", "--show-versions")

    def start(self, *flags: str) -> None:
        """Start it and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with (self.home / "code-server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *self._command(),
                    "--auth",
                    "none",
                    "--bind-addr",
                    f"127.0.0.1:{port}",
                    "--disable-telemetry",
                    "--disable-update-check",
                    "--disable-getting-started-override",
                    *flags,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environ,
                start_new_session=True,
            )
        until(self._answers, timeout=180, what="code-server answers")

    def stop(self) -> None:
        """End it and what it started; the extension host goes when its window is gone."""
        if self._process is None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)
        _, alive = psutil.wait_procs(children, timeout=20)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert not alive, f"left behind: {alive}"

    def _write_settings(self) -> None:
        # Settings of the machine count only there in newer editors.
        for scope in ("User", "Machine"):
            folder = self.home / "user-data" / scope
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self._settings, indent=2)
            (folder / "settings.json").write_text(text, encoding="utf-8")

    def _command(self) -> list[str]:
        return [
            "node",
            str(CODE_SERVER),
            "--user-data-dir",
            str(self.home / "user-data"),
            "--extensions-dir",
            str(self.home / "extensions"),
        ]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command(), *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        return done.stdout

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as reply:  # noqa: S310
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextlib.contextmanager
def browsing(playwright: Playwright, profile: Path, scale: float = 1) -> Iterator[Page]:
    """Open a Chromium that reaches this machine only; `scale` is how fine its picture is."""
    context = playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=shutil.which("chromium"),
        headless=True,
        viewport={"width": 1280, "height": 800},
        device_scale_factor=scale,
        args=list(_FLAGS),
        env={k: v for k, v in os.environ.items() if k != RUN_ID},  # it may outlive a test
        permissions=["clipboard-read", "clipboard-write"],
    )
    try:
        context.set_default_timeout(SLOW_MS)
        context.route(_ELSEWHERE, lambda route: route.abort())
        yield context.pages[0] if context.pages else context.new_page()
    finally:
        context.close()


class Workbench:
    """What a person does in a window of VS Code, and what they see."""

    def __init__(self, page: Page, code: Code) -> None:
        self.page = page
        self.code = code

    def open(self, folder: Path) -> None:
        """Open a folder in the window."""
        self.load(folder)
        self.page.locator(".monaco-workbench").wait_for()
        self.status.wait_for()

    def load(self, folder: Path, **payload: str) -> None:
        """Open a folder with what the editor takes as its payload, and wait for nothing of ours."""
        pairs = quote(json.dumps([list(pair) for pair in payload.items()]))
        address = f"{self.code.url}/?folder={folder}&payload={pairs}"
        self.page.goto(address, wait_until="commit")

    def run_inside(self, folder: Path, extension: Path, tests: Path) -> tuple[object, list[str]]:
        """Run a module's `run` inside the extension host; return its exit code and what it said."""
        said: list[str] = []
        codes: list[object] = []

        def ended(code: object) -> None:
            codes.append(code)  # a plain function: playwright keeps a note on it

        self.page.expose_function(
            "codeAutomationLog", lambda _kind, words: said.append(" ".join(map(str, words)))
        )
        self.page.expose_function("codeAutomationExit", ended)
        host = self.code.url.replace("http", "vscode-remote", 1)
        self.load(
            folder,
            extensionDevelopmentPath=f"{host}{extension}",
            extensionTestsPath=f"{host}{tests}",
        )
        end = time.monotonic() + SLOW_MS / 1000 * 2
        while not codes and time.monotonic() < end:
            self.page.wait_for_timeout(100)  # calls from the page come in only meanwhile
        return (codes[0] if codes else "no answer"), said

    def tidy(self) -> None:
        """Close boxes, notifications and editors."""
        self.press("Escape", "Escape")
        if self.page.locator(".notification-toast").count():
            self.command("Notifications: Clear All Notifications")
        end = time.monotonic() + SLOW_MS / 1000
        while True:  # an editor that opened meanwhile stays, and takes the keys while it does
            self.press("Control+k", "Control+w")
            try:
                first = self.page.locator(".tabs-container .tab").first
                first.wait_for(state="hidden", timeout=AGAIN_MS)
            except PlaywrightTimeoutError:
                if time.monotonic() > end:
                    raise
            else:
                return

    @property
    def status(self) -> Locator:
        """The item of wherein in the status bar."""
        return self.page.locator("#wherein\\.wherein\\.wherein\\.status")

    def wait_status(self, text: str, icon: str = "search", timeout: float = SLOW_MS) -> None:
        """Wait until the status item has this icon and reads exactly so."""
        shown = self.status.filter(has=self.page.locator(f".codicon-{icon}"))
        shown.get_by_text(re.compile(rf"^\s*{re.escape(text)}\s*$")).wait_for(timeout=timeout)

    @property
    def box(self) -> Locator:
        """The input of the box that is open."""
        return self.page.locator(".quick-input-widget input[type=text]").first

    @property
    def rows(self) -> Locator:
        """The rows of the box."""
        return self.page.locator(".quick-input-list .monaco-list-row")

    def row(self, text: str | re.Pattern[str]) -> Locator:
        """The first row with this text."""
        return self.rows.filter(has_text=text).first

    def labels(self) -> list[str]:
        """The first line of each row that is drawn."""
        first = ".quick-input-list-rows > .quick-input-list-row:first-child .label-name"
        return [text.strip() for text in self.rows.locator(first).all_text_contents()]

    def version(self) -> tuple[int, int]:
        """Return the version of VS Code, such as (1, 100)."""
        manifest = CODE_SERVER.parents[2] / "lib" / "vscode" / "package.json"
        major, minor, _ = json.loads(manifest.read_text(encoding="utf-8"))["version"].split(".")
        return int(major), int(minor)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def open_box(self, key: str, text: str, found: Locator, sign: Locator | None = None) -> None:
        """Press the key of a box, and type when its sign is there, until this is found in it.

        A box closes itself when an editor that still opens or closes takes the focus.
        """
        end = time.monotonic() + SLOW_MS / 1000
        while True:
            self.press(key)
            try:
                (sign or self.box).wait_for(timeout=AGAIN_MS)
                self.box.fill(text, timeout=AGAIN_MS)
                found.wait_for(timeout=AGAIN_MS)
            except PlaywrightTimeoutError:
                if time.monotonic() > end:
                    raise
            else:
                return

    def command(self, title: str) -> None:
        """Run a command by its title in the palette."""
        self.open_box("F1", f">{title}", self.row(title))
        self.press("Enter")

    def ask(self, question: str, row: str | re.Pattern[str]) -> None:
        """Open the box Ask the code, and type until a row with this text is there."""
        title = self.page.locator(".quick-input-title", has_text="Ask the code")
        self.open_box("Control+Alt+f", question, self.row(row), sign=title)

    def dismiss(self) -> None:
        """Close the box that is open."""
        self.press("Escape")
        self.page.locator(".quick-input-widget").wait_for(state="hidden")

    def open_file(self, name: str) -> None:
        """Open a file that lies in the top folder, to stay."""
        self.press("Control+Shift+e")
        self.page.locator(".explorer-folders-view .monaco-list-row", has_text=name).dblclick()
        self.tab(name).wait_for()
        # It takes the keys later, and would close a box that was opened by then.
        self.page.locator(".editor-group-container .monaco-editor.focused").first.wait_for()

    def results(self, text: str = "") -> Locator:
        """The rows of the results view that have this text."""
        return self.page.locator(".pane-body .monaco-list-row").filter(has_text=text)

    def tab(self, name: str) -> Locator:
        """The tab of a file."""
        return self.page.locator(".tabs-container .tab", has_text=name).first

    def tabs(self) -> list[str]:
        """The names of the tabs that are open."""
        names: list[str] = self.page.locator(".tabs-container .tab").evaluate_all(
            "tabs => tabs.map(tab => tab.dataset.resourceName)"
        )
        return names

    def line(self) -> int:
        """The line that the cursor is in."""
        text = self.page.locator("#status\\.editor\\.selection").text_content() or ""
        found = re.search(r"Ln (\d+)", text)
        return int(found[1]) if found else 0

    def notice(self, text: str | re.Pattern[str]) -> Locator:
        """A notification."""
        return self.page.locator(".notification-toast", has_text=text).first

    def clipboard(self) -> str:
        """What was copied."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))
