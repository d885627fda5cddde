"""Compares models on the tuning packages: `python -m training.compare WORK [MODEL…]`.

A model is a folder, or the name of one that `wherein model list` knows. Each is read as the product
reads it. The intervals are of 95 %, by a paired bootstrap over questions against the first model.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import pairs, steps
from training.measure import TOP
from wherein.domain import EmbedItem
from wherein.embedding import models
from wherein.embedding.fastembed_backend import load_embedder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.pairs import Pair

_DRAWS = 2000


def ranks(model: str, asked: list[Pair]) -> NDArray[np.float64]:
    """Return 1 / rank of each answer among the answers of its language, 0 below the tenth."""
    embedder = load_embedder(models.resolve(model))
    items = [EmbedItem(b"", pair.header, pair.code) for pair in asked]
    answers = embedder.embed_documents(items).vectors
    queries = np.stack([embedder.embed_query(pair.query) for pair in asked])
    languages = np.array([pair.language for pair in asked])
    found = np.zeros(len(asked))
    for language in np.unique(languages):
        own = np.flatnonzero(languages == language)
        likeness = queries[own] @ answers[own].T
        rank = (likeness > likeness.diagonal()[:, None]).sum(axis=1) + 1
        found[own] = np.where(rank <= TOP, 1.0 / rank, 0.0)
    return found


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bounds of the mean's 95 % interval."""
    rnd = np.random.default_rng(0)
    means = [values[rnd.integers(0, len(values), len(values))].mean() for _ in range(_DRAWS)]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def main() -> None:
    """Print a table, one line a language and one for all."""
    parser = argparse.ArgumentParser(prog="python -m training.compare", description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    asked = list(pairs.read(steps.tuning_pairs(arguments.work)))
    languages = np.array([pair.language for pair in asked])
    found = [ranks(model, asked) for model in arguments.models]
    names = [Path(model).name for model in arguments.models]
    print(f"| MRR@{TOP} | questions | {' | '.join(names)} |")
    print(f"|---|--:|{'--:|' * len(names)}")
    for language in np.unique(languages):
        own = languages == language
        cells = " | ".join(f"{one[own].mean():.3f}" for one in found)
        print(f"| {language} | {own.sum()} | {cells} |")
    cells = " | ".join(f"**{one.mean():.4f}**" for one in found)
    print(f"| all | {len(asked)} | {cells} |")
    told = [""]
    for one in found[1:]:
        low, high = interval(one - found[0])
        told.append(f"{(one - found[0]).mean():+.4f} [{low:+.4f}, {high:+.4f}]")
    print(f"| against {names[0]} | | {' | '.join(told)} |")


if __name__ == "__main__":
    main()
