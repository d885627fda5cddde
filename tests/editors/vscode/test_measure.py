"""`make measure-editor` fails when a figure misses its target, or when nothing was measured."""

from __future__ import annotations

import math
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = Path(__file__).with_name("measure.py")
_GOOD: dict[str, Any] = {
    "starts": [30, 33, 40, 31, 35], "times": [90.0, 110.0, 300.0], "over": "52,633 chunks",
    "bundle": 470_000,
}  # fmt: skip


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The script, loaded and not run."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    return runpy.run_path(str(_SCRIPT))


def test_figures_that_keep_their_promises(
    script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert script["report"](script["figures"](**_GOOD)) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "| activation, 5 starts, median | 33 ms | ≤ 200 ms |" in said.out
    assert (
        "| keystroke → answers shown, 52,633 chunks, 3 keys, p50 | 110 ms | ≤ 150 ms |" in said.out
    )
    assert "| the same, p90 | 300 ms |  |" in said.out
    assert "| bundle | 0.47 MB | ≤ 1 MB |" in said.out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"starts": [201] * 5},
            "activation, 5 starts, median: 201 ms missed the target of ≤ 200 ms",
        ),
        ({"times": [151.0]}, "p50: 151 ms missed the target of ≤ 150 ms"),
        ({"times": [math.nan]}, "p50: nan ms missed the target of ≤ 150 ms"),
        ({"bundle": 1_010_000}, "bundle: 1.01 MB missed the target of ≤ 1 MB"),
        ({"times": []}, "0 keys, p50: nothing was measured"),
        ({"over": None}, "no chunks, 3 keys, p50: nothing was measured"),
        ({"starts": []}, "activation, 0 starts, median: nothing was measured"),
        ({"starts": [30]}, "activation, 1 starts, median: nothing was measured"),
    ],
)
def test_a_figure_that_does_not_is_said_and_fails(
    script: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    sentence: str,
) -> None:
    assert script["report"](script["figures"](**{**_GOOD, **change})) == 1
    assert sentence in capsys.readouterr().err


def test_without_an_editor_it_fails(
    script: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(script["main"].__globals__, "missing", lambda: "there is no chromium")
    assert script["main"]() == 1
    assert "nothing was measured: there is no chromium" in capsys.readouterr().err
