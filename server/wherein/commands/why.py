"""The command `wherein/why`: why a file is in the index, or which rule keeps it out.

Runs in the server process, and in `wherein why` on the command line.
"""

# Paths are bytes here, which pathlib cannot hold.
# ruff: noqa: PTH118

from __future__ import annotations

import asyncio
import os
import stat
from typing import Final

import msgspec

from wherein.commands.context import CommandContext, holding
from wherein.domain import KnownFile, Skip
from wherein.errors import WhereinError
from wherein.indexing import ignore
from wherein.indexing.reader import read
from wherein.settings import Settings

_BUILT_IN: Final = {
    ignore.GIT_INTERNALS: "it belongs to the repository itself",
    ignore.SECRET: "files of this name hold secrets, which are never indexed",
    ignore.DEPENDENCIES: "this folder holds installed packages",
    ignore.NESTED_REPOSITORY: "it lies in a repository of its own inside this one",
}
_SKIPPED: Final = {
    Skip.TOO_LARGE: "it is larger than {limit:,} KiB, the setting maxFileKib",
    Skip.BINARY: "it is not text",
    Skip.UNREADABLE: "it cannot be read; check its permissions",
    Skip.NOT_REGULAR: "it is not a regular file",
    Skip.SYMLINK: "it is a symbolic link",
    Skip.VANISHED: "it went away while it was read",
    Skip.BUSY: "it kept changing while it was read; it is looked at again soon",
    Skip.EMPTY: "it is empty",
    Skip.SECRET: "it holds a secret, and secrets are never indexed",
    Skip.FAILED: "it could not be parsed; the log says more",
    Skip.QUARANTINED: "parsing it killed the worker twice; it is tried again once it has changed",
}


class Params(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The URI of a file."""

    uri: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the file is in the index, and why in a sentence.

    `source`, `line` and `pattern` are the rule that keeps it out: the rule's file (relative to the
    folder) or the name of a built-in rule, its line from 1, its text. `skip` is a reason of the
    file's own. Empty or 0 where there is none.
    """

    indexed: bool
    sentence: str
    source: str = ""
    line: int = 0
    pattern: str = ""
    skip: str = ""


async def run(context: CommandContext, params: Params) -> Result:
    """Explain one file. Raises InvalidParams when it lies in no open folder."""
    folder, path = holding(context, params.uri)
    known: KnownFile | None = None
    problem = ""
    try:
        known = (await folder.require().find_file(path)).file
    except WhereinError as error:
        problem = str(error)
    return await asyncio.to_thread(
        describe, folder.root, path, context.settings, known, problem=problem
    )


def describe(
    root: str, path: bytes, settings: Settings, known: KnownFile | None, *, problem: str = ""
) -> Result:
    """Explain a file by the rules of now and by what the index knows of it; looks at the disk.

    `problem` says why the index could not be asked.
    """
    shown = path.decode("utf-8", "replace")
    if reason := ignore.IgnoreRules(root, settings.exclude).why(path):
        where = f"{reason.source}, line {reason.line}" if reason.line else reason.source
        about = reason.path.decode("utf-8", "replace")
        because = _BUILT_IN.get(reason.source)
        if because is None:
            named = "The setting exclude" if reason.source == ignore.SETTINGS else where
            because = f"{named} says {reason.pattern}"
        if about != shown:
            because += f", which leaves out {about}"
        return Result(
            indexed=False,
            sentence=f"{shown} is not indexed: {because}",
            source=reason.source,
            line=reason.line,
            pattern=reason.pattern,
        )
    skip = _reason_on_disk(root, path, settings) or (known.skip if known else None)
    if skip is Skip.VANISHED:
        return Result(indexed=False, sentence=f"{shown} is not there", skip=skip.value)
    if skip is not None:
        why = _SKIPPED[skip].format(limit=settings.max_file_kib)
        return Result(indexed=False, sentence=f"{shown} is not indexed: {why}", skip=skip.value)
    if known is not None:
        return Result(indexed=True, sentence=f"{shown} is in the index")
    if problem:
        return Result(indexed=False, sentence=f"No rule keeps {shown} out. {problem}")
    return Result(
        indexed=False,
        sentence=f"{shown} is not in the index yet. No rule keeps it out: it will be there soon",
    )


def kept_out(root: str, path: bytes, settings: Settings) -> bool:
    """Say whether a rule keeps a file out of the index; reads the rule files of now."""
    return ignore.IgnoreRules(root, settings.exclude).why(path) is not None


def _reason_on_disk(root: str, path: bytes, settings: Settings) -> Skip | None:
    """Say why a file is skipped for itself; a link in its path keeps the walk from reaching it."""
    parts = path.split(b"/")
    for depth in range(len(parts)):
        full = os.path.join(os.fsencode(root), *parts[: depth + 1])
        try:
            mode = os.lstat(full).st_mode
        except (OSError, ValueError):
            return Skip.VANISHED
        if stat.S_ISLNK(mode):
            return Skip.SYMLINK
    found = read(root, path, settings.max_file_kib * 1024)
    return found if isinstance(found, Skip) else None
