"""Where the tests find real editors, and why one is not there."""

from __future__ import annotations

from pathlib import Path

EDITORS = Path(__file__).parents[1] / "editors"
CONFIGURATIONS = EDITORS.parents[1] / "docs" / "editors"
BUILD = EDITORS.parents[1] / "build" / "editors"


def unavailable(editor: str) -> str:
    """Say why an editor cannot be tested here, "" when it can: what its installation said."""
    reason = BUILD / f"{editor}.unavailable"
    if reason.exists():
        return reason.read_text(encoding="utf-8").strip()
    if not (BUILD / f"{editor}.done").exists():
        return f"{editor} is not installed for the tests: make {EDITORS.name}"
    return ""
