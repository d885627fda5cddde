"""The list of safeguards that `make removal` takes out fits the tree as it is."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]


def _removals() -> Any:
    sys.path.insert(0, str(PROJECT / "tests" / "removal"))
    try:
        return importlib.import_module("safeguards").REMOVALS
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("removal", _removals(), ids=lambda removal: removal.name)
def test_each_safeguard_is_there_and_has_its_test(removal: Any) -> None:
    text = (PROJECT / "server" / "wherein" / removal.file).read_text(encoding="utf-8")
    assert text.count(removal.old) == 1, f"{removal.file} has not exactly one {removal.old!r}"
    assert removal.old != removal.new
    file, _, name = removal.test.partition("::")
    defined = re.findall(r"^def (\w+)", (PROJECT / file).read_text(encoding="utf-8"), re.MULTILINE)
    defined += re.findall(
        r"^async def (\w+)", (PROJECT / file).read_text(encoding="utf-8"), re.MULTILINE
    )
    assert name.partition("[")[0] in defined


def test_there_are_enough_of_them_and_none_twice() -> None:
    removals = _removals()
    assert len(removals) >= 15
    assert len({(r.file, r.old) for r in removals}) == len(removals)
