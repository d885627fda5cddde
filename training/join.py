"""Makes one table out of several that were trained from the same start with other seeds.

Their mean errs less than any of them. It is then turned and cut to fewer directions: first to those
in which questions and answers differ most, and from there by learning which mixture of them tells
right answers from wrong ones. A wide table that is cut finds more than one that was trained narrow.
Nothing but training pairs is looked at.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from training import encoded, fit, measure, model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.encoded import Encoded

    Floats = NDArray[np.float32]

_SAMPLE = 20_000  # pairs whose vectors tell the directions
_STEPS = 150
_RATE = 3e-4
_SCALE = 24.0  # where the temperature of a table ended (blocks of 128)


def mean(tables: Sequence[Floats]) -> Floats:
    """Return the mean of some tables, each at the same overall length."""
    scaled = [table / np.linalg.norm(table, axis=1).mean() for table in tables]
    return np.mean(scaled, axis=0, dtype=np.float32)


def directions(table: Floats, data: Encoded, dimensions: int) -> Floats:
    """Return the main directions of a table, as columns, by the vectors of a sample of pairs."""
    rnd = np.random.default_rng(0)
    chosen = rnd.permutation(len(data))[:_SAMPLE]
    spread = np.zeros((table.shape[1], table.shape[1]))
    for bags in (encoded.queries(data, chosen), encoded.answers(data, chosen)):
        found = measure.vectors(bags, table)
        spread += found.T @ found
    _, turns = np.linalg.eigh(spread)
    return np.ascontiguousarray(turns[:, ::-1][:, :dimensions], dtype=np.float32)


def narrow(  # noqa: PLR0917
    table: Floats,
    data: Encoded,
    dimensions: int,
    recipe: fit.Recipe,
    prefixes: list[list[int]],
    steps: int = _STEPS,
) -> Floats:
    """Turn a table and cut it to `dimensions`, so that what it found is still found.

    The cut (table's width x dimensions) takes `steps` steps of the training's own loss; the rows
    of the table do not change otherwise. `prefixes` as in `fit.fit`.
    """
    rnd = np.random.default_rng(recipe.seed)
    keys = data.answer_keys()
    cut = directions(table, data, dimensions)
    adam, every = model.Adam(cut.shape), np.arange(len(cut))
    planned = itertools.islice(fit.batches(data, recipe, rnd), steps)
    for number, chosen in enumerate(planned):
        bags = (
            fit.questions(data, chosen, recipe, prefixes, rnd),
            fit.answers(data, chosen, recipe, rnd),
        )
        wide = [measure.vectors(one, table) for one in bags]
        units = [model.unit(one @ cut) for one in wide]
        _, *gradients, _ = model.contrast(units[0][0], units[1][0], _SCALE, keys[chosen])
        gradient = sum(
            one.T @ model.through_unit(by, vectors, norms)
            for one, by, (vectors, norms) in zip(wide, gradients, units, strict=True)
        )
        pace = min(1.0, (number + 1) / 10) * (1 - number / steps)
        adam.ready(cut, every, _RATE * pace)
        adam.step(cut, every, np.asarray(gradient), _RATE * pace)
    return table @ cut
