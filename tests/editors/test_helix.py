"""Helix with docs/editors/languages.toml, on a terminal of its own: ask by symbols, and jump."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.editors import BUILD, CONFIGURATIONS, unavailable
from support.waiting import until
from support.workspace import indexed_paths, make_project

pytestmark = [
    pytest.mark.e2e,
    # without root or a registry it cannot be installed; the reason is counted
    pytest.mark.skipif(bool(unavailable("helix")), reason=unavailable("helix")),
]


class Terminal:
    """A terminal that a program runs in: keys go in, what it draws is kept."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.drawn = b""
        threading.Thread(target=self._read, daemon=True).start()

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                return
            self.drawn += data


@contextmanager
def running(command: list[str], cwd: Path, env: dict[str, str]) -> Iterator[Terminal]:
    """Run a program on a terminal; it is killed at the end if it still runs."""
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=env)
    os.close(slave)
    try:
        yield Terminal(master)
        process.wait(30)
    finally:
        process.kill()
        process.wait(30)
        os.close(master)


@pytest.mark.parametrize("question", ["blend", "how are two colours mixed"])
def test_helix_asks_by_symbols_and_jumps(wherein_home: Path, tmp_path: Path, question: str) -> None:
    project = make_project(tmp_path / "project")
    (project / ".git").mkdir()
    settings = tmp_path / "config" / "helix"
    settings.mkdir(parents=True)
    ready = (CONFIGURATIONS / "languages.toml").read_text()
    assert 'command = "python3"' in ready
    ours = ready.replace('command = "python3"', f'command = "{sys.executable}"')
    (settings / "languages.toml").write_text(ours)
    log = tmp_path / "log"
    log.touch()
    places = {
        "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(settings.parent), "TERM": "xterm-256color",
    }  # fmt: skip
    command = [str(BUILD / "helix" / "hx"), "-vv", "--log", str(log), "net/upload.py"]
    with running(command, project, {**os.environ, **places}) as terminal:
        until(lambda: '"serverInfo"' in log.read_text(), 60, "the server")
        terminal.press(":lsp-workspace-command wherein.sync\r")
        until(lambda: b"colours.py" in indexed_paths(project), 60, "the index")
        until(lambda: '"commit"' in log.read_text(), 60, "the reply to wherein.sync")
        terminal.press(" S")
        before = len(terminal.drawn)
        terminal.press(question)
        # The preview of the first answer.
        until(lambda: b"Mixing" in terminal.drawn[before:], 60, "the answers")
        terminal.press("\r")
        until(lambda: log.read_text().count("textDocument/didOpen") == 2, 30, "the jump")
        terminal.press("iHERE")
        until(lambda: "textDocument/didChange" in log.read_text(), 30, "the typing")
        before = len(terminal.drawn)
        terminal.press("\x1b")  # by itself: with a key behind it, it would be Alt
        until(lambda: b"NOR" in terminal.drawn[before:], 30, "the end of the typing")
        terminal.press(":w\r")
        until(lambda: "HERE" in (project / "colours.py").read_text(), 30, "the file")
        terminal.press(":q!\r")
    first = "def blend" if question == "blend" else '"""Mixing paint."""'
    assert f"HERE{first}" in (project / "colours.py").read_text()
