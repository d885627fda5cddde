"""A question compared with the vectors of an index: in full, by sketches first, through filters."""

from __future__ import annotations

import numpy as np
import pytest

from engine_samples import filled, stored
from wherein.db_worker.codec import decode, encode
from wherein.db_worker.scan import EXACT, NEAREST, scan
from wherein.db_worker.vectors import KIND_CODES, Matrix


@pytest.mark.parametrize("merged", [False, True])
def test_a_scan_equals_brute_force(merged: bool) -> None:
    matrix, rows = filled(500)
    matrix.remove(100, 200)
    if merged:
        matrix.merge(np.arange(10)[::-1].copy())
        matrix.append([600], [3], ["text"], stored(rows[:1] * 2))
        matrix.remove(300, 310)
    gone = set(range(100, 200)) | (set(range(300, 310)) if merged else set())
    query = rows[7]
    files = np.zeros(8, np.bool_)  # ids 8 and 9 came after the filter was made
    files[[2, 3]] = True
    kinds = np.zeros(len(KIND_CODES), np.bool_)
    kinds[KIND_CODES["text"]] = True
    for f, k in ((None, None), (files, None), (None, kinds), (files, kinds)):
        expected = {
            c: float(rows[c] @ query)
            for c in range(500)
            if c not in gone and (f is None or c % 10 in (2, 3)) and (k is None or c % 2 == 0)
        }
        if merged:
            expected[600] = float(rows[0] @ query) * 2
        found = scan(matrix.snapshot, query, 0.7, f, k)
        best = sorted(expected, key=lambda c: -expected[c])[:20]
        assert found.top(20) == best
        assert found.of([*best, 150, 9_999]) == pytest.approx(
            {c: expected[c] for c in best}, abs=1e-4
        )
        if len(expected) <= 256:  # of a sample where there are more
            third_quartile = float(np.quantile(list(expected.values()), 0.75))
            assert found.floor() == pytest.approx(third_quartile, abs=1e-4)


@pytest.mark.parametrize("merged", [False, True])
def test_many_vectors_are_compared_by_their_sketches_first(merged: bool) -> None:
    """Of 12,000 real-valued vectors in eight kinds: the nearest are found, and only what may be."""
    random = np.random.default_rng(3)
    kinds = random.standard_normal((8, 96)).astype(np.float32)
    rows = kinds[np.arange(12_000) % 8] + random.standard_normal((12_000, 96)).astype(np.float32)
    rows = decode([stored(rows / np.linalg.norm(rows, axis=1, keepdims=True)).tobytes()], 96)
    matrix = Matrix("m", 96)
    everything = np.arange(12_000)
    matrix.append(everything.tolist(), (everything % 5).tolist(), ["text"] * 12_000, stored(rows))
    if merged:
        matrix.merge(np.arange(5))
    matrix.remove(0, 800)
    assert matrix.snapshot.live > EXACT
    files = np.array([True, True, True, True, False])
    for file_filter, allowed in ((None, everything >= 800),
                                 (files, (everything >= 800) & (everything % 5 < 4))):  # fmt: skip
        found = scan(matrix.snapshot, rows[850], 0.0, file_filter)
        assert len(found) == int(allowed.sum())
        assert NEAREST <= len(found.ids) < NEAREST + 200
        assert allowed[found.ids].all()
        cosines = np.where(allowed, rows @ rows[850], -9)
        true = np.argsort(-cosines)[:50].tolist()
        best = found.top(50)
        assert best[:20] == true[:20]
        assert len(set(best) & set(true)) >= 49
        far = int(np.argmin(np.where(allowed, cosines, 9)))  # not among those compared
        assert far not in found.ids
        assert found.of([far, 5]) == pytest.approx({far: float(cosines[far])}, abs=1e-4)


def test_a_symbol_counts_as_much_as_the_questions_model_says() -> None:
    rows = np.array([[1, 0], [0, 1]], "<f4")
    matrix = Matrix("model", 2)
    matrix.append([7], [1], ["function"], stored(rows[:1]))
    (symbol,) = encode(rows[1:].tobytes(), 2)
    assert symbol
    matrix.snapshot.symbols.add([(7, 1.0, symbol)])
    question = np.array([0.6, 0.8], np.float32)
    for weight in (0.0, 0.2, 0.7):
        near = scan(matrix.snapshot, question, weight).of([7])[7]
        assert near == pytest.approx(0.6 + weight * 0.8, abs=1e-2)
