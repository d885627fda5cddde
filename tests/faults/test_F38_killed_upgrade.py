"""F38: an index of an older version is opened, and the process is killed in the midst of that."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import apsw
import pytest

from faults import sources
from faults.local import LocalIndex
from faults.oracle import assert_equal, embed_foreseeably, live_database
from support.namespaces import needs_strace, run_traced

BRING = (sys.executable, "-m", "faults.index_folder")


@needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "rename", "fdatasync", "fsync"])
def test_F38_a_kill_while_an_old_index_is_replaced_leaves_no_half_of_one(
    tmp_path: Path, call: str
) -> None:
    """At the first writes of the next generation, and where `CURRENT` moves to it."""
    root = sources.make_tree(tmp_path / "root", 6)
    old = tmp_path / "old"
    made = LocalIndex(old, root)
    made.settle(embed_foreseeably)
    made.close()
    conn = apsw.Connection(str(live_database(old)))
    conn.execute("PRAGMA user_version = 1")
    conn.close()
    fired = 0
    for at in (1, 2, 9):
        index = tmp_path / str(at) / "index"
        shutil.copytree(old, index)
        database = index / "gen-2" / "index.db"
        touched = [database, Path(f"{database}-wal"), index, index / "CURRENT.new"]
        _, count = run_traced(f"{call}:signal=KILL:when={at}", touched, *BRING, index, root)
        fired += count
        made = LocalIndex(index, root)
        made.settle(embed_foreseeably)
        made.close()
        assert_equal(index, root, embed_foreseeably)
        assert len(list(index.glob("gen-*"))) == 1
    assert fired, "nothing was killed"
