"""A question is turned by how an index's vectors spread: what all chunks share says little."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from engine_samples import DIM, ask, embed_all, stored, vector_of, write
from wherein.db_worker import spread
from wherein.db_worker.codec import Floats
from wherein.db_worker.engine import Engine
from wherein.db_worker.scan import scan
from wherein.db_worker.spread import Spread
from wherein.db_worker.vectors import Matrix
from wherein.domain import Mode

LOUD, MEANT, OTHER = 100, 101, 102


def unit(*numbers: float) -> Floats:
    """A vector of 16 numbers that begins so."""
    vector = np.zeros(16, np.float32)
    vector[: len(numbers)] = numbers
    return vector / np.linalg.norm(vector)


def project(chunks: int) -> Matrix:
    """Vectors that lie far apart in the first direction and hardly in others, and two to be found.

    LOUD is near a question only in that direction, MEANT only in another one.
    """
    rows = np.random.default_rng(5).normal(0, 0.05, (chunks, 16)).astype(np.float32)
    rows[:, 0] = np.where(np.arange(chunks) % 2, 1.0, -1.0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    matrix = Matrix("m", 16)
    matrix.append(list(range(1_000, 1_000 + chunks)), [1] * chunks, ["text"] * chunks, stored(rows))
    matrix.append([LOUD, MEANT], [2, 2], ["text"] * 2, stored(np.stack([unit(1), unit(0.1, 1)])))
    return matrix


QUESTION = unit(0.8, 0.6)


def test_what_all_chunks_have_counts_less_than_what_few_have() -> None:
    snapshot = project(200).snapshot
    plain = scan(snapshot, QUESTION, 0.0).of([LOUD, MEANT])
    assert plain[LOUD] > plain[MEANT]
    turned = snapshot.spread.turned(snapshot, QUESTION)
    assert np.linalg.norm(turned) == pytest.approx(1, abs=1e-5)
    found = scan(snapshot, turned, 0.0).of([LOUD, MEANT])
    assert found[MEANT] > found[LOUD]


def test_a_few_chunks_have_no_spread() -> None:
    snapshot = project(spread.FEWEST - 3).snapshot
    assert snapshot.spread.turned(snapshot, QUESTION) is QUESTION


@pytest.mark.parametrize("rows", [np.zeros((100, 8)), np.tile(unit(1)[:8], (100, 1))])
def test_vectors_that_do_not_spread_turn_nothing(rows: Floats) -> None:
    found = spread.turn(rows.astype(np.float32))
    assert np.isfinite(found).all()
    assert found == pytest.approx(found[0, 0] * np.eye(8), rel=1e-4, abs=1e-4)


def test_removed_chunks_do_not_count() -> None:
    matrix = project(300)
    matrix.remove(1_000, 1_200)
    rest = spread.turn(spread._sample(matrix.snapshot))
    assert rest == pytest.approx(
        spread.turn(matrix.snapshot.tail.floats(slice(200, None))), abs=1e-3
    )


def test_it_is_measured_again_when_there_are_twice_as_many() -> None:
    matrix, one = project(100), Spread()
    with mock.patch.object(spread, "turn", wraps=spread.turn) as measured:
        one.turned(matrix.snapshot, QUESTION)
        one.turned(matrix.snapshot, QUESTION)
        assert measured.call_count == 1
        more = np.tile(unit(0, 0, 1), (150, 1))
        matrix.append(list(range(5_000, 5_150)), [3] * 150, ["text"] * 150, stored(more))
        one.turned(matrix.snapshot, QUESTION)
        assert measured.call_count == 2


def test_a_search_compares_with_the_turned_question(tmp_path: Path) -> None:
    with_animals = "def zoo(): lions tigers bears\n"
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    try:
        write(tmp_path, opened, "a.py", "def retry(): send again\n")
        write(tmp_path, opened, "b.py", with_animals)
        embed_all(opened)
        seen: list[Floats] = []

        def turned(_self: Spread, _snapshot: object, question: Floats) -> Floats:
            seen.append(question)
            return vector_of("lions tigers bears")

        assert ask(opened, "send again", model=True, mode=Mode.SEMANTIC).hits[0].path == b"a.py"
        with mock.patch.object(Spread, "turned", turned):
            hits = ask(opened, "send again", model=True, mode=Mode.SEMANTIC).hits
        assert hits[0].path == b"b.py"
        assert len(seen) == 1
        assert len(seen[0]) == DIM
    finally:
        opened.close()


def test_what_was_foreseen_is_not_measured_by_the_first_question(tmp_path: Path) -> None:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    try:
        write(tmp_path, opened, "a.py", "def retry(): send again\n")
        write(tmp_path, opened, "b.py", "def zoo(): lions tigers bears\n")
        embed_all(opened)
        with (
            mock.patch.object(spread, "FEWEST", 1),
            mock.patch.object(spread, "turn", wraps=spread.turn) as measured,
        ):
            reader = opened.reader()
            reader.foresee()
            reader.close()
            assert measured.call_count == 1
            assert ask(opened, "send again", model=True, mode=Mode.SEMANTIC).hits
            assert measured.call_count == 1
    finally:
        opened.close()
