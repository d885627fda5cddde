"""Faults and promises by their ids: what docs/reliability.md names exists, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCUMENT = "docs/reliability.md"

# The faults that must hold at each change.
_FIRST = (*range(1, 13), 14, *range(22, 28), *range(32, 39), *range(44, 56), 57, 58,
          *range(64, 67), *range(69, 78))  # fmt: skip

# All faults that we know of, and what is promised to people.
_MEASURED = (68, 80, 82)  # by `make reliability` and `make soak`
_TESTED = [
    *(f"F{n:02}" for n in range(1, 85) if n not in _MEASURED),
    *(f"S{n:02}" for n in range(1, 19)),
]


def _existing() -> set[str]:
    """List the names of all tests, and of the classes that hold some."""
    found: set[str] = set()
    for path in (_ROOT / "tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        named = re.findall(
            r"^\s*(?:async )?(?:def (test_\w+)|(?:class )?(Test\w+))", text, re.MULTILINE
        )
        found |= {one or two for one, two in named}
    return found


def unknown(text: str, known: set[str]) -> list[str]:
    """List the tests that a document names and that do not exist; `test_F69_…` names several."""
    return [
        name + rest
        for name, rest in re.findall(r"`(test_\w+|Test\w+)(\u2026?)`", text)
        if not (any(one.startswith(name) for one in known) if rest else name in known)
    ]


def test_every_test_that_the_document_names_exists() -> None:
    assert unknown((_ROOT / _DOCUMENT).read_text(encoding="utf-8"), _existing()) == []


@pytest.mark.parametrize("fault", _TESTED)
def test_every_fault_has_a_test_of_its_name(fault: str) -> None:
    assert any(fault in name.split("_") for name in _existing())


def test_every_fault_is_in_the_document() -> None:
    """By its id, in the first column of a table."""
    text = (_ROOT / _DOCUMENT).read_text(encoding="utf-8")
    columns = " ".join(re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE))
    found = set(re.findall(r"\bF\d\d\b|\bS\d\d?\b", columns))
    wanted = {f"F{n:02}" for n in range(1, 85)} | {f"S{n}" for n in range(1, 19)}
    assert wanted - found == set()


def test_the_state_of_what_counts_most_is_told() -> None:
    """Each such fault has one state, and says what is missing when it is not met."""
    text = (_ROOT / _DOCUMENT).read_text(encoding="utf-8")
    told: dict[str, str] = {}
    rows = re.findall(r"^\| ([F\d, ]+) \| (met(?: in part)?) \| (.*?) ?\|$", text, re.MULTILINE)
    for ids, state, missing in rows:
        assert bool(missing) is (state == "met in part"), ids
        for each in ids.split(", "):
            assert each not in told, each
            told[each] = state
    assert set(told) == {f"F{n:02}" for n in _FIRST}


def test_a_name_that_is_not_there_is_found() -> None:
    assert unknown("`test_a` `test_b` `test_c…` `test_d…`", {"test_a", "test_c_1"}) == [
        "test_b",
        "test_d…",
    ]
