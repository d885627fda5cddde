"""A checkout of another branch in a folder of 20,000 files, and back: how soon all is right."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from common import Row, quantile, settle, status

from faults import sources
from support.rpc import Client, serving
from wherein.paths import index_paths

FILES = int(os.environ.get("FILES", "20000"))
GONE = 25  # directories that the other branch has not, of a dozen files each
FRESH = 40  # and those that it has besides


def branches(home: Path) -> tuple[Path, Path]:
    """Write a folder, and beside it another branch of it: all texts differ, and some files."""
    here = sources.make_tree(home / "here", FILES)
    other = sources.make_tree(home / "other", FILES, seed=2)
    for number in range(GONE):
        shutil.rmtree(other / f"pkg{number}")
    sources.make_tree(other / "fresh", FRESH * 12, seed=3)
    return here, other


def check_out(branch: Path, here: Path) -> None:
    """Make the folder what the branch is, the way git does: remove, then write."""
    wanted = {path.name for path in branch.iterdir()}
    for path in here.iterdir():
        if path.name not in wanted:
            shutil.rmtree(path)
    subprocess.run(["cp", "-a", f"{branch}/.", str(here)], check=True)


def converge(client: Client, files: int, asked: list[float]) -> tuple[float, float]:
    """Seconds until the files are the right ones, and until words are; notes each status."""
    began = time.monotonic()
    known = 0.0
    request = client.start("wherein/sync")
    while not client.replied(request):
        asking = time.monotonic()
        row = status(client)
        asked.append(time.monotonic() - asking)
        if not known and row["files"] + sum(row["skipped"].values()) == files:
            known = time.monotonic() - began
        time.sleep(0.05)
    client.reply(request)
    words = time.monotonic() - began
    return known or words, words


def made(here: Path) -> int:
    """Count the vectors that were ever stored: their ids only grow."""
    import apsw

    (database,) = Path(index_paths(str(here)).directory).glob("gen-*/index.db")
    conn = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    ((largest,),) = conn.execute("SELECT max(id) FROM vectors")
    conn.close()
    assert isinstance(largest, int)
    return largest


def measure(home: Path) -> list[Row]:
    """Check out and back."""
    here, other = branches(home)
    back = home / "back"
    shutil.copytree(here, back)
    asked: list[float] = []
    with serving() as client:
        client.initialize(here)
        before = settle(client, 1800)
        check_out(other, here)
        known, words = converge(client, FILES + 12 * (FRESH - GONE), asked)
        settle(client, 1800)
        vectors = made(here)
        check_out(back, here)
        known_back, words_back = converge(client, FILES, asked)
        after = settle(client, 1800)
        embedded = made(here) - vectors
        client.close()
    same = after["chunks"] == before["chunks"]
    assert same, f"{after['chunks']} chunks, not {before['chunks']}"
    note = f"back {known_back:.1f} s"
    return [
        Row(f"checkout of {FILES:,} files, until the set of files is right", known, 10, "s", note),
        Row("until words are right", words, 60, "s", f"back {words_back:.1f} s"),
        Row("chunks embedded on the way back (A→B→A)", embedded, 0, ""),
        Row("`wherein/status` meanwhile, p99", quantile(asked, 0.99), 0.1, "s",
            f"{len(asked)} asked"),
    ]  # fmt: skip
