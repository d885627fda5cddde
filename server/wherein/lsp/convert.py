"""Between the index and the protocol: bytes, lines and paths on one side, positions and URIs there.

The index counts lines by line feeds; the protocol also ends a line at a lone carriage return, does
not count a leading byte order mark, and measures columns in UTF-16 or UTF-8 units. Only this module
knows, but for the database worker, which reads the files of its answers and says where it is simple
(`SearchHit.last_line`). Runs in the server process; functions that read files say so and belong in
a thread.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final

from lsprotocol import types

from wherein.commands import search, symbols
from wherein.commands.ranges import Position, Range
from wherein.domain import FoundSymbol, Kind
from wherein.lsp.messages import CoverageItem, SearchItem, SearchReply, SymbolItem
from wherein.paths import from_uri, open_below, to_uri

MAX_BYTES: Final = 8 << 20  # larger files get a range without columns

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_SYMBOL_KINDS: Final = {
    Kind.FUNCTION: types.SymbolKind.Function,
    Kind.METHOD: types.SymbolKind.Method,
    Kind.CLASS: types.SymbolKind.Class,
    Kind.INTERFACE: types.SymbolKind.Interface,
    Kind.STRUCT: types.SymbolKind.Struct,
    Kind.ENUM: types.SymbolKind.Enum,
    Kind.TYPE: types.SymbolKind.Class,
    Kind.MODULE: types.SymbolKind.Module,
    Kind.CONSTANT: types.SymbolKind.Constant,
    Kind.MACRO: types.SymbolKind.Function,
    Kind.SECTION: types.SymbolKind.String,  # what Markdown servers use for headings
    Kind.CELL: types.SymbolKind.File,
    Kind.TEXT: types.SymbolKind.File,
}


class Places:
    """Finds URIs and ranges of files below folders; reads each file at most once.

    `names` maps a folder's canonical path to the path that the client opened it by: the answer
    speaks of files under the name that the editor knows. `buffers` are texts that stand in for
    files. Made anew for each reply.
    """

    def __init__(
        self,
        names: dict[str, bytes],
        encoding: str,
        buffers: Mapping[tuple[str, bytes], bytes] | None = None,
    ) -> None:
        self._names = names
        self._buffers = buffers or {}
        self._encoding = encoding
        self._files: dict[bytes, Lines | None] = {}

    def uri(self, root: str, path: bytes) -> str:
        """Write the URI of a file by its path in the index."""
        return to_uri(self._path(root, path))

    def folder_uri(self, root: str) -> str:
        """Write the URI of a folder."""
        return to_uri(self._names.get(root, os.fsencode(root)))

    def range(
        self, root: str, path: bytes, start_line: int, end_line: int, last: bytes | None = None
    ) -> Range:
        """Return the range of whole lines, given as the index counts them.

        Columns are those of the open buffer, where there is one; else of the `last` line, where it
        is known; else the file is read.
        """
        if last is not None and (root, path) not in self._buffers:
            end = Position(end_line - 1, column(last, self._encoding))
            return Range(Position(start_line - 1, 0), end)
        full = self._path(root, path)
        if full not in self._files:
            data = self._buffers.get((root, path))
            if data is None:
                data = _read(root, path)
            self._files[full] = None if data is None else Lines(data)
        lines = self._files[full]
        if lines is None:
            return Range(Position(start_line - 1, 0), Position(end_line, 0))
        return lines.range(start_line, end_line, self._encoding)

    def _path(self, root: str, path: bytes) -> bytes:
        folder = self._names.get(root, os.fsencode(root))
        return folder.rstrip(b"/\\") + b"/" + path


class Lines:
    """The lines of one file as the protocol sees them, addressed as the index counts.

    A lone CR ends a line of the protocol and not one of the index; in files without, the two agree.
    """

    def __init__(self, data: bytes) -> None:
        if encoding := _UTF16.get(data[:2]):
            data = data[2:].decode(encoding, "replace").encode("utf-8", "replace")
        data = data.removeprefix(_UTF8_MARK)
        counted = data.split(b"\n")
        self._lines = counted  # of the protocol
        self._of_line: range | list[int] = range(len(counted))  # the index's line -> its first one
        if data.count(b"\r") != data.count(b"\r\n"):
            self._lines, self._of_line = [], []
            for line in [part.removesuffix(b"\r") for part in counted[:-1]] + counted[-1:]:
                self._of_line.append(len(self._lines))
                self._lines += line.split(b"\r")

    def range(self, start_line: int, end_line: int, encoding: str) -> Range:
        """Return the range from the start of one line to the end of another, both from 1.

        Lines beyond the end of the file, which has changed since, are its last line.
        """
        last = len(self._of_line) - 1
        first = self._of_line[min(max(start_line - 1, 0), last)]
        after = end_line  # the index's next line begins after the last of the protocol's
        end = self._of_line[after] - 1 if after <= last else len(self._lines) - 1
        end = max(end, first)
        return Range(Position(first, 0), Position(end, self.width(end, encoding)))

    def width(self, line: int, encoding: str) -> int:
        """Count the columns of a line (from 0) without its end, in units of the encoding."""
        return column(self._lines[line].removesuffix(b"\r"), encoding)


def column(before: bytes, encoding: str) -> int:
    """Count the columns that a stretch of a line takes, in units of `utf-8` or `utf-16`.

    Bytes that are not UTF-8 count as the replacement characters that an editor shows.
    """
    text = before.decode("utf-8", "replace")
    if encoding == "utf-8":
        return len(before) if "\ufffd" not in text else len(text.encode("utf-8"))
    return len(text) + sum(1 for character in text if character > "\uffff")


def file_path(uri: str) -> bytes:
    """Read the path of a file URI, without a slash at its end. Raises UsageError for others."""
    path = from_uri(uri)
    return path.rstrip(b"/") or path


def search_reply(result: search.Result, places: Places) -> SearchReply:
    """Write a search's answer for the wire. Reads files whose last lines are not known."""
    return SearchReply(
        results=[_item(found, places) for found in result.found],
        coverage=CoverageItem(
            result.coverage.files,
            result.coverage.chunks,
            result.coverage.vectors,
            result.coverage.made,
        ),
        notes=result.notes,
        commit=result.commit,
        timings_us=result.timings_us,
    )


