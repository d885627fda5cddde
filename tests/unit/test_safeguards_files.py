"""Small safeguards of paths, queries and transactions that only their removal shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from engine_samples import TWO, ask, found_paths, update
from wherein.db_worker import lexical
from wherein.db_worker.engine import Engine
from wherein.db_worker.failures import explained
from wherein.domain import FileUpdate, Mode, Signature, Skip
from wherein.errors import StorageError
from wherein.indexing.reader import read
from wherein.paths import private_dir


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    yield opened
    opened.close()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users are POSIX")
def test_a_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who made our directory first would read our index."""
    (tmp_path / "theirs").mkdir(mode=0o700)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(StorageError, match="belongs to another user"):
        private_dir(tmp_path / "theirs")


def test_no_path_leaves_the_folder_by_its_parent(tmp_path: Path) -> None:
    """A path with .. has no file below the folder, even where it leads back into it."""
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "b.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "outside.py").write_text("x = 1\n", encoding="utf-8")
    root = str(tmp_path / "root")
    for path in (b"a/../b.py", b"../outside.py", b"a/../../outside.py", b"../root/b.py"):
        assert isinstance(read(root, path), Skip)


def test_a_quote_in_a_token_stays_inside_the_token() -> None:
    """FTS5 reads a doubled quote as a quote; a single one would end the token."""
    assert lexical.quoted(['a" OR b:"', "c"]) == '"a"" OR b:""" OR "c"'


def test_files_that_are_written_together_are_written_together_or_not_at_all(
    engine: Engine,
) -> None:
    """SQLite has no integer for a size of 2^63, so the second file fails; the first goes too."""
    good, other = update("good.py", TWO), update("bad.py", TWO)
    bad = FileUpdate(
        other.path, Signature(2**63, 1, 1, 1), other.content_hash, "python", other.chunks,
        other.symbols, other.request_id,
    )  # fmt: skip
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever SQLite says
        engine.replace_files([good, bad])
    assert ask(engine, "alpha", mode=Mode.LEXICAL).hits == []
    assert engine.stats().files == 0
    assert engine.replace_file(good).changed
    assert found_paths(ask(engine, "alpha", mode=Mode.LEXICAL)) == ["good.py"]


def test_damage_that_shows_at_work_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    """SQLite found the damage in the middle of a question: the index is not trusted again."""
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    problem = explained(apsw.CorruptError("database disk image is malformed"), engine.database)
    assert isinstance(problem, StorageError)
    engine.close()
    again = Engine.open(tmp_path / "index", str(tmp_path))
    assert "put aside" in again.stats().recovered
    assert again.stats().files == 0
    again.close()


@pytest.mark.parametrize("filters", [{"paths": ("docs/**",)}, {"kinds": ("text",)}])
def test_a_definition_outside_the_filter_is_not_an_answer(
    engine: Engine, filters: dict[str, tuple[str, ...]]
) -> None:
    """Definitions of a name are looked up beside the words, and are filtered as those are."""
    engine.replace_file(update("src/retry.py", "def retry(): pass\n"))
    engine.replace_file(update("docs/guide.md", "how to retry\n"))
    assert found_paths(ask(engine, "retry"))[0] == "src/retry.py"
    assert found_paths(ask(engine, "retry", **filters)) == ["docs/guide.md"]
