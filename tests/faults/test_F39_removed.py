"""F39: the index's files are removed while it is in use, at moments that a person may choose."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import sources
from faults.local import LocalIndex
from faults.oracle import assert_equal, embed_foreseeably
from wherein.errors import IndexDamaged


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder."""
    return sources.make_tree(tmp_path / "root", 12)


@pytest.fixture
def index(tmp_path: Path, root: Path) -> Iterator[LocalIndex]:
    """Its index, complete."""
    made = LocalIndex(tmp_path / "index", root)
    made.settle(embed_foreseeably)
    yield made
    made.close()


def test_F39_a_reindex_of_an_index_that_was_removed_makes_one(
    index: LocalIndex, tmp_path: Path, root: Path
) -> None:
    """The person who cleared the cache asks for it: that is not an error."""
    shutil.rmtree(tmp_path / "index")
    index.indexer.reconcile(rebuild=True)
    index.settle(embed_foreseeably)
    assert index.state("read_only") == index.state("rebuilding") == ""
    assert_equal(tmp_path / "index", root, embed_foreseeably)


def test_F39_a_removal_is_not_taken_for_a_failing_disk(
    index: LocalIndex, tmp_path: Path, root: Path
) -> None:
    """However often it is removed, after damage that used up the rebuilds of an hour too."""
    for _ in range(2):
        index.index.trouble(index.index.live, IndexDamaged("a page"))
        index.settle(embed_foreseeably)
    for _ in range(3):
        shutil.rmtree(tmp_path / "index")
        index.search("upload retry part")  # finds out
        index.reconcile()
    index.settle(embed_foreseeably)
    assert index.state("failed") == index.state("read_only") == ""
    assert_equal(tmp_path / "index", root, embed_foreseeably)