def symbol_item(found: symbols.Found, places: Places) -> SymbolItem:
    """Write a symbol for wherein/symbols. Reads its file."""
    path, symbol = found.symbol.path, found.symbol.symbol
    return SymbolItem(
        uri=places.uri(found.root, path),
        range=places.range(found.root, path, symbol.start_line, symbol.end_line),
        path=_display(path),
        start_line=symbol.start_line,
        end_line=symbol.end_line,
        name=symbol.name,
        qualified=symbol.qualified,
        kind=symbol.kind.value,
        signature=symbol.signature,
    )


def symbol_of(root: str, found: FoundSymbol, places: Places) -> types.WorkspaceSymbol:
    """Write a symbol for workspace/symbol. Reads its file."""
    symbol = found.symbol
    container = symbol.qualified.rpartition(".")[0]
    where = _display(found.path)
    return types.WorkspaceSymbol(
        name=symbol.name,
        kind=_SYMBOL_KINDS[symbol.kind],
        container_name=f"{container} in {where}" if container else where,
        location=_location(root, found.path, symbol.start_line, symbol.end_line, places),
    )


def symbol_of_hit(found: search.Found, places: Places) -> types.WorkspaceSymbol:
    """Write a search's hit for workspace/symbol. Reads its file."""
    hit = found.hit
    where = _display(hit.path)
    return types.WorkspaceSymbol(
        name=hit.symbol or where.rpartition("/")[2],
        kind=_SYMBOL_KINDS[hit.kind],
        container_name=where,
        location=_location(found.root, hit.path, hit.start_line, hit.end_line, places),
    )


def _location(root: str, path: bytes, start: int, end: int, places: Places) -> types.Location:
    span = places.range(root, path, start, end)
    return types.Location(
        uri=places.uri(root, path),
        range=types.Range(
            types.Position(span.start.line, span.start.character),
            types.Position(span.end.line, span.end.character),
        ),
    )


def _item(found: search.Found, places: Places) -> SearchItem:
    hit = found.hit
    return SearchItem(
        uri=places.uri(found.root, hit.path),
        range=places.range(found.root, hit.path, hit.start_line, hit.end_line, hit.last_line),
        path=_display(hit.path),
        start_line=hit.start_line,
        end_line=hit.end_line,
        start_byte=hit.start_byte,
        end_byte=hit.end_byte,
        symbol=hit.symbol,
        kind=hit.kind.value,
        language=hit.language,
        score=found.score,
        via=hit.via,
        rules=hit.rules,
        terms=hit.terms,
        stale=hit.stale,
        snippet=hit.snippet,
    )


def _display(path: bytes) -> str:
    """A path as text; the URI beside it is the exact one."""
    return path.decode("utf-8", "replace")


def _read(root: str, path: bytes) -> bytes | None:
    """Read a regular file below a folder, of a sane size; None when it is none, or unreadable."""
    try:
        fd = open_below(os.fsencode(root), path)
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
                return None
            return file.read(MAX_BYTES)
    except (OSError, ValueError):
        return None


def folder_of_path(path: str) -> str:
    """Write a plain path, which old clients send, as a file URI."""
    return to_uri(os.fsencode(path))
