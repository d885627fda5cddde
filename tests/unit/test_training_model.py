"""The arithmetic of training: the gradients are the slopes of the losses, and steps go downhill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the training extra is not installed")

from training import model
from training.model import Adam, Bags

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RND = np.random.default_rng(3)


def units(rows: int, dimensions: int) -> NDArray[np.float64]:
    values = RND.normal(size=(rows, dimensions))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def slope(
    function: Callable[[NDArray[np.float64]], float], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The gradient by finite differences."""
    found = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[index] = 1e-5
        found[index] = (function(at + step) - function(at - step)) / 2e-5
    return found


def test_the_gradient_of_the_contrast_is_its_slope() -> None:
    left, right = units(5, 4), units(5, 4)
    _, by_left, by_right, by_scale = model.contrast(left, right, 7.0)
    assert by_left == pytest.approx(
        slope(lambda x: model.contrast(x, right, 7.0)[0], left), abs=1e-6
    )
    assert by_right == pytest.approx(
        slope(lambda x: model.contrast(left, x, 7.0)[0], right), abs=1e-6
    )
    wanted = slope(lambda x: model.contrast(left, right, float(np.exp(x[0])))[0], np.log([7.0]))
    assert by_scale == pytest.approx(wanted[0], abs=1e-6)


def test_rows_about_one_answer_are_not_wrong_answers_for_each_other() -> None:
    left, right = units(4, 3), units(4, 3)
    keys = np.array([1, 2, 1, 3])
    _, by_left, _, _ = model.contrast(left, right, 7.0, keys)
    assert by_left == pytest.approx(
        slope(lambda x: model.contrast(x, right, 7.0, keys)[0], left), abs=1e-6
    )
    moved = right.copy()
    moved[2] = left[0]  # the answer of a row with the same key comes near: no harm to row 0
    alone = model.contrast(left[[0, 1, 3]], right[[0, 1, 3]], 7.0)[0]
    assert model.contrast(left, moved, 7.0, np.array([1, 2, 1, 3]))[1][0] == pytest.approx(
        model.contrast(left, right, 7.0, keys)[1][0]
    )
    assert alone > 0


def test_the_gradient_of_the_imitation_is_its_slope() -> None:
    own, teacher = units(6, 4), units(6, 9)
    _, gradient = model.imitate(own, teacher, 5.0)
    assert gradient == pytest.approx(
        slope(lambda x: model.imitate(x, teacher, 5.0)[0], own), abs=1e-6
    )


def test_a_gradient_passes_through_the_scaling_to_unit_length() -> None:
    sums, pull = RND.normal(size=(3, 4)), RND.normal(size=(3, 4))
    vectors, norms = model.unit(sums)
    assert model.through_unit(pull, vectors, norms) == pytest.approx(
        slope(lambda x: float((model.unit(x)[0] * pull).sum()), sums), abs=1e-6
    )


def test_bags_become_a_matrix_of_counts() -> None:
    bags = Bags(3, np.array([0, 0, 2]), np.array([5, 7, 5]), np.array([1.0, 2.0, 3.0], np.float32))
    column = np.zeros(8, np.int64)
    column[[5, 7]] = [0, 1]
    assert bags.matrix(column).toarray().tolist() == [[1, 2], [0, 0], [3, 0]]


def test_a_row_that_rests_drifts_as_in_a_dense_adam() -> None:
    rest = np.array([[1.0], [0.0], [0.0], [0.0], [0.5]], np.float32)
    dense, lazy = np.zeros((2, 1), np.float32), np.zeros((2, 1), np.float32)
    every, some = Adam(dense.shape), Adam(lazy.shape)
    for gradient in rest:
        pull = np.array([gradient, [1.0]], np.float32)
        every.step(dense, np.array([0, 1]), pull, 0.01)
        at = np.array([0, 1]) if gradient else np.array([1])
        some.ready(lazy, at, 0.01)
        some.step(lazy, at, pull[at], 0.01)
    assert lazy[1, 0] == pytest.approx(dense[1, 0])
    assert lazy[0, 0] == pytest.approx(dense[0, 0], rel=0.35)  # but for the correction of bias
    alone = np.zeros((2, 1), np.float32)
    without = Adam(alone.shape)
    for gradient in rest:
        if gradient:
            without.step(alone, np.array([0]), gradient[None], 0.01)
    assert abs(alone[0, 0]) < 0.8 * abs(lazy[0, 0])


def test_adam_goes_downhill_and_touches_only_the_rows_it_is_told() -> None:
    values = np.full((3, 2), 5.0, np.float32)
    adam = Adam(values.shape)
    for _ in range(200):
        adam.step(values, np.array([1]), 2 * values[[1]], 0.1)
    assert np.abs(values[1]).max() < 0.1
    assert values[[0, 2]].tolist() == [[5.0, 5.0], [5.0, 5.0]]
