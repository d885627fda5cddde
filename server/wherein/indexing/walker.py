"""A walk over a workspace folder: every file that counts, with the signature that `stat` gives.

Runs in the file-watcher worker. Never follows a symbolic link, never recurses, and keeps "could
not be read" apart from "is not there": a scan error must not look like a mass deletion.
"""

# Paths are bytes here, which pathlib cannot hold.
# ruff: noqa: PTH118

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import attrs

from wherein.domain import Signature, Skip
from wherein.indexing.ignore import IgnoreRules, Scope
from wherein.indexing.signature import signature_of

# `os.DirEntry.stat` has no inode and another ctime than `os.fstat` on Windows.
_ENTRY_STAT_IS_FULL = os.name != "nt"


@attrs.define
class Walk:
    """What a walk found; all paths are relative to the folder.

    `skipped` are entries that are not ignored and still not indexable. `unknown` are directories
    that could not be read ("" for the folder itself): what was known below them stays known.
    """

    files: dict[bytes, Signature] = attrs.field(factory=dict)
    skipped: dict[bytes, Skip] = attrs.field(factory=dict)
    directories: set[bytes] = attrs.field(factory=set)
    unknown: set[bytes] = attrs.field(factory=set)

    def is_unknown(self, path: bytes) -> bool:
        """Tell whether the path lies in or below a directory that could not be read."""
        return bool(self.unknown) and any(above in self.unknown for above in _parents(path))


def walk(root: str, rules: IgnoreRules) -> Walk:
    """Walk the whole folder; `directories` has b"" for the folder itself."""
    found = Walk()
    base = os.path.join(os.fsencode(root), b"")
    waiting: list[tuple[bytes, Scope | None]] = [(b"", None)]
    while waiting:
        directory, around = waiting.pop()
        try:
            with os.scandir(base + directory) as listing:
                entries = list(listing)
        except FileNotFoundError:
            if not directory:
                found.unknown.add(directory)
            continue  # gone since its parent was listed
        except OSError:
            found.unknown.add(directory)
            continue
        if around is None:
            scope = rules.root_scope
        else:
            scope = rules.enter(around, directory, {entry.name for entry in entries})
            if scope.closed:
                continue
        found.directories.add(directory)
        waiting.extend(
            _sort_out(found, entries, directory + b"/" if directory else b"", rules, scope)
        )
    return found


def _sort_out(
    found: Walk,
    entries: list[os.DirEntry[bytes]],
    prefix: bytes,
    rules: IgnoreRules,
    scope: Scope,
) -> list[tuple[bytes, Scope]]:
    """File each entry of one directory under what it is; returns the directories to enter."""
    inner = []
    excluded = rules.excluded
    files, skipped = found.files, found.skipped
    for entry in entries:
        name = entry.name
        path = prefix + name
        try:
            is_dir = entry.is_dir(follow_symlinks=False)
            if excluded(scope, path, name, is_dir):
                continue
            if is_dir:
                inner.append((path, scope))
            elif rules.is_secret(name):
                skipped[path] = Skip.SECRET
            elif entry.is_file(follow_symlinks=False):
                seen = entry.stat(follow_symlinks=False) if _ENTRY_STAT_IS_FULL else os.lstat(entry)
                files[path] = Signature(
                    seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino
                )
            else:
                skipped[path] = Skip.SYMLINK if entry.is_symlink() else Skip.NOT_REGULAR
        except FileNotFoundError:
            continue  # deleted between listing and stat
        except OSError:
            skipped[path] = Skip.UNREADABLE
    return inner


def stat_file(root: str, path: bytes) -> Signature | Skip:
    """Look at one file as the walk would; whether it is ignored is not asked."""
    try:
        seen = os.lstat(os.path.join(os.fsencode(root), path))
    except (FileNotFoundError, NotADirectoryError):
        return Skip.VANISHED
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        return Skip.UNREADABLE
    if stat.S_ISREG(seen.st_mode):
        return signature_of(seen)
    return Skip.SYMLINK if stat.S_ISLNK(seen.st_mode) else Skip.NOT_REGULAR


def _parents(path: bytes) -> Iterator[bytes]:
    yield b""
    for position, byte in enumerate(path):
        if byte == 0x2F:
            yield path[:position]
