"""F21: servers of an older and of this build open one folder; they never talk across versions."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import wherein
from faults.oracle import assert_true
from support.processes import processes_of
from support.rpc import Client, Failed, serving
from support.waiting import until
from wherein.ownership.lock import read_owner
from wherein.paths import index_paths

# Run as `python -I -m wherein serve --stdio` is, but from another place.
RUN = (
    "import os, sys; sys.path.insert(0, sys.argv[1]); from wherein.__main__ import _claim_stdio; "
    "stdin, stdout = _claim_stdio(); from wherein.lsp.server import serve; "
    "sys.exit(serve(stdin, os.fdopen(stdout, 'wb')))"
)


@pytest.fixture
def old(tmp_path: Path) -> tuple[str, ...]:
    """The command that starts a server of an older build: the same code under another version."""
    place = tmp_path / "old"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(wherein.__file__).parent, place / "wherein", ignore=ignored)
    file = place / "wherein" / "__init__.py"
    text, count = re.subn(r'__version__ = ".*"', '__version__ = "0.0.9"', file.read_text("utf-8"))
    assert count == 1
    file.write_text(text, encoding="utf-8")
    return (sys.executable, "-I", "-c", RUN, str(place))


def row(client: Client) -> dict[str, Any]:
    """The status of the one folder."""
    (found,) = client.ask("wherein/status")["folders"]
    return dict(found)


def owns(client: Client) -> bool:
    """Say whether this server owns the index and is done with it."""
    found = row(client)
    return found["ownerPid"] is None and found["state"] == "ok"


def children(client: Client, run_id: str) -> set[str]:
    """The arguments of the workers that a server runs."""
    own = [p for p in processes_of(run_id) if p.ppid() == client.process.pid]
    lines = [" ".join(p.cmdline()) for p in own]
    return {line for line in lines if "spawn_main" in line}


def test_F21_a_newer_build_takes_an_index_over_from_an_older_one(
    project: Path, old: tuple[str, ...], run_id: str
) -> None:
    """The older one stops its workers, says what to do, and comes back when the newer one goes."""
    with serving(old) as older, serving() as newer:
        older.initialize(project)
        older.ask("wherein/sync", timeout=90)
        until(lambda: owns(older), timeout=60, what="the older one owns it")
        owner = read_owner(index_paths(str(project)))
        assert owner is not None
        assert owner.build == "0.0.9"
        newer.initialize(project)
        until(lambda: owns(newer), timeout=60, what="the newer one owns it")
        assert newer.ask("wherein/search", {"query": "blend"})["results"]
        until(lambda: not children(older, run_id), timeout=60, what="the older one's workers went")
        with pytest.raises(Failed, match="newer wherein"):
            older.ask("wherein/search", {"query": "blend"}, timeout=60)
        told = until(lambda: row(older) if row(older)["state"] == "busy" else None, what="told")
        assert told is not None
        assert "Restart this editor" in told["sentence"]
        (project / "later.py").write_text("def zanzibar_ferry():\n    return 1\n")
        newer.ask("wherein/sync", timeout=90)
        assert newer.ask("wherein/search", {"query": "zanzibar_ferry"})["results"]
        until(lambda: owns(newer), timeout=60, what="its vectors too")
        assert newer.close() == 0
        assert older.close() == 0
    assert_true(project)


def test_F21_an_older_build_does_not_disturb_a_newer_one(
    project: Path, old: tuple[str, ...], run_id: str
) -> None:
    """It is told, starts no worker, and owns the index when the newer one has gone."""
    with serving(old) as older, serving() as newer:
        newer.initialize(project)
        newer.ask("wherein/sync", timeout=90)
        workers = children(newer, run_id)
        older.initialize(project)
        until(lambda: row(older)["state"] == "busy", timeout=60, what="told")
        assert children(older, run_id) == set()
        assert children(newer, run_id) == workers
        assert newer.ask("wherein/search", {"query": "blend"})["results"]
        assert newer.close() == 0
        until(lambda: owns(older), timeout=90, what="the older one owns it")
        assert older.ask("wherein/search", {"query": "blend"})["results"]
        assert older.close() == 0
    assert_true(project)
