"""Jupyter notebooks as source: the cells' own text, never their outputs. Used by `reader`."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_SOURCE_LIST = re.compile(rb'^\s*"source"\s*:\s*\[\s*(\])?')
_SOURCE_TEXT = re.compile(rb'^\s*"source"\s*:\s*"')


class Cell(NamedTuple):
    """One cell: where it lies in the extracted data (half-open bytes), and whether it is code."""

    start_byte: int
    end_byte: int
    is_code: bool


class Notebook(NamedTuple):
    """The extracted text; `file_lines` maps each of its lines to a line (from 1) of the file."""

    data: bytes
    cells: tuple[Cell, ...]
    file_lines: tuple[int, ...]
    language: str


def extract(raw: bytes) -> Notebook | None:
    """Take the cells' sources out of a notebook file; None when it is not one.

    Lines are mapped for notebooks written the usual way, one source line a line of the file; for
    others every line of a cell maps to the line where the cell's source begins, or to line 1.
    """
    try:
        document = json.loads(raw)
        cells = document["cells"]
        sources = [_source(cell) for cell in cells]
        kinds = [cell.get("cell_type") == "code" for cell in cells]
        language = _language(document.get("metadata"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    starts = _source_lines(raw)
    if len(starts) != len(sources):
        starts = [(1, False)] * len(sources)
    data = bytearray()
    found: list[Cell] = []
    lines: list[int] = []
    for lines_of_cell, is_code, (first, spread) in zip(sources, kinds, starts, strict=True):
        text = "".join(lines_of_cell).encode("utf-8", "replace")
        if not text.strip():
            continue
        found.append(Cell(len(data), len(data) + len(text), is_code))
        data += text if text.endswith(b"\n") else text + b"\n"
        count = text.count(b"\n") + (not text.endswith(b"\n"))
        mapped = spread and count == len(lines_of_cell)
        lines += [first + 1 + n if mapped else first for n in range(count)]
    return Notebook(bytes(data), tuple(found), tuple(lines), language)


def _source(cell: dict[str, Any]) -> list[str]:
    source = cell["source"]
    if isinstance(source, str):
        return [source]
    if not all(isinstance(line, str) for line in source):
        raise TypeError("a notebook's source must be text")
    return list(source)


def _language(metadata: object) -> str:
    if isinstance(metadata, dict):
        for section, key in (("language_info", "name"), ("kernelspec", "language")):
            part = metadata.get(section)
            if isinstance(part, dict) and isinstance(part.get(key), str):
                return str(part[key]).lower()
    return "python"


def _source_lines(raw: bytes) -> list[tuple[int, bool]]:
    """Find where each cell's source begins: its line, and whether its lines follow one by one.

    A quote inside a JSON string is escaped, so no output can look like the key `"source"`.
    """
    found = []
    for number, line in enumerate(raw.split(b"\n"), start=1):
        listed = _SOURCE_LIST.match(line)
        if listed:
            found.append((number, listed[1] is None))
        elif _SOURCE_TEXT.match(line):
            found.append((number, False))
    return found
