"""A workspace that wants to run its own code, by every way that is known."""

from __future__ import annotations

import json
from pathlib import Path

from support.workspace import make_project

MODULES = (
    "sqlite3", "watchdog", "numpy", "sitecustomize", "usercustomize", "wherein", "pygls", "apsw",
    "msgspec", "json", "logging", "psutil", "tree_sitter", "fastembed", "encodings", "conftest",
)  # fmt: skip


def make_hostile(root: Path) -> Path:
    """Write the workspace; whatever of it is run makes the file `executed` beside it."""
    make_project(root)
    touch = f"touch {root.parent / 'executed'}"
    for name in MODULES:
        (root / f"{name}.py").write_text(f"import os\nos.system({touch!r})\n")
    script = f"#!/bin/sh\n{touch}\n"
    programs = [".venv/bin/python", ".venv/bin/git", "node_modules/.bin/git", "git", "python3"]
    programs += [f".git/hooks/{name}" for name in ("post-checkout", "post-index-change")]
    for name in programs:
        program = root / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(script)
        program.chmod(0o755)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (root / ".git" / "objects").mkdir()
    (root / ".git" / "refs").mkdir()
    (root / ".git" / "config").write_text(
        f"[core]\n\tfsmonitor = {touch}\n\tpager = {touch}\n\tsshCommand = {touch}\n"
        f"\teditor = {touch}\n\thooksPath = .git/hooks\n\texcludesFile = |{touch}\n"
        f'[filter "x"]\n\tclean = {touch}\n\tsmudge = {touch}\n[diff "x"]\n\ttextconv = {touch}\n'
        f"[include]\n\tpath = ../evil.config\n[alias]\n\tstatus = !{touch}\n"
    )
    (root / "evil.config").write_text(f"[core]\n\tfsmonitor = {touch}\n")
    (root / ".gitattributes").write_text("*.py filter=x diff=x\n")
    (root / "Makefile").write_text(f"X := $(shell {touch})\nall:\n\t{touch}\n")
    (root / "setup.py").write_text(f"import os\nos.system({touch!r})\n")
    (root / "package.json").write_text(json.dumps({"scripts": {"preinstall": touch}}))
    settings = {"wherein.interpreter": str(root / ".venv/bin/python"), "wherein.model": str(root)}
    (root / ".vscode").mkdir()
    (root / ".vscode" / "settings.json").write_text(json.dumps(settings))
    return root
