"""Chunks and symbols of one sample a language, against snapshots that were read by a person.

`UPDATE_SNAPSHOTS=1 pytest tests/unit/test_chunker_snapshots.py` writes them anew; read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wherein.domain import Signature
from wherein.indexing.chunker import parse
from wherein.indexing.languages import LANGUAGES, language_of
from wherein.indexing.reader import Source, from_bytes

SAMPLES = sorted((Path(__file__).parents[1] / "workspaces" / "languages").iterdir())
SNAPSHOTS = Path(__file__).parent / "snapshots"


def describe(path: Path) -> str:
    source = from_bytes(path.name.encode(), path.read_bytes(), Signature(0, 0, 0, 0))
    assert isinstance(source, Source)
    parsed = parse(source)
    lines = [f"language {parsed.language}", "", "chunks"]
    for chunk in parsed.chunks:
        place = f"{chunk.start_line}-{chunk.end_line} [{chunk.start_byte}:{chunk.end_byte}]"
        names = " ".join(chunk.definitions)
        lines.append(f"  {place} {chunk.kind.value} {chunk.symbol or '-'} defines ({names})")
    lines += ["", "symbols"]
    for one in parsed.symbols:
        place = f"{one.start_line}-{one.end_line}"
        lines.append(f"  {place} {one.kind.value} {one.qualified} | {one.signature}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_chunks_and_symbols_are_those_of_the_snapshot(path: Path) -> None:
    snapshot = SNAPSHOTS / f"{path.name}.txt"
    found = describe(path)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        SNAPSHOTS.mkdir(exist_ok=True)
        snapshot.write_text(found, encoding="utf-8")
    assert found == snapshot.read_text(encoding="utf-8")


def test_every_language_with_a_grammar_has_a_sample() -> None:
    sampled = {language_of(path.name.encode(), b"") for path in SAMPLES}
    assert {language.id for language in LANGUAGES if language.grammar} <= sampled
