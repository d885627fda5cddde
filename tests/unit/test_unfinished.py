"""Unfinished code that the grammar mends for ever: the file is cut by its lines instead."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wherein.domain import Signature
from wherein.indexing import grammars
from wherein.indexing.chunker import parse
from wherein.indexing.reader import Source, from_bytes

CHUNKS = """
import sys
from wherein.domain import Signature
from wherein.indexing.chunker import parse
from wherein.indexing.reader import from_bytes
source = from_bytes(sys.argv[1].encode(), sys.argv[2].encode(), Signature(0, 0, 0, 0))
print(*[(one.start_line, one.end_line) for one in parse(source).chunks])
"""
ENDLESS = "(()=>n(.t(()=>n(.t(()n())};"  # found by `make fuzz`, seed 676627806285, and cut down
SCRIPT = f"<p>Hello</p>\n<script>\n{ENDLESS}\n</script>\n"


def test_a_parser_that_was_stopped_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    source = from_bytes(b"a.py", b"def f(a):\n    return a + 1\n\n" * 9_000, Signature(0, 0, 0, 0))
    assert isinstance(source, Source)
    at_once = parse(source)
    assert len(at_once.symbols) == 9_000
    monkeypatch.setattr(grammars, "_SLICE_US", 1_000)
    assert parse(source) == at_once


@pytest.mark.parametrize(
    ("name", "text"), [("a.js", f"a()\n\n{ENDLESS}\nb()\n"), ("a.vue", SCRIPT)]
)
def test_code_without_an_end_is_cut_by_lines(name: str, text: str) -> None:
    # In a process of its own: nothing inside stops a parser that has no end.
    run = subprocess.run(
        [sys.executable, "-c", CHUNKS, name, text],
        capture_output=True, timeout=60, check=True, text=True,
    )  # fmt: skip
    assert run.stdout.startswith("(1, ")
    assert run.stdout.endswith(", 4)\n")
