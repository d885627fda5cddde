"""The arithmetic of training: bags of tokens to unit vectors, their loss, and its exact gradient.

A text's vector is the sum of its tokens' rows, each scaled by its token's weight and by how often
the token occurs, cut to unit length. No automatic differentiation is needed for that: the gradient
is four products of matrices, checked against finite differences by a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

_MIN_NORM = 1e-6
_NEVER = -1e4
_SMALL = 1e-8


@attrs.define
class Bags:
    """A batch of texts as sparse counts: text `row[i]` has token `token[i]` `count[i]` times."""

    rows: int
    row: Integers
    token: Integers
    count: Floats

    def matrix(self, column: Integers) -> sparse.csr_matrix:
        """Return the counts with token t in column `column[t]`."""
        starts = np.searchsorted(self.row, np.arange(self.rows + 1))
        shape = (self.rows, int(column.max()) + 1)
        return sparse.csr_matrix((self.count, column[self.token], starts), shape=shape)


@attrs.define
class Table:
    """What is learnt: a row and the logarithm of a weight for each token, and a temperature."""

    rows: Floats
    weights: Floats
    scale: float

    def folded(self) -> Floats:
        """Return the rows times their weights, as they are used."""
        return self.rows * np.exp(self.weights)[:, None]


def unit(sums: Floats) -> tuple[Floats, Floats]:
    """Scale rows to unit length; also return the lengths."""
    norms = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), _MIN_NORM)
    return sums / norms, norms


def contrast(
    left: Floats, right: Floats, scale: float, keys: Integers | None = None
) -> tuple[float, Floats, Floats, float]:
    """Symmetric InfoNCE of unit vectors, row i of one belonging to row i of the other.

    Rows with the same key are no wrong answers for each other. Returns the loss and its gradients
    by `left`, `right` and the logarithm of `scale`.
    """
    cosines = left @ right.T
    scaled = cosines * scale
    if keys is not None:
        same = keys[:, None] == keys
        np.fill_diagonal(same, val=False)
        scaled[same] = _NEVER
    forwards = _softmax(scaled)
    backwards = _softmax(np.ascontiguousarray(scaled.T))
    count = len(left)
    diagonal = np.arange(count)
    loss = -(
        np.log(forwards[diagonal, diagonal] + 1e-20) + np.log(backwards[diagonal, diagonal] + 1e-20)
    ).mean()
    pull = forwards
    pull += backwards.T
    pull[diagonal, diagonal] -= 2.0
    pull *= 0.5 / count
    by_scale = float((pull * cosines).sum()) * scale
    pull *= scale
    return float(loss / 2), pull @ right, pull.T @ left, by_scale


def imitate(own: Floats, teacher: Floats, scale: float) -> tuple[float, Floats]:
    """Make the likenesses of texts among each other those that a teacher sees (unit vectors).

    Returns the cross entropy of each text's likeness to the others, and its gradient by `own`.
    """
    count = len(own)
    diagonal = np.arange(count)
    wanted = teacher @ teacher.T * scale
    seen = own @ own.T * scale
    wanted[diagonal, diagonal] = seen[diagonal, diagonal] = _NEVER
    target, guess = _softmax(wanted), _softmax(seen)
    loss = -(target * np.log(guess + 1e-20)).sum() / count
    pull = (guess - target) * (scale / count)
    return float(loss), (pull + pull.T) @ own


def through_unit(gradient: Floats, units: Floats, norms: Floats) -> Floats:
    """Carry a gradient by unit vectors back to the sums they were made of."""
    return (gradient - (gradient * units).sum(axis=1, keepdims=True) * units) / norms


def _softmax(values: Floats) -> Floats:
    values = values - values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)
    return values


class Adam:
    """Adam for a table of which a step touches few rows.

    A row that is not touched would still drift by its momentum at every step; that is made up for
    in one go when it is next touched (`ready`). Without it rare tokens learn ten times too slowly.
    """

    def __init__(self, shape: tuple[int, ...], betas: tuple[float, float] = (0.9, 0.99)) -> None:
        self._first = np.zeros(shape, dtype=np.float32)
        self._second = np.zeros(shape, dtype=np.float32)
        self._touched = np.zeros(shape[0], dtype=np.int64)
        self._betas = betas
        self._steps = 0

    def ready(self, values: Floats, at: Integers, rate: float) -> None:
        """Bring `values[at]`, in place, to where they drifted since they were touched."""
        slow, fast = self._betas
        missed = self._steps - self._touched[at]
        ratio = slow / fast**0.5
        drift = (ratio * (1 - ratio**missed) / (1 - ratio) * rate).astype(np.float32)
        many = (len(at),) + (1,) * (values.ndim - 1)
        roots = np.sqrt(self._second[at]) + _SMALL
        values[at] -= drift.reshape(many) * self._first[at] / roots
        self._first[at] *= (slow**missed).astype(np.float32).reshape(many)
        self._second[at] *= (fast**missed).astype(np.float32).reshape(many)
        self._touched[at] = self._steps

    def step(self, values: Floats, at: Integers, gradient: Floats, rate: float) -> None:
        """Change `values[at]` in place, downhill; `ready` must have been called for them."""
        self._steps += 1
        slow, fast = self._betas
        first = self._first[at] * slow + gradient * (1 - slow)
        second = self._second[at] * fast + gradient * gradient * (1 - fast)
        self._first[at], self._second[at] = first, second
        self._touched[at] = self._steps
        rate *= (1 - fast**self._steps) ** 0.5 / (1 - slow**self._steps)
        values[at] -= rate * first / (np.sqrt(second) + _SMALL)
