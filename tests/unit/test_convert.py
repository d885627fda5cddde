"""Lines and columns between the index and the protocol, against a plain reading of the rules."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wherein.commands.ranges import Position, Range
from wherein.lsp.convert import Lines, Places, column

ENDS = ["\n", "\r\n", "\r"]
PIECES = st.sampled_from([*ENDS, "a", "é", "日本", "😀", "\t", "\u2028", "x = 1"])
DOCUMENTS = st.lists(PIECES, max_size=30).map("".join)
ENCODINGS = st.sampled_from(["utf-8", "utf-16"])


def units(text: str, encoding: str) -> int:
    """Count a text's units by encoding it."""
    return len(text.encode(f"{encoding}-le" if encoding == "utf-16" else encoding)) // (
        2 if encoding == "utf-16" else 1
    )


def protocol_lines(text: str) -> list[str]:
    """Split as the protocol says: at LF, CRLF and CR, and nowhere else."""
    return re.split("\r\n|\n|\r", text)


@given(DOCUMENTS, ENCODINGS, st.booleans(), st.data())
@example("a\rb\n", "utf-16", False, None)
def test_a_range_holds_the_text_of_its_lines(
    text: str, encoding: str, mark: bool, data: st.DataObject | None
) -> None:
    numbers = st.integers(1, text.count("\n") + 1)
    start = data.draw(numbers) if data else 1
    end = data.draw(st.integers(start, text.count("\n") + 1)) if data else 1
    raw = ("\ufeff" if mark else "").encode() + text.encode()
    found = Lines(raw).range(start, end, encoding)

    lines = protocol_lines(text)
    cut = lines[found.start.line : found.end.line + 1]
    assert found.start.character == 0
    assert found.end.character == units(cut[-1], encoding)
    # The same text that the index sees between its line feeds, whatever ends the inner lines.
    wanted = "\n".join(text.split("\n")[start - 1 : end])
    wanted = wanted.removesuffix("\r") if end <= text.count("\n") else wanted
    assert cut == protocol_lines(wanted)


@given(DOCUMENTS, ENCODINGS)
def test_columns_are_units_of_the_encoding(text: str, encoding: str) -> None:
    assert column(text.encode(), encoding) == units(text, encoding)


def test_bytes_that_are_no_text_count_as_what_an_editor_shows() -> None:
    assert column(b"a\xff\xfeb", "utf-16") == 4
    assert column(b"a\xff\xfeb", "utf-8") == len("a\ufffd\ufffdb".encode())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_files_are_read_by_their_mark(encoding: str) -> None:
    data = "\ufeffa\r\n😀b".encode(encoding)
    assert Lines(data).range(2, 2, "utf-16") == Range(Position(1, 0), Position(1, 3))


def test_lines_that_are_gone_are_the_last_one() -> None:
    assert Lines(b"a\nbc").range(10, 12, "utf-8") == Range(Position(1, 0), Position(1, 2))


def test_a_file_that_is_gone_still_has_its_lines(tmp_path: Path) -> None:
    places = Places({}, "utf-16")
    found = places.range(str(tmp_path), b"gone.py", 3, 5)
    assert found == Range(Position(2, 0), Position(5, 0))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert Places({}, "utf-16").range(str(tmp_path), b"pipe", 1, 1).end == Position(1, 0)


def test_uris_use_the_name_that_the_client_knows() -> None:
    places = Places({"/data/project": b"/home/me/link"}, "utf-16")
    assert (
        places.uri("/data/project", "a b/é.py".encode()) == "file:///home/me/link/a%20b/%C3%A9.py"
    )
    assert places.uri("/other", b"\xff.py") == "file:///other/%FF.py"
