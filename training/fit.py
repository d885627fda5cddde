"""Trains the table: questions near their answers, far from the other answers of the batch.

One process, one thread. Batches are made of blocks of pairs from one package, so that many of the
wrong answers are near misses. Everything random comes from one seed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs
import numpy as np

from training import encoded, measure, model
from training.model import Adam, Bags, Table
from wherein.embedding import pooling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from training.encoded import Encoded

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]


_LAST_PACE = 0.03  # of the rate, at the end


@attrs.frozen
class Recipe:
    """Every number of a training run; what each was chosen over is in MODEL_CARD.md."""

    seed: int = 0
    epochs: float = 2.0
    batch: int = 2048
    block: int = 1024
    rate: float = 5e-3
    weight_rate: float = 1e-2
    scale: float = 20.0
    dropout: float = 0.15
    blind: float = 0.0  # share of queries that lose the words that their answer has too
    short: float = 0.1  # share of answers that are only a header and a first line
    rest: float = 0.3  # share of answers that come with the rest of their documentation
    templates: float = 0.1  # share of queries that are put as a question
    teacher: float = 0.0  # weight of imitating the teacher's likenesses of sentences
    teacher_batch: int = 512
    teacher_scale: float = 16.0
    smoothing: float = 1e-3  # of the start weights: log(s / (s + frequency))
    enough: float = 30_000.0  # pairs of a language; of fewer, each is seen up to three times
    kinds: dict[str, float] = attrs.field(factory=dict)  # kind -> share of its pairs, 1 if missing


@attrs.define
class Teacher:
    """Sentences as token ids, and the unit vectors that another model gives them."""

    tokens: Encoded
    vectors: Floats


def start_table(data: Encoded, rows: Floats, recipe: Recipe) -> Table:
    """Begin with given rows, and weights that are lower the more frequent a token is."""
    counts = np.ones(len(rows))
    for part in ("query", "place", "own_name", "code"):
        counts += np.bincount(data.ids[part], minlength=len(rows))
    share = counts / counts.sum()
    weights = np.log(recipe.smoothing / (recipe.smoothing + share)).astype(np.float32)
    return Table(np.ascontiguousarray(rows, dtype=np.float32).copy(), weights, recipe.scale)


def fit(  # noqa: PLR0917
    data: Encoded,
    table: Table,
    recipe: Recipe,
    prefixes: list[list[int]],
    teacher: Teacher | None,
    say: Callable[[str], None],
    tuning: Encoded | None = None,
) -> Table:
    """Train a table in place and return it; `prefixes` are token ids of openings of questions."""
    rnd = np.random.default_rng(recipe.seed)
    keys = data.answer_keys()
    adam = Adam(table.rows.shape), Adam(table.weights.shape), Adam((1,))
    log_scale = np.array([np.log(recipe.scale)], dtype=np.float32)
    planned = list(batches(data, recipe, rnd))
    began = time.process_time()
    recent: list[float] = []
    for number, chosen in enumerate(planned):
        bags = questions(data, chosen, recipe, prefixes, rnd), answers(data, chosen, recipe, rnd)
        left, right = _blind(*bags, recipe.blind, rnd), bags[1]
        extra = None
        if teacher is not None and recipe.teacher:
            pick = rnd.integers(0, len(teacher.vectors), recipe.teacher_batch)
            extra = encoded.queries(teacher.tokens, pick), teacher.vectors[pick]
        pace = min(1.0, (number + 1) / 50) * max(_LAST_PACE, 1 - number / len(planned))
        loss = _step(table, adam, (left, right), keys[chosen], extra, log_scale, recipe, pace)
        recent.append(loss)
        if number % 200 == 199 or number + 1 == len(planned):
            spent = time.process_time() - began
            told = f"step {number + 1} of {len(planned)}, loss {np.mean(recent):.4f}, {spent:.0f} s"
            if tuning is not None and (number % 1000 == 999 or number + 1 == len(planned)):
                told += f", tuning {measure.summary(tuning, table.folded())}"
            say(told)
            recent.clear()
    everything = np.arange(len(table.rows))
    adam[0].ready(table.rows, everything, recipe.rate * _LAST_PACE)
    adam[1].ready(table.weights, everything, recipe.weight_rate * _LAST_PACE)
    return table


def _step(  # noqa: PLR0917
    table: Table,
    adam: tuple[Adam, Adam, Adam],
    bags: tuple[Bags, Bags],
    keys: Integers,
    extra: tuple[Bags, Floats] | None,
    log_scale: Floats,
    recipe: Recipe,
    pace: float,
) -> float:
    """Take one step; returns the loss of the contrast."""
    all_bags = [*bags, extra[0]] if extra else list(bags)
    used = np.unique(np.concatenate([one.token for one in all_bags]))
    column = np.zeros(len(table.rows), dtype=np.int64)
    column[used] = np.arange(len(used))
    adam[0].ready(table.rows, used, recipe.rate * pace)
    adam[1].ready(table.weights, used, recipe.weight_rate * pace)
    strength = np.exp(table.weights[used])[:, None]
    rows = table.rows[used]
    local = rows * strength
    scale = float(np.exp(log_scale[0]))
    counts = [one.matrix(column) for one in all_bags]
    sums = [matrix @ local[: matrix.shape[1]] for matrix in counts]
    units = [model.unit(one) for one in sums]
    loss, *by_units, by_scale = model.contrast(units[0][0], units[1][0], scale, keys)
    if extra:
        _, by_extra = model.imitate(units[2][0], extra[1], recipe.teacher_scale)
        by_units.append(by_extra * recipe.teacher)
    by_local = np.zeros_like(local)
    for matrix, (vectors, norms), gradient in zip(counts, units, by_units, strict=True):
        back = matrix.T @ model.through_unit(gradient, vectors, norms)
        by_local[: matrix.shape[1]] += back
    adam[0].step(table.rows, used, by_local * strength, recipe.rate * pace)
    by_weight = (by_local * rows).sum(axis=1) * strength[:, 0]
    adam[1].step(table.weights, used, by_weight, recipe.weight_rate * pace)
    adam[2].step(log_scale, np.zeros(1, np.int64), np.array([by_scale], np.float32), 2e-3 * pace)
    log_scale[0] = min(float(log_scale[0]), np.log(60.0))
    table.scale = float(np.exp(log_scale[0]))
    return loss


def batches(data: Encoded, recipe: Recipe, rnd: np.random.Generator) -> Iterator[Integers]:
    """Yield the numbers of the pairs of each batch: blocks of one package, blocks shuffled."""
    share = np.array([recipe.kinds.get(kind, 1.0) for kind in data.names["kind"]])[data.kind]
    sizes = np.maximum(1, np.bincount(data.language, minlength=len(data.names["language"])))
    share *= np.clip((recipe.enough / sizes) ** 0.5, 1.0, 3.0)[data.language]
    left = recipe.epochs
    while left > 0:
        times = share * min(1.0, left)
        copies = np.floor(times) + (rnd.random(len(data)) < times % 1)
        chosen = np.repeat(np.arange(len(data)), copies.astype(np.int64))
        order = rnd.permutation(chosen)
        order = order[np.argsort(data.package[order], kind="stable")]
        blocks = [order[i : i + recipe.block] for i in range(0, len(order), recipe.block)]
        mixed = np.concatenate([blocks[i] for i in rnd.permutation(len(blocks))])
        for start in range(0, len(mixed) - recipe.batch + 1, recipe.batch):
            yield mixed[start : start + recipe.batch]
        left -= 1


def questions(
    data: Encoded, chosen: Integers, recipe: Recipe, prefixes: list[list[int]],
    rnd: np.random.Generator,
) -> Bags:  # fmt: skip
    """Return the questions of a batch, as they are put in training."""
    tokens, owner = data.gather("query", chosen, encoded.LENGTHS["query"])
    keep = rnd.random(len(tokens)) >= recipe.dropout
    parts = [(tokens[keep], owner[keep], np.ones(int(keep.sum())))]
    if prefixes and recipe.templates:
        rows = np.flatnonzero(rnd.random(len(chosen)) < recipe.templates)
        which = rnd.integers(0, len(prefixes), len(rows))
        added = [prefixes[i] for i in which]
        lengths = [len(one) for one in added]
        flat = np.array([token for one in added for token in one], dtype=np.int64)
        parts.append((flat, np.repeat(rows, lengths), np.ones(len(flat))))
    return encoded.bags(len(chosen), parts, power=1.0)


def answers(data: Encoded, chosen: Integers, recipe: Recipe, rnd: np.random.Generator) -> Bags:
    """Return the answers of a batch, as they are shown in training."""
    code, of_code = data.gather("code", chosen, encoded.LENGTHS["code"])
    rest, of_rest = data.gather("rest", chosen, encoded.LENGTHS["rest"])
    early, early_rest = encoded.earliness(of_code), encoded.earliness(of_rest)
    short = rnd.random(len(chosen)) < recipe.short
    first = np.searchsorted(of_code, np.arange(len(chosen)))
    is_line = np.arange(len(code)) - first[of_code] < 12
    keep = (~short[of_code] | is_line) & (rnd.random(len(code)) >= recipe.dropout)
    told = ((rnd.random(len(chosen)) < recipe.rest) & ~short)[of_rest]
    parts = [
        (code[keep], of_code[keep], early[keep]),
        (rest[told], of_rest[told], early_rest[told]),
    ]
    for part, often in zip(("place", "own_name"), pooling.OFTEN[:2], strict=True):
        tokens, owner = data.gather(part, chosen, encoded.LENGTHS[part])
        kept = rnd.random(len(tokens)) >= recipe.dropout
        parts.append((tokens[kept], owner[kept], np.full(int(kept.sum()), often)))
    return encoded.bags(len(chosen), parts, power=0.5)


def _blind(left: Bags, right: Bags, share: float, rnd: np.random.Generator) -> Bags:
    """Take from some queries the words that their answer has as well; two at least must stay."""
    if not share:
        return left
    both = np.isin(left.row << 20 | left.token, right.row << 20 | right.token)
    stay = np.bincount(left.row[~both], minlength=left.rows)
    blind = (rnd.random(left.rows) < share) & (stay >= 2)
    keep = ~(both & blind[left.row])
    return Bags(left.rows, left.row[keep], left.token[keep], left.count[keep])
