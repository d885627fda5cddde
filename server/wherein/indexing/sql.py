"""Definitions in SQL: what each CREATE statement makes, whatever the dialect.

A scan over the tokens that matter, and not a grammar: the bodies of procedures differ from database
to database, and a grammar that knows one of them loses the statements behind it in the others.
Runs in the file-watcher and the database worker.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from wherein.domain import Kind
from wherein.indexing.lines import Lines
from wherein.indexing.symbols import MAX_NAME, Definition

_KINDS: Final = {
    b"table": Kind.STRUCT, b"view": Kind.STRUCT, b"function": Kind.FUNCTION,
    b"procedure": Kind.FUNCTION, b"proc": Kind.FUNCTION, b"trigger": Kind.FUNCTION,
    b"aggregate": Kind.FUNCTION, b"macro": Kind.MACRO, b"rule": Kind.FUNCTION,
    b"event": Kind.FUNCTION, b"type": Kind.TYPE, b"domain": Kind.TYPE, b"index": Kind.CONSTANT,
    b"sequence": Kind.CONSTANT, b"policy": Kind.CONSTANT, b"synonym": Kind.CONSTANT,
    b"package": Kind.MODULE, b"schema": Kind.MODULE,
}  # fmt: skip
_PART: Final = rb'(?:[\w$#@]+|"[^"\n]*"|`[^`\n]*`|\[[^\]\n]*\])'
# What may stand between CREATE and the kind is short and holds no punctuation but DEFINER=`a`@`b`.
_CREATE: Final = re.compile(
    rb"create\s+(?:(?!(?:" + rb"|".join(_KINDS) + rb")\b)[\w=`@%.'\"-]+\s+){0,8}?"
    rb"(?P<kind>" + rb"|".join(_KINDS) + rb")\s+(?:body\s+)?(?:concurrently\s+)?"
    rb"(?:if\s+not\s+exists\s+)?(?P<name>" + _PART + rb"(?:\s*\.\s*" + _PART + rb")*)",
    re.IGNORECASE,
)
# Text that no keyword is looked for in, then the words that open, close, and end a statement.
_TOKEN: Final = re.compile(
    rb"--[^\n]*|/\*.*?(?:\*/|\Z)|'[^']*(?:''[^']*)*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|`[^`]*(?:`|\Z)"
    rb"|\[[^\]\n]*\]"
    rb"|(?P<tag>\$\w*\$).*?(?:(?P=tag)|\Z)"
    rb"|^[ \t]*delimiter[ \t]+(?P<delimiter>\S+)[^\n]*"
    rb"|(?P<go>^[ \t]*(?:go|/)[ \t]*\r?$)"
    rb"|\b(?P<word>create|begin|case|end(?:\s+(?:if|loop|while|repeat|for|case))?)\b"
    rb"|(?P<stop>;)|(?P<other>//|\$\$)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
# BEGIN opens a transaction where this follows, and nothing that has an END.
_TRANSACTION: Final = re.compile(rb"\s*(?:;|tran|work)", re.IGNORECASE)


class _Begun(NamedTuple):
    """A CREATE statement whose end is not seen yet."""

    start: int
    kind: Kind
    path: tuple[str, ...]
    name_byte: int


def definitions(lines: Lines) -> tuple[list[Definition], list[int]]:
    """Find what the statements of a file define, and the rows behind which they end."""
    data = lines.data
    found: list[Definition] = []
    ends: set[int] = set()
    begun: _Begun | None = None
    delimiter = b";"
    depth = 0

    def finish(at: int) -> None:
        nonlocal begun, depth
        if begun is not None:
            found.append(_definition(lines, begun, at))
        begun, depth = None, 0

    for token in _TOKEN.finditer(data):
        word = (token["word"] or b"").lower()
        mark = token["stop"] or token["other"]
        if token["delimiter"] or token["go"] or (mark == delimiter and not depth):
            finish(token.end() if mark else token.start())
            ends.add(lines.row_of(token.end() - 1) + 1)
            delimiter = token["delimiter"] or delimiter
        elif word == b"create":
            first_on_its_row = token.start() == lines.starts[lines.row_of(token.start())]
            made = _CREATE.match(data, token.start())
            if made is not None and (first_on_its_row or (begun is None and not depth)):
                finish(token.start())
                begun = _begin(made)
        elif word in (b"begin", b"case"):
            opens = begun is not None and not _TRANSACTION.match(data, token.end())
            depth += 1 if opens else 0
        elif word == b"end" or word.endswith(b"case"):
            depth = max(0, depth - 1)
    finish(len(data))
    return found, sorted(ends)


def _begin(made: re.Match[bytes]) -> _Begun:
    parts = [_plain(part) for part in re.findall(_PART, made["name"])]
    kind = _KINDS[made["kind"].lower()]
    return _Begun(made.start(), kind, tuple(part for part in parts if part), made.start("name"))


def _plain(part: bytes) -> str:
    return part[:MAX_NAME].decode("utf-8", "replace").strip('"`[]')


def _definition(lines: Lines, begun: _Begun, end_byte: int) -> Definition:
    """Make the definition of a statement, with the comments that stand right above it."""
    text = lines.data[begun.start : end_byte].rstrip()
    start, end = lines.row_of(begun.start), lines.row_of(begun.start + max(0, len(text) - 1))
    return Definition(
        kind=begun.kind,
        path=begun.path,
        start_byte=begun.start,
        end_byte=begun.start + len(text),
        start=start,
        end=end,
        top=_top(lines, start),
        name_row=lines.row_of(begun.name_byte),
        is_symbol=bool(begun.path),
        is_scope=False,
        name_byte=begun.name_byte,
    )


def _top(lines: Lines, row: int) -> int:
    """Return the first row of the comments right above a row, or that row."""
    while row:
        first = row - 1
        above = lines.rows[first].strip()
        if above.endswith(b"*/"):
            while first and b"/*" not in lines.rows[first]:
                first -= 1
            if not lines.rows[first].lstrip().startswith(b"/*"):
                return row  # behind code
        elif not above.startswith(b"--"):
            return row
        row = first
    return row
