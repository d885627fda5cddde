"""The progress line says no more than is known at that moment."""

from __future__ import annotations

import msgspec
import pytest

from wherein.domain import IndexStats
from wherein.status import Facts
from wherein.terminal import progress
from wherein.terminal.progress import Progress

EMPTY = IndexStats(
    files=0, chunks=0, vectors=0, pending=0, failed_vectors=0, skipped={}, commit=0,
    chunks_written=0, vectors_written=0, fingerprint="", generation=1, index_bytes=1, text_bytes=0,
)  # fmt: skip


def said(facts: Facts, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """What is written, elsewhere than on a terminal, as soon as anything may be."""
    monkeypatch.setattr(progress, "QUIET_S", -1.0)
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", -1.0)
    Progress().update(facts)
    return capfd.readouterr().err


def test_counters_that_are_still_zero_are_not_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = Facts(phase="indexing", done=62, total=200, stats=EMPTY)
    assert said(facts, monkeypatch, capfd) == "indexing  62 files  words 31 %\n"


def test_later_the_counters_are_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    counted = msgspec.structs.replace(
        EMPTY, files=60, chunks=400, vectors=40, pending=360, fingerprint="f"
    )
    facts = Facts(phase="indexing", done=62, total=200, stats=counted, model="f")
    line = said(facts, monkeypatch, capfd)
    assert line == "indexing  60 files  400 chunks  40 vectors  words 31 %  meaning 10 %\n"
