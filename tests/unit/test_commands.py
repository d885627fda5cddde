"""Commands without a server: strict params, and the merging of several folders' answers."""

from __future__ import annotations

from typing import Any

import pytest

from wherein.commands import search
from wherein.commands.registry import COMMANDS
from wherein.domain import Coverage, Kind, SearchHit, SearchResponse
from wherein.errors import InvalidParams
from wherein.lsp.messages import read_params


def hit(path: bytes, score: float) -> SearchHit:
    """Make a hit."""
    return SearchHit(
        path=path, start_byte=0, end_byte=1, start_line=1, end_line=1, symbol="", kind=Kind.TEXT,
        language="text", score=score, via=("words",),
    )  # fmt: skip


def answer(*hits: SearchHit, notes: tuple[str, ...] = (), commit: int = 1) -> SearchResponse:
    """Make a folder's answer."""
    coverage = Coverage(files=2, chunks=3, vectors=1)
    return SearchResponse(
        hits=list(hits), coverage=coverage, commit=commit, notes=list(notes), timings_us={}
    )


def test_one_folder_keeps_its_scores() -> None:
    merged = search.merge([("/a", answer(hit(b"x", 5.0), hit(b"y", 0.2)))], 10, [])
    assert [(f.hit.path, f.score) for f in merged.found] == [(b"x", 5.0), (b"y", 0.2)]


def test_several_folders_take_turns_whatever_their_scores() -> None:
    first = answer(hit(b"a1", 9.0), hit(b"a2", 8.0), hit(b"a3", 7.0), notes=("late",), commit=4)
    second = answer(hit(b"b1", 0.1), notes=("late",), commit=9)
    merged = search.merge([("/a", first), ("/b", second)], 3, ["The third is busy"])
    assert [(f.root, f.hit.path) for f in merged.found] == [
        ("/a", b"a1"), ("/b", b"b1"), ("/a", b"a2"),
    ]  # fmt: skip
    assert merged.coverage == Coverage(files=4, chunks=6, vectors=2)
    assert merged.notes == ["late", "The third is busy"]
    assert merged.commit == 9


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (None, "query"),
        ({}, "query"),
        ([], "query"),
        ({"query": None}, "query"),
        ({"query": 3}, "query"),
        ({"query": "x" * 4097}, "query"),
        ({"query": "\ud800"}, "query"),
        ({"query": "x", "limit": "7"}, "limit"),
        ({"query": "x", "limit": 7.0}, "limit"),
        ({"query": "x", "limit": True}, "limit"),
        ({"query": "x", "limit": None}, "limit"),
        ({"query": "x", "paths": "src"}, "paths"),
        ({"query": "x", "paths": [1]}, "paths"),
        ({"query": "x", "languages": {}}, "languages"),
        ({"query": "x", "kinds": ["nonsense"]}, "kinds"),
        ({"query": "x", "mode": "guess"}, "mode"),
        ({"query": "x", "folder": 1}, "folder"),
        ({"query": "x", "snippetLines": "1"}, "snippetLines"),
        ({"query": "x", "waitFresh": 1}, "waitFresh"),
        ({"query": "x", "snippet_lines": 1}, "snippet_lines"),
        ({"query": "x", "nonsense": 1}, "nonsense"),
        (["x"], "params"),
        ("x", "params"),
    ],
)
def test_bad_search_params_name_the_field(raw: Any, field: str) -> None:
    with pytest.raises(InvalidParams, match=rf"^{field}\b.*: "):
        read_params(raw, search.Params)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.method)
def test_unknown_params_are_named_by_every_command(command: Any) -> None:
    required = {"query": "x"} if command.params is search.Params else {}
    with pytest.raises(InvalidParams, match=r"^nonsense: there is no such parameter$"):
        read_params({**required, "nonsense": 1}, command.params)


def test_good_search_params_are_read() -> None:
    params = read_params({"query": "x", "kinds": ["method"], "snippetLines": 0}, search.Params)
    assert params == search.Params(query="x", kinds=(Kind.METHOD,), snippet_lines=0)


def test_every_command_has_its_two_names() -> None:
    assert {c.method.replace("/", ".") for c in COMMANDS} == {c.name for c in COMMANDS}
