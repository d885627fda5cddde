"""The line that an answer ends on, sent along, gives the range that reading the file gives."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from wherein.db_worker.snippets import MAX_LAST_LINE, _last_line
from wherein.lsp.convert import Lines, Places, column

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
