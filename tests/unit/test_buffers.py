"""A text after the client's edits, against an editor that counts as the protocol does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from wherein.lsp.buffers import edited

TEXT = st.text(st.sampled_from("ab \n\r\t\f\v\x1c\x85\u2028é日😀\U0001f600"), max_size=40)
WIDTH = {"utf-8": lambda c: len(c.encode()), "utf-16": lambda c: len(c.encode("utf-16-le")) // 2}


def change(
    start: tuple[int, int], end: tuple[int, int], text: str
) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(
        types.Range(types.Position(*start), types.Position(*end)), text
    )


def position(text: str, at: int, encoding: str) -> tuple[int, int]:
    """Count the line and the column of a character, one character after the other."""
    line = column = 0
    for index, character in enumerate(text[:at]):
        ends = character == "\n" or (character == "\r" and text[index + 1 : index + 2] != "\n")
        line, column = (line + 1, 0) if ends else (line, column + WIDTH[encoding](character))
    return line, column


@given(TEXT, st.data(), st.sampled_from(["utf-8", "utf-16"]))
def test_an_edit_is_where_its_positions_say(text: str, data: st.DataObject, encoding: str) -> None:
    places = [at for at in range(len(text) + 1) if text[at - 1 : at + 1] != "\r\n"]
    start, end = sorted((data.draw(st.sampled_from(places)), data.draw(st.sampled_from(places))))
    new = data.draw(TEXT)
    one = change(position(text, start, encoding), position(text, end, encoding), new)
    assert edited(text, [one], encoding) == text[:start] + new + text[end:]


def test_a_column_beyond_the_line_is_its_end() -> None:
    assert (
        edited("x = 1\ny = 2\n", [change((0, 99), (0, 99), " + 2")], "utf-16")
        == "x = 1 + 2\ny = 2\n"
    )
    assert edited("beta: pass", [change((0, 0), (0, 2**31 - 1), "alpha")], "utf-8") == "alpha"
    assert edited("a\r\nb", [change((0, 9), (1, 0), "")], "utf-16") == "ab"
    assert edited("a", [change((7, 0), (9, 9), "\nb")], "utf-16") == "a\nb"


def test_half_a_character_is_none() -> None:
    assert edited("😀x", [change((0, 1), (0, 2), "")], "utf-16") == "x"


def test_each_change_is_about_what_the_one_before_left() -> None:
    whole = types.TextDocumentContentChangeWholeDocument("one\ntwo\n")
    assert edited(
        "", [whole, change((1, 0), (1, 3), "2"), change((1, 1), (1, 1), "!")], "utf-8"
    ) == ("one\n2!\n")
