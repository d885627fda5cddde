"""What travels between the editor and the server, beyond what lsprotocol already describes.

Names are camelCase on the wire. Params are read strictly: nothing is converted, unknown fields are
errors, and the error names the field as the client wrote it. Runs in the server process.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, TypeVar

import msgspec

from wherein.commands.ranges import Range
from wherein.errors import InvalidParams

P = TypeVar("P", bound=msgspec.Struct)

_AT: Final = re.compile(r"^(?P<problem>.*) - at `\$\.?(?P<field>[^`]*)`$", re.DOTALL)
_UNKNOWN: Final = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_MISSING: Final = re.compile(r"^Object missing required field `(?P<field>.*)`$")
_WORDS: Final = {
    "`str`": "a text",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "an object",
}


class SearchItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One answer. `start_line` and `end_line` count from 1; bytes are those of the file's text.

    `stale`: the file has other text there now than when it was indexed.
    """

    uri: str
    range: Range
    path: str
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    symbol: str
    kind: str
    language: str
    score: float
    via: tuple[str, ...]
    rules: tuple[str, ...]
    terms: tuple[str, ...]
    stale: bool
    snippet: str


class SymbolItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One definition. `qualified` is its dotted path in the file, `signature` its first line."""

    uri: str
    range: Range
    path: str
    start_line: int
    end_line: int
    name: str
    qualified: str
    kind: str
    signature: str


class CoverageItem(msgspec.Struct, frozen=True):
    """How much of the folders an answer saw; `made` counts the vectors made for this answer."""

    files: int
    chunks: int
    vectors: int
    made: int


class SearchReply(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answers, best first, and in sentences what was degraded or why there are none."""

    results: list[SearchItem]
    coverage: CoverageItem
    notes: list[str]
    commit: int
    timings_us: dict[str, int]


class ExecuteCommandParams(msgspec.Struct, frozen=True, rename="camel"):
    """The params of workspace/executeCommand, as they come."""

    command: str
    arguments: list[Any] | None = None


class WorkspaceSymbolParams(msgspec.Struct, frozen=True, rename="camel"):
    """The params of workspace/symbol; tokens are not used."""

    query: str


# What a client may add to any request to hear of it before the answer; docs/adr/0014.
_TOKENS: Final = frozenset({"workDoneToken", "partialResultToken"})


def read_params(raw: object, kind: type[P]) -> P:
    """Read a request's params, absent ones as an empty object.

    So is an empty list: some languages (Lua, PHP) cannot tell the two apart. Raises InvalidParams
    naming the field.
    """
    for name, value in raw.items() if isinstance(raw, dict) else [("params", raw)]:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise InvalidParams(f"{name[:80]}: not valid Unicode text") from None
    if isinstance(raw, dict):
        raw = {name: value for name, value in raw.items() if name not in _TOKENS}
    try:
        return msgspec.convert({} if raw in (None, []) else raw, kind, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidParams(_sentence(str(error))) from None


def _sentence(problem: str) -> str:
    """Put the field first: `limit: must be a whole number, not a text`."""
    at = _AT.match(problem)
    field, text = (at["field"], at["problem"]) if at else ("", problem)
    inside = f"{field}." if field else ""
    if unknown := _UNKNOWN.match(text):
        return f"{inside}{unknown['field'][:80]}: there is no such parameter"
    if missing := _MISSING.match(text):
        return f"{inside}{missing['field']}: this parameter is required"
    field = field or "params"
    for jargon, words in _WORDS.items():
        text = text.replace(jargon, words)
    text = text.replace("Expected ", "must be ", 1).replace(", got ", ", not ", 1)
    return f"{field}: {text}"
