"""Vectors wait while very many files are written on a small machine, and only then."""

from __future__ import annotations

from wherein.db_worker.rush import MANY_FILES, WINDOW_S, Rush


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_many_files_at_once_are_a_rush_that_ends_by_itself() -> None:
    clock = Clock()
    rush = Rush(crowded=True, clock=clock)
    rush.came(MANY_FILES)
    assert 0 < rush.over_in() <= WINDOW_S
    clock.now += WINDOW_S
    assert rush.over_in() == 0


def test_a_steady_stream_of_a_few_files_is_no_rush() -> None:
    clock = Clock()
    rush = Rush(crowded=True, clock=clock)
    for _ in range(200):
        rush.came(1)
        clock.now += WINDOW_S / (MANY_FILES - 5)
        assert rush.over_in() == 0


def test_single_files_in_quick_succession_are_a_rush() -> None:
    clock = Clock()
    rush = Rush(crowded=True, clock=clock)
    for _ in range(MANY_FILES):
        rush.came(1)
        clock.now += WINDOW_S / (2 * MANY_FILES)
    assert rush.over_in() > 0


def test_a_rush_lasts_while_files_come() -> None:
    clock = Clock()
    rush = Rush(crowded=True, clock=clock)
    for _ in range(20):
        rush.came(MANY_FILES)
        clock.now += WINDOW_S * 0.9
        assert rush.over_in() > 0


def test_with_cores_to_spare_nothing_waits() -> None:
    rush = Rush(crowded=False, clock=Clock())
    rush.came(1_000)
    assert rush.over_in() == 0
