"""Files that are older than UTF-8: a byte that is none is part of a name, and nobody's error."""

from __future__ import annotations

import pytest

from wherein.domain import Signature
from wherein.indexing.chunker import parse
from wherein.indexing.reader import Source, from_bytes

FILES = [
    ("Sizes.java",
     'class Sizes {\n @Deprecated(since = "Größe")\n private static final int WIDTH = 1;\n'
     " int größe() { return WIDTH; }\n}\n",
     ["Sizes", "Sizes.WIDTH", "Sizes.gr��e"]),
    ("sizes.cpp", "int größe() {\n return 1;\n}\nTEST(Größe, Wächst) {\n}\n",
     ["gr��e", "Gr��e.W�chst"]),
    ("sizes.py", "class Grösse:\n    def wächst(self): # über\n        return 1\n",
     ["Gr�sse", "Gr�sse.w�chst"]),
    ("sizes.js", "export function größe() {\n return 1\n}\n", ["gr��e"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "symbols"), FILES, ids=[name for name, *_ in FILES])
def test_names_in_latin_1_are_whole(name: str, text: str, symbols: list[str]) -> None:
    source = from_bytes(name.encode(), text.encode("latin-1"), Signature(0, 0, 0, 0))
    assert isinstance(source, Source)
    found = parse(source)
    assert [one.qualified for one in found.symbols] == symbols
