"""How well a table finds the answers of pairs: mean reciprocal rank within each language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training import encoded, model, written

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.encoded import Encoded
    from training.model import Bags

    Floats = NDArray[np.float32]

TOP = 10


def vectors(bags: Bags, folded: Floats) -> Floats:
    """Return the unit vectors of some bags."""
    matrix = bags.matrix(np.arange(len(folded)))
    return model.unit(matrix @ folded[: matrix.shape[1]])[0]


def reciprocal_ranks(data: Encoded, folded: Floats, blind: bool = False) -> NDArray[np.float64]:
    """Return 1 / rank of each pair's answer among the answers of its language, 0 below the tenth.

    `blind`: queries without the words that their answer has; nan where fewer than two are left.
    """
    result = np.full(len(data), np.nan)
    for language in np.unique(data.language):
        chosen = np.flatnonzero(data.language == language)
        asked = encoded.queries(data, chosen)
        given = encoded.answers(data, chosen)
        valid = np.ones(len(chosen), dtype=bool)
        if blind:
            both = np.isin(asked.row << 20 | asked.token, given.row << 20 | given.token)
            valid = np.bincount(asked.row[~both], minlength=len(chosen)) >= 2
            asked.row, asked.token = asked.row[~both], asked.token[~both]
            asked.count = asked.count[~both]
        likeness = vectors(asked, folded) @ vectors(given, folded).T
        ranks = (likeness > likeness.diagonal()[:, None]).sum(axis=1) + 1
        found = np.where(ranks <= TOP, 1.0 / ranks, 0.0)
        result[chosen] = np.where(valid, found, np.nan)
    return result


def by_language(data: Encoded, ranks: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean of each language."""
    return {
        name: float(np.nanmean(ranks[data.language == number]))
        for number, name in enumerate(data.names["language"])
        if (data.language == number).any()
    }


def summary(data: Encoded, folded: Floats) -> str:
    """Tell the mean over languages, as asked and blind."""
    told = [mean(by_language(data, reciprocal_ranks(data, folded, b))) for b in (False, True)]
    return f"MRR {told[0]:.4f}, blind {told[1]:.4f}"


def mean(languages: dict[str, float]) -> float:
    """Return the mean over languages, each counting alike."""
    return float(np.mean(list(languages.values())))


def in_other_words(data: Encoded, folded: Floats) -> dict[str, float]:
    """Return the mean of each language over the questions that use other words than the code."""
    ranks = reciprocal_ranks(data, folded)
    chosen = np.flatnonzero(data.is_kind(written.ASKED))
    return by_language(data.subset(chosen), ranks[chosen])
