"""The restart budget, the signatures of files just written, and the plan of a reconcile."""

from __future__ import annotations

import pytest

from wherein.domain import KnownFile, Signature, Skip
from wherein.indexing.reconcile import compare, settled
from wherein.indexing.walker import Walk
from wherein.workers.start import WorkerType
from wherein.workers.supervision import (
    BUDGET,
    JITTER,
    LONGEST_DELAY_S,
    PATIENCE,
    SILENCE_S,
    WINDOW_S,
    RestartPolicy,
    Vigil,
    patience,
)


def test_restarts_slow_down_and_end() -> None:
    """Each death within the window waits longer; after the budget there is no more."""
    policy = RestartPolicy(lambda: 0.5)
    delays = [policy.died(float(n)) for n in range(BUDGET)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert policy.died(6.0) is None
    assert policy.died(6.0 + 2 * WINDOW_S) == 0.2
    assert max(d for d in delays if d) <= LONGEST_DELAY_S


def test_a_worker_that_gets_no_time_is_not_taken_for_hung() -> None:
    """On a machine that is overloaded, and while it starts, silence is forgiven for longer."""
    assert patience(1.0, 2) == 1.0
    assert patience(6.0, 2) == 1.0
    assert patience(6.1, 2) == PATIENCE
    vigil = Vigil(0.0)
    for second in range(1, 101):
        vigil.tick(float(second))
    kind = WorkerType.DATABASE
    limit = SILENCE_S[kind]
    assert vigil.silent(kind, 99.0 - limit, 100.0) == limit + 1
    assert vigil.silent(kind, 99.0 - limit, 100.0, patience=PATIENCE) is None
    assert vigil.silent(kind, 99.0 - limit * PATIENCE, 100.0, patience=PATIENCE) is not None
    assert vigil.silent(kind, 99.0 - limit, 100.0, starting=True) is None


def test_restarts_of_many_servers_are_spread() -> None:
    """The pause is its nominal length, a quarter more or less."""
    shortest, longest = RestartPolicy(lambda: 0.0), RestartPolicy(lambda: 1.0)
    for nominal in (0.2, 0.4, 0.8):
        assert shortest.died(0.0) == pytest.approx(nominal * (1 - JITTER))
        assert longest.died(0.0) == pytest.approx(nominal * (1 + JITTER))
    assert len({RestartPolicy().died(0.0) for _ in range(20)}) > 1


def test_a_file_that_just_changed_is_read_again() -> None:
    """An edit in the same tick of the clock leaves the same times: do not trust them yet."""
    second = 1_000_000_000
    fresh = Signature(5, 100 * second + 1, 100 * second + 1, 7)
    assert settled(fresh, 100 * second + 50_000_000) != fresh
    assert settled(fresh, 101 * second) == fresh
    whole = Signature(5, 100 * second, 100 * second, 7)
    assert settled(whole, 101 * second) != whole
    assert settled(whole, 103 * second) == whole


def test_a_reconcile_plans_what_differs() -> None:
    """New files are read, then changed ones; gone ones go, unreadable directories stay."""
    old, new = Signature(1, 1, 1, 1), Signature(1, 2, 2, 1)
    walk = Walk(
        files={b"same": old, b"changed": new, b"new": new},
        skipped={b"link": Skip.SYMLINK},
        unknown={b"dark"},
    )
    known = {
        path: KnownFile(path, old, b"h")
        for path in (b"same", b"changed", b"gone", b"dark/inside", b"dark/deep/inside")
    }
    plan = compare(walk, known)
    assert plan.read == [b"new", b"changed"]
    assert plan.skip == [(b"link", Skip.SYMLINK)]
    assert plan.remove == [b"gone"]


def test_F13_silence_is_told_from_our_own_sleep() -> None:
    """A worker that is silent is noticed; after this process was stopped, all get time to speak."""
    kind = WorkerType.DATABASE
    limit = SILENCE_S[kind]
    vigil = Vigil(0.0)
    for second in range(1, 31):
        vigil.tick(float(second))
    assert vigil.silent(kind, 29.0, 30.0) is None
    assert vigil.silent(kind, 30.0 - limit, 30.0) is None
    assert vigil.silent(kind, 29.0 - limit, 30.0) == limit + 1
    vigil.tick(500.0)  # nobody ticked for long: we slept, or were stopped
    assert vigil.silent(kind, 29.0, 500.0) is None
    for second in range(501, 520):
        vigil.tick(float(second))
    assert vigil.silent(kind, 29.0, 500.0 + limit + 1) == limit + 1
    assert vigil.silent(kind, 505.0, 500.0 + limit + 1) is None


def test_a_worker_that_starts_gets_more_time() -> None:
    """On a machine that is busy elsewhere, imports alone take longer than a silence may."""
    vigil = Vigil(0.0)
    vigil.tick(1.0)
    for kind in WorkerType:
        assert vigil.silent(kind, 1.0, 60.0, starting=True) is None
        assert vigil.silent(kind, 1.0, 62.0, starting=True) == 61.0
