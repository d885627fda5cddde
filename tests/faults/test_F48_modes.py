"""F48: files and directories whose modes forbid to read them, and then do not; real processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faults import sources
from faults.test_F44_following import LONG, finds, row
from support.rpc import SERVE, serving
from support.tracing import may
from support.waiting import until
from support.workspace import indexed_paths

# Modes do not bind root, unless it gives up the right to override them.
_BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
COMMAND = SERVE if os.name != "posix" or os.geteuid() != 0 else (*_BOUND, *SERVE)


@pytest.mark.skipif(
    os.name != "posix" or (COMMAND is not SERVE and not may(*_BOUND)),
    reason="modes cannot be made to bind this user",
)
def test_F48_what_modes_forbid_is_skipped_and_returns(wherein_home: Path, tmp_path: Path) -> None:
    """The walk goes on; a changed mode is an event, and nobody has to call sync."""
    root = sources.make_tree(tmp_path / "root", 24)
    shut, hidden = root / "pkg0" / "shut.py", root / "pkg1"
    shut.write_text("def axolotl(): pass\n", encoding="ascii")
    shut.chmod(0)
    hidden.chmod(0)
    try:
        with serving(COMMAND) as client:
            client.initialize(root)
            client.ask("wherein/sync", timeout=LONG)
            assert row(client)["skipped"] == {"unreadable": 1}
            assert len(indexed_paths(root)) == 12
            shut.chmod(0o600)
            until(finds(client, "axolotl", "shut.py"), LONG, "found with no sync")
            hidden.chmod(0o700)
            client.ask("wherein/sync", timeout=LONG)
            assert row(client)["skipped"] == {}
            assert len(indexed_paths(root)) == 25
            shut.chmod(0)
            hidden.chmod(0)  # what was known stays known: it was not deleted
            client.ask("wherein/sync", timeout=LONG)
            assert len([path for path in indexed_paths(root) if path.startswith(b"pkg1")]) == 12
    finally:
        hidden.chmod(0o700)
