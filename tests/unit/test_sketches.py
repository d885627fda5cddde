"""Sketches of vectors: two bits a number, three of the question's, and a product by counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_samples import stored
from wherein.db_worker import sketches
from wherein.db_worker.codec import Floats
from wherein.db_worker.sketches import SketchedQuestion, sketch


def drawn(rows: int, dim: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)


def levels(values: np.ndarray) -> np.ndarray:
    """What a sketch stands for, number by number: -3, -1, 1 or 3."""
    sizes = np.abs(values.astype(int))
    large = 5 * values.shape[1] * sizes > 6 * sizes.sum(axis=1, keepdims=True)
    return np.where(values >= 0, 1, -1) * np.where(large, 3, 1)


@given(st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_nearness_is_the_product_of_the_levels(dim: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-127, 128, (40, dim), dtype=np.int8)
    question = drawn(1, dim, seed + 1)[0]
    bits, excess = sketch(values)
    near = SketchedQuestion(question).nearness(bits, excess)
    asked = 2 * sketches._rounded(question) - 7
    products = levels(values) @ asked
    # Comparable among themselves: all are moved by the same number, and halved.
    assert (2 * (near - near[0]) == products - products[0]).all()
    assert near.min() >= 0


def test_a_part_at_a_time_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    bits, excess = sketch(stored(drawn(1_000, 100, 1))[:, 4:])
    question = SketchedQuestion(drawn(1, 100, 2)[0])
    whole = question.nearness(bits, excess)
    monkeypatch.setattr(sketches, "_TOGETHER", 64)
    assert (question.nearness(bits, excess) == whole).all()


def test_what_is_near_seems_near() -> None:
    rows = drawn(5_000, 256, 3)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    question = rows[7]
    near = SketchedQuestion(question).nearness(*sketch(stored(rows)[:, 4:]))
    assert int(np.argmax(near)) == 7
    assert np.corrcoef(near, rows @ question)[0, 1] > 0.85


@pytest.mark.parametrize("dim", [1, 64, 65, 4_096])
def test_a_vector_of_any_length_and_of_nothing(dim: int) -> None:
    """Long vectors are counted in wider numbers, and what is all one level overflows nowhere."""
    values = np.stack([np.full(dim, 127, np.int8), np.full(dim, -127, np.int8)])
    bits, excess = sketch(values)
    near = SketchedQuestion(np.full(dim, 0.5, np.float32)).nearness(bits, excess)
    assert near[0] - near[1] == 7 * dim  # products of 7 x dim and -7 x dim, halved
    assert SketchedQuestion(np.zeros(dim, np.float32)).nearness(bits, excess).shape == (2,)
