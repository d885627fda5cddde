"""The line that an answer ends on, sent along, gives the range that reading the file gives."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from wherein.commands.search import merge
from wherein.db_worker.snippets import MAX_LAST_LINE, _last_line, pages
from wherein.domain import Coverage, Kind, SearchHit, SearchResponse, Signature
from wherein.indexing.chunker import parse
from wherein.indexing.header import input_key, model_header
from wherein.indexing.reader import Source, from_bytes
from wherein.lsp.convert import Lines, Places, column, search_reply

PIECES = st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"\t", "é🦀".encode(), b"\xff", b"\xef"])


@given(st.booleans(), st.lists(PIECES, min_size=1, max_size=30), st.integers(1, 99))
@example(True, [b"a"], 4)
@example(False, [b"a", b"\r", b"a", b"\n"], 4)
def test_the_last_line_gives_the_range_of_the_file(
    marked: bool, pieces: list[bytes], end: int
) -> None:
    data = b"\xef\xbb\xbf" * marked + b"".join(pieces)
    end = min(len(data), end + 3 * marked)
    line = data.count(b"\n", 0, end - 1) + 1
    last = _last_line(data, end)
    alone = data.count(b"\r") != data.count(b"\r\n")
    assert (last is None) == alone
    for encoding in ("utf-8", "utf-16"):
        found = Lines(data).range(1, line, encoding)
        if last is not None:
            assert (found.end.line, found.end.character) == (line - 1, column(last, encoding))


def test_a_line_that_is_too_long_is_not_sent() -> None:
    assert _last_line(b"x" * MAX_LAST_LINE, 3) == b"x" * MAX_LAST_LINE
    assert _last_line(b"x" * (MAX_LAST_LINE + 1), 3) is None


def test_an_open_buffer_stands_in_for_the_last_line() -> None:
    places = Places({"/r": b"/r"}, "utf-16", {("/r", b"a.py"): b"x = 1234"})
    assert places.range("/r", b"a.py", 1, 1, b"x = 1").end.character == 8
    assert places.range("/r", b"b.py", 1, 1, b"x = 1").end.character == 5


def test_an_answer_needs_no_file_for_its_range() -> None:
    hit = SearchHit(
        path=b"gone.py", start_byte=0, end_byte=9, start_line=2, end_line=3, symbol="f",
        kind=Kind.FUNCTION, language="python", score=1.0, via=(), last_line="    '🦀'".encode(),
    )  # fmt: skip
    coverage = Coverage(files=1, chunks=1, vectors=1)
    answer = SearchResponse(hits=[hit], coverage=coverage, commit=1, notes=[], timings_us={})
    (item,) = search_reply(merge([("/r", answer)], 10, []), Places({}, "utf-16")).results
    assert (item.range.end.line, item.range.end.character) == (2, 8)


def test_a_cell_of_a_notebook_is_looked_up_in_its_file(tmp_path: Path) -> None:
    raw = json.dumps({"cells": [{"cell_type": "code", "source": ["a = 1"]}]}, indent=1).encode()
    (tmp_path / "n.ipynb").write_bytes(raw)
    source = from_bytes(b"n.ipynb", raw, Signature(0, 0, 0, 0))
    assert isinstance(source, Source)
    (chunk,) = parse(source).chunks
    key = input_key(model_header(b"n.ipynb", chunk.symbol), chunk.text)
    span = (chunk.start_byte, chunk.end_byte, chunk.start_line, chunk.end_line)
    (page,) = pages(str(tmp_path), [(b"n.ipynb", chunk.symbol, span, key)])
    assert page.text == chunk.text
    assert page.last_line is None
