"""Makes one table out of several that were trained from the same start with other seeds.

Their mean errs less than any of them. It is then turned, so that its first directions are those in
which questions and answers differ most, and the last directions are cut off: a wide table that is
cut finds more than one that was trained narrow. Nothing but training pairs is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training import encoded, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.encoded import Encoded

    Floats = NDArray[np.float32]

_SAMPLE = 20_000  # pairs whose vectors tell the directions


def mean(tables: Sequence[Floats]) -> Floats:
    """Return the mean of some tables, each at the same overall length."""
    scaled = [table / np.linalg.norm(table, axis=1).mean() for table in tables]
    return np.mean(scaled, axis=0, dtype=np.float32)


def narrow(table: Floats, data: Encoded, dimensions: int) -> Floats:
    """Turn a table and keep its main directions, by the vectors of a sample of pairs."""
    rnd = np.random.default_rng(0)
    chosen = rnd.permutation(len(data))[:_SAMPLE]
    spread = np.zeros((table.shape[1], table.shape[1]))
    for bags in (encoded.queries(data, chosen), encoded.answers(data, chosen)):
        found = measure.vectors(bags, table)
        spread += found.T @ found
    _, turns = np.linalg.eigh(spread)
    return (table @ turns[:, ::-1][:, :dimensions]).astype(np.float32)
