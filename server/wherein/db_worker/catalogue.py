"""The indexed files in memory, and filters over them. Database process only.

A filter is worked out once over the files (thousands), not over the chunks (hundreds of thousands),
and becomes one byte a file id: the word search asks it a row at a time, the vector scan as a mask.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np

from wherein.db_worker.changes import FileRow
from wherein.db_worker.vectors import Ints
from wherein.domain import Kind, SearchQuery

_KEPT_FILTERS: Final = 16
_MAX_GLOBS: Final = 256
_MAX_GLOB: Final = 1_024
_MAX_STARS: Final = 10  # the time that a pattern takes grows with every star


class Filter(NamedTuple):
    """Which files and kinds a query allows; None for no restriction. `notes` say what is wrong."""

    files: bytes | None  # 1 or 0 by file id
    kinds: frozenset[str] | None
    notes: tuple[str, ...] = ()

    @property
    def restricts(self) -> bool:
        """Say whether anything is filtered."""
        return self.files is not None or self.kinds is not None


class Catalogue:
    """File id -> path and language. One thread changes it, any thread may ask."""

    def __init__(self, rows: Iterable[FileRow]) -> None:
        self._files: dict[int, tuple[bytes, str]] = {
            row.id: (row.path, row.language) for row in rows if row.indexed
        }
        self._version = 0
        self._filters: OrderedDict[tuple[Any, ...], Filter] = OrderedDict()
        self._lock = threading.Lock()

    def change(self, removed: Iterable[FileRow], stored: FileRow | None) -> None:
        """Take the files of one write."""
        with self._lock:
            before = {row.id: self._files.pop(row.id, None) for row in removed}
            if stored is not None and stored.indexed:
                self._files[stored.id] = (stored.path, stored.language)
                if before.get(stored.id) == self._files[stored.id]:
                    return  # an edited file: every filter still holds
            self._version += 1

    def place(self, file: int) -> tuple[bytes, str] | None:
        """Return a file's path and language, None when it is not indexed (any more)."""
        return self._files.get(file)

    def ranks(self) -> Ints:
        """Return each file id's place in the order of paths."""
        with self._lock:
            files = sorted((path, file) for file, (path, _) in self._files.items())
        rank = np.zeros(max((file for _, file in files), default=0) + 1, np.int64)
        rank[[file for _, file in files]] = np.arange(len(files))
        return rank

    def allows(self, q: SearchQuery, path: bytes, language: str) -> bool:
        """Say whether a query's filters on files let one through, in the index or not."""
        return _work_out(q, {0: (path, language)}).files in (None, b"\1")

    def filter_of(self, q: SearchQuery) -> Filter:
        """Work out a query's filters; remembered until files come or go."""
        if not (q.paths or q.languages or q.kinds):
            return Filter(None, None)
        with self._lock:
            key = (self._version, q.paths, q.languages, q.kinds)
            known = self._filters.get(key)
            files = None if known else dict(self._files)
        if known is None:
            known = _work_out(q, files or {})
            with self._lock:
                self._filters[key] = known
                while len(self._filters) > _KEPT_FILTERS:
                    self._filters.popitem(last=False)
        return known


def _work_out(q: SearchQuery, files: dict[int, tuple[bytes, str]]) -> Filter:
    notes: list[str] = []
    kinds = frozenset(kind.lower() for kind in q.kinds) or None
    known_kinds = [kind.value for kind in Kind]
    for kind in sorted(kinds or ()):
        if kind not in known_kinds:
            notes.append(f"There is no kind {kind!r}; the kinds are {', '.join(known_kinds)}.")
    if not (q.paths or q.languages):
        return Filter(None, kinds, tuple(notes))
    allowed = files
    if q.paths:
        allowed = _under(q.paths, allowed, notes)
        if files and not allowed and not notes:
            notes.append(f"Nothing under {', '.join(q.paths)}.")
    if q.languages:
        wanted = {language.lower() for language in q.languages}
        in_language = {f: row for f, row in allowed.items() if row[1].lower() in wanted}
        if allowed and not in_language:
            where = f" under {', '.join(q.paths)}" if q.paths else ""
            notes.append(f"No file in {', '.join(q.languages)}{where}.")
        allowed = in_language
    mask = bytearray(max(files, default=0) + 1)
    for file in allowed:
        mask[file] = 1
    return Filter(bytes(mask), kinds, tuple(notes))


def _under(
    globs: tuple[str, ...], files: dict[int, tuple[bytes, str]], notes: list[str]
) -> dict[int, tuple[bytes, str]]:
    """Return the files that match any glob without ! and none with it."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # 10 ms that most starts save

    from wherein.indexing.rulefile import with_ranges

    include: list[re.Pattern[str]] = []
    exclude: list[re.Pattern[str]] = []
    for glob in globs[:_MAX_GLOBS]:
        body = glob.removeprefix("!")
        # A leading # or ! would be a comment or a negation in an ignore file; here it is a name.
        pattern = "\\" + body if body[:1] in ("#", "!") else body.removeprefix("./")
        usable = len(body) <= _MAX_GLOB and body.replace("**", "").count("*") <= _MAX_STARS
        try:
            ranged = with_ranges(pattern.encode("utf-8", "surrogateescape"))
            text = ranged.decode("utf-8", "surrogateescape")
            regex = GitIgnoreSpecPattern(text).regex if usable else None
        except ValueError:
            regex = None
        if regex is None:
            notes.append(f"{glob!r} is not a path pattern.")
            continue
        (exclude if body != glob else include).append(regex)
    if not include and any(not glob.startswith("!") for glob in globs):
        return {}
    found = {}
    for file, row in files.items():
        path = row[0].decode("utf-8", "surrogateescape")
        if include and not any(regex.match(path) for regex in include):
            continue
        if not any(regex.match(path) for regex in exclude):
            found[file] = row
    return found
