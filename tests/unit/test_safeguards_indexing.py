"""An index keeps up with its folder whatever goes wrong: a file that fails, a write, the folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wherein.db_worker.engine import Engine
from wherein.domain import Skip
from wherein.errors import WorkerUnavailable
from wherein.paths import IndexPaths
from wherein.settings import Settings
from wherein.workers import folder_indexer
from wherein.workers.folder_indexer import FolderIndexer


class Direct:
    """The operations of a database, answered by an engine in this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._engine, name)

        def ask(*params: Any) -> Any:
            answer = work(*params)
            return SimpleNamespace(result=lambda: answer)

        return ask

    def list_files(self) -> Any:
        reader = self._engine.reader()
        found = reader.list_files()
        reader.close()
        return SimpleNamespace(result=lambda: found)

    def close(self) -> None:
        self._engine.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def indexer(tmp_path: Path, root: Path) -> Iterator[FolderIndexer]:
    """An indexer that writes to an engine in this process."""
    paths = IndexPaths(str(root), "0" * 16, str(tmp_path / "index"))
    made = FolderIndexer(paths, Settings(), lambda *_: None, lambda: False)
    made.close()
    made._database = Direct(Engine.open(tmp_path / "index", str(root)))  # type: ignore[assignment]
    yield made
    made.close()


def reasons(indexer: FolderIndexer) -> dict[bytes, Skip | None]:
    """What the index says of each file."""
    return {f.path: f.skip for f in indexer._database.list_files().result().files}


def test_a_file_that_changed_a_moment_ago_is_not_trusted(
    indexer: FolderIndexer, root: Path
) -> None:
    """An edit in the same tick of the clock leaves no trace, so the next look reads it again."""
    path = root / "a.py"
    path.write_text("x = 1\n", encoding="utf-8")
    later = time.time_ns() + 3600 * 10**9  # as fresh as can be, however slow this machine is
    os.utime(path, ns=(later, later))
    (root / "old.py").write_text("y = 1\n", encoding="utf-8")
    long_ago = 10**18 + 1
    os.utime(root / "old.py", ns=(long_ago, long_ago))
    indexer.reconcile()
    known = {f.path: f.signature for f in indexer._database.list_files().result().files}
    assert known[b"a.py"].inode == 0
    assert set(known) == {b"a.py", b"old.py"}


def test_one_file_that_cannot_be_parsed_stops_nothing(
    indexer: FolderIndexer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are indexed, and the bad one has its reason."""
    for name in ("a.py", "bad.py", "c.py"):
        (root / name).write_text("x = 1\n", encoding="utf-8")
    real = folder_indexer.parse

    def parse(source: Any) -> Any:
        if source.path == b"bad.py":
            raise RuntimeError("a grammar gone mad")
        return real(source)

    monkeypatch.setattr(folder_indexer, "parse", parse)
    indexer.reconcile()
    assert reasons(indexer) == {b"a.py": None, b"bad.py": Skip.FAILED, b"c.py": None}


def test_a_secret_that_an_event_names_is_kept_out(indexer: FolderIndexer, root: Path) -> None:
    """Also when a hint, and not a walk, brings the file."""
    for name in (".env", ".env.local", "server.key", "id_ed25519"):
        (root / name).write_text("PASSWORD=1\n", encoding="utf-8")
        indexer.update([name.encode()])
    assert set(reasons(indexer).values()) == {Skip.SECRET}
    assert len(reasons(indexer)) == 4


def test_a_write_that_failed_is_made_good(indexer: FolderIndexer, root: Path) -> None:
    """The database refused once: the next reconcile does not believe that the file is there."""
    (root / "a.py").write_text("x = 1\n", encoding="utf-8")
    real = indexer._database.replace_file

    def refuse(_update: Any) -> Any:
        def result() -> None:
            raise WorkerUnavailable("not now")

        return SimpleNamespace(result=result)

    indexer._database.replace_file = refuse  # type: ignore[method-assign]
    with pytest.raises(WorkerUnavailable):
        indexer.reconcile()
    indexer._database.replace_file = real  # type: ignore[method-assign]
    indexer.reconcile()
    assert reasons(indexer) == {b"a.py": None}


def test_a_folder_that_is_gone_keeps_its_files(indexer: FolderIndexer, root: Path) -> None:
    """An unmounted disk is not a mass deletion, whether a walk or a hint finds out."""
    (root / "a.py").write_text("x = 1\n", encoding="utf-8")
    indexer.reconcile()
    root.rename(root.with_name("elsewhere"))
    indexer.update([b"a.py"])
    indexer.reconcile()
    assert indexer.root_missing
    assert reasons(indexer) == {b"a.py": None}
