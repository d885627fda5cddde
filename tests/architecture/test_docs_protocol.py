"""docs/protocol.md and docs/settings.md say what the server takes and gives, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from wherein import errors
from wherein.commands import explain, pause, reindex, status, sync, why
from wherein.commands.registry import COMMANDS
from wherein.domain import Kind, Skip
from wherein.lsp.messages import CoverageItem, SearchItem, SearchReply, SymbolItem
from wherein.settings import Settings, camel
from wherein.status import FolderState
from wherein.workers.handle import WorkerStatus

_DOCS = Path(__file__).parents[2] / "docs"
_TEXT = (_DOCS / "protocol.md").read_text(encoding="utf-8")

# What each request's result is made of on the wire, beyond its own name for the rows.
_SEARCH: tuple[Any, ...] = (SearchReply, SearchItem, CoverageItem)
_RESULTS: dict[str, tuple[Any, ...]] = {
    "wherein/search": _SEARCH,
    "wherein/symbols": ({"symbols", "notes"}, SymbolItem),
    "wherein/explain": (explain.Result,),
    "wherein/why": (why.Result,),
    "wherein/status": (status.Result, status.FolderRow),
    "wherein/workers": ({"workers"}, WorkerStatus),
    "wherein/sync": (sync.Result, sync.FolderRow),
    "wherein/reindex": (reindex.Result,),
    "wherein/pause": (pause.Result,),
    "wherein/resume": (pause.Result,),
}


def fields(kind: Any) -> set[str]:
    """Return the names of a struct's fields on the wire."""
    return kind if isinstance(kind, set) else {camel(name) for name in kind.__struct_fields__}


def section(method: str) -> str:
    """Return the part of the page that is about a request."""
    found = re.search(rf"^## {re.escape(method)}\n(.*?)(?=^## |\Z)", _TEXT, re.M | re.S)
    assert found, f"docs/protocol.md says nothing about {method}"
    return found[1]


def tables(text: str) -> list[tuple[str, dict[str, str]]]:
    """Return the tables of a text: the head of each, and its rows by the names in backticks."""
    found: list[tuple[str, dict[str, str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        head, _, *rows = block.splitlines()
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
        names = {name: row[1] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}
        found.append((head.strip("| ").split("|")[0].strip(), names))
    return found


def test_every_request_has_its_section_and_no_other_has_one() -> None:
    assert set(re.findall(r"^## (wherein/\w+)$", _TEXT, re.M)) == {c.method for c in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.method)
def test_the_params_are_those_of_the_server(command: Any) -> None:
    said = {name: row for head, names in tables(section(command.method)) if head == "param"
            for name, row in names.items()}  # fmt: skip
    assert set(said) == fields(command.params)
    needed = {f.encode_name for f in msgspec.structs.fields(command.params) if f.required}
    assert {name for name, default in said.items() if default == "required"} == needed


@pytest.mark.parametrize("method", _RESULTS)
def test_the_results_are_those_of_the_server(method: str) -> None:
    text = section(method)
    said = {name for head, names in tables(text) if head != "param" for name in names}
    said |= set(re.findall(r"`(\w+)`", " ".join(
        row for head, names in tables(text) if head == "result" for row in names.values()
    )))  # fmt: skip
    given = set[str]().union(*(fields(kind) for kind in _RESULTS[method]))
    rows = {name for head, names in tables(text) if head != "param" for name in names}
    assert rows <= given, "the page names what is not sent"
    assert given <= said, "the page leaves out what is sent"


def test_similar_answers_as_search_does() -> None:
    assert set(_RESULTS) == {c.method for c in COMMANDS} - {"wherein/similar"}
    assert "The result is that of `wherein/search`." in section("wherein/similar")


def test_kinds_reasons_and_states_are_complete() -> None:
    assert re.findall(r"`(\w+)`", tables(section("wherein/search"))[0][1]["kinds"]) == []
    kinds = re.search(r"\| `kinds` .*", section("wherein/search"))
    assert kinds
    assert [k.value for k in Kind] == re.findall(r"`(\w+)`", kinds[0])[1:]
    skips = re.search(r"\| `skip` .*", section("wherein/why"))
    assert skips
    assert {s.value for s in Skip} == set(re.findall(r"`(\w+)`", skips[0])[1:])
    states = re.search(
        r"^States, the worst first: (.*?)\.$", section("wherein/status"), re.M | re.S
    )
    assert states
    assert re.findall(r"`(\w+)`", states[1]) == [s.value for s in FolderState]


def test_every_error_code_is_explained() -> None:
    table = dict(re.findall(r"^\| (-\d+) \| (.+) \|$", _TEXT, re.M))
    ours = {str(e.code) for e in errors._tree(errors.WhereinError).values()}
    protocol = {"-32700", "-32600", "-32601", "-32002"}
    assert set(table) == ours | protocol


def test_every_setting_has_its_row_with_its_default() -> None:
    text = (_DOCS / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^## `(\w+)`\n\nDefault: `(.*?)`\.", text, re.M))
    defaults = {camel(f.name): f.default for f in attrs.fields(Settings)}
    shown = {n: msgspec.json.encode(v).decode() for n, v in defaults.items()}
    assert rows == shown
