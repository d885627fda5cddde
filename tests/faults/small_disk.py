"""Run in a mount namespace: an index on a disk that fills up, or that becomes read-only.

Arguments: what to do, an empty directory to mount on, the folder. Fails by an AssertionError.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faults.local import LocalIndex
from faults.oracle import assert_equal, assert_true, embed_foreseeably, settle
from support.rpc import Client, serving
from support.waiting import until
from wherein.db_worker import index as index_module
from wherein.errors import IndexUnwritable
from wherein.ownership.lock import read_owner
from wherein.paths import index_paths


def mount(place: Path, options: str) -> None:
    """Mount a disk in memory, or change the one that is there."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=True)


def fill_up(place: Path, root: Path) -> None:
    """The disk is full while files are written: told, still answering, healed by room."""
    for kilobytes in (200, 420, 700, 1_000, 1_400):
        mount(place, f"size={kilobytes}k")
        made = LocalIndex(place / "index", root)
        with pytest.raises(IndexUnwritable, match=r"no space left|gave an error") as failed:
            made.settle(embed_foreseeably)
        assert str(failed.value) == made.state("read_only")
        assert made.search("upload retry part") is not None  # what is there answers
        mount(place, "remount,size=200m")
        made.reconcile(tries=1)  # none of the many writes that failed is in the way
        made.settle(embed_foreseeably)
        assert made.state("read_only") == ""
        assert made.state("rebuilding") == ""
        made.close()
        assert_equal(place / "index", root, embed_foreseeably)
        subprocess.run(["umount", str(place)], check=True)


def no_room_at_all(place: Path, root: Path) -> None:
    """There is not even room for the tables: said, nothing left behind, healed by room."""
    mount(place, "size=16k")
    (place / "ballast").write_bytes(b"x" * 12_000)
    told: list[tuple[str, str]] = []
    with pytest.raises(IndexUnwritable, match=r"cannot be|can be made"):
        index_module.Index(place / "index", str(root), lambda *words: told.append(words))
    assert any(state == "read_only" and sentence for state, sentence in told), told
    mount(place, "remount,size=200m")
    made = LocalIndex(place / "index", root)
    made.settle(embed_foreseeably)
    made.close()
    assert_equal(place / "index", root, embed_foreseeably)


def read_only(place: Path, root: Path) -> None:
    """The disk is read-only: what is there answers, it is told, and it heals."""
    index_module.PROBE_S = 0.0  # type: ignore[misc] # no waiting here
    mount(place, "size=200m")
    made = LocalIndex(place / "index", root)
    made.settle(embed_foreseeably)
    new = root / "new.py"
    new.write_text("def kestrel():\n    return 1\n", encoding="utf-8")
    made.close()  # the kernel makes no disk read-only under an open file
    mount(place, "remount,ro")
    made = LocalIndex(place / "index", root)
    assert "read-only" in made.state("read_only"), made.told
    with pytest.raises(IndexUnwritable, match="read-only"):
        made.reconcile(tries=2)
    answer = made.search("upload retry part", model=True)
    assert answer is not None
    assert answer.hits
    mount(place, "remount,rw")
    made.settle(embed_foreseeably)
    assert made.state("read_only") == ""
    found = made.search("kestrel")
    assert found is not None
    assert found.hits
    made.close()
    assert_equal(place / "index", root, embed_foreseeably)


def fill(place: Path) -> Path:
    """Leave not one free page on a disk; returns the file to remove."""
    ballast = place / "ballast"
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4_096)
    return ballast


def server_starts_full(place: Path, root: Path) -> None:
    """`place` is the home of a server that can write nothing at first: told, and healed by room."""
    mount(place, "size=64m")
    with serving() as client:
        client.initialize(root)
        settle(client, 120.0)
        client.close()
    ballast = fill(place)
    with serving() as client:
        client.initialize(root)

        def told() -> bool:
            (row,) = client.ask("wherein/status")["folders"]
            return "no space left" in row["sentence"].lower()

        until(told, 30.0, "told")
        ballast.unlink()
        until(lambda: not told(), 30.0, "healed")
        settle(client, 60.0)
        client.close()
    assert_true(root)


def worker_starts_full(place: Path, root: Path) -> None:
    """A worker that is started while nothing can be written is well, and is told of later."""
    mount(place, "size=64m")
    with serving() as client:
        client.initialize(root)
        settle(client, 120.0)
        paths = index_paths(str(root))
        ballast = fill(place)
        told = read_owner(paths)
        os.kill(worker(client)["pid"], signal.SIGKILL)

        def serves_again() -> bool:
            fill(place)  # the dead one's note, and the index's log, give back a page each
            row = worker(client)
            return row["restarts"] == 1 and row["state"] == "ready"

        until(serves_again, 30.0, "a new worker")
        assert read_owner(paths) == told
        assert client.ask("wherein/search", {"query": "upload retry"})["results"]
        ballast.unlink()
        settle(client, 60.0)
        pid = worker(client)["pid"]

        def caught_up() -> bool:
            owner = read_owner(paths)
            return owner is not None and owner.workers["vectorization"][0] == pid

        until(caught_up, 30.0, "the new worker in owner.json")
        assert worker(client)["restarts"] == 1
        client.close()
    assert_true(root)


def command_line(place: Path, root: Path) -> None:
    """The command line answers from what is there, and says in sentences what is wrong."""
    mount(place, "size=200m")
    assert _run("index", str(root)).returncode == 0
    (root / "later.py").write_text("def zugzwang():\n    return 1\n", encoding="utf-8")
    mount(place, "remount,ro")
    for arguments in ((), ("--mode", "lexical")):
        done = _run("search", "upload retry part", "--dir", str(root), "--json", *arguments)
        assert done.returncode == 0, done.stderr
        assert "read-only" in done.stderr
        assert done.stdout
    for kilobytes in (64, 300, 1_000):
        subprocess.run(["umount", str(place)], check=True)
        mount(place, f"size={kilobytes}k")
        for command in (("index", str(root)), ("search", "upload", "--dir", str(root))):
            done = _run(*command)
            assert "Traceback" not in done.stderr
            assert done.stderr.strip()


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "wherein", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def worker(client: Client) -> Any:
    """The embedding worker, as the server describes it."""
    rows = client.ask("wherein/workers")["workers"]
    return next(row for row in rows if row["type"] == "vectorization")


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
