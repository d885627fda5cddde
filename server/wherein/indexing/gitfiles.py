"""What git's own files say of ignoring, read without ever running git; used by `ignore`.

Running git in a folder that came from elsewhere can run commands from that folder's
configuration, so wherein reads the few files it needs: the person's configuration for the global
excludes file, `.gitmodules` for the submodules, and `.git` to know where a repository begins.
The configuration of the workspace's own repository is not read.
"""

# Paths are bytes here, which pathlib cannot hold.
# ruff: noqa: PTH112, PTH113, PTH117, PTH118, PTH120

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

MAX_CONFIG_BYTES = 1 << 20
MAX_INCLUDED = 10  # files in one another, as in git

_SECTION = re.compile(r'\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]\s*(.*)')
_VALUE = re.compile(r"([A-Za-z][\w-]*)\s*=\s*(.*)")


def is_repository(directory: bytes) -> bool:
    """Tell whether git would see a repository here: a `.git` that is one, or names one."""
    dot_git = os.path.join(directory, b".git")
    place = _named_place(directory) if os.path.isfile(dot_git) else dot_git
    if not place or not os.path.lexists(os.path.join(place, b"HEAD")):
        return False
    common = _common(place)
    return all(os.path.isdir(os.path.join(common, name)) for name in (b"objects", b"refs"))


def repository_top(directory: bytes) -> bytes | None:
    """Find the nearest directory, this one or above, that is a git work tree."""
    while True:
        if is_repository(directory):
            return directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def exclude_file(top: bytes) -> bytes:
    """Name the `info/exclude` file of the repository whose work tree begins at `top`."""
    dot_git = os.path.join(top, b".git")
    if os.path.isfile(dot_git) and (place := _named_place(top)):
        dot_git = _common(place)
    return os.path.join(dot_git, b"info", b"exclude")


def _named_place(directory: bytes) -> bytes:
    """Return the directory that the file `.git` of a work tree names, b"" for none."""
    pointer = read_small(os.path.join(directory, b".git"))
    return os.path.join(directory, pointer[7:].strip()) if pointer.startswith(b"gitdir:") else b""


def _common(place: bytes) -> bytes:
    """Return where a linked work tree has what it shares with the main one; else the same place."""
    return os.path.join(place, read_small(os.path.join(place, b"commondir")).strip())


def submodules(top: bytes) -> frozenset[bytes]:
    """List the paths of the submodules in `.gitmodules`, relative to `top`."""
    text = read_small(os.path.join(top, b".gitmodules")).decode("utf-8", "surrogateescape")
    return frozenset(
        os.fsencode(value.rstrip("/"))
        for section, key, value in _settings(text)
        if section == "submodule" and key == "path"
    )


def global_excludes(home: Path | None = None) -> bytes | None:
    """Name the person's global excludes file, whether or not it exists; None without a home.

    The last `core.excludesFile` of the person's configuration files wins, as in git; without one
    it is `$XDG_CONFIG_HOME/git/ignore`. Includes are followed, conditional ones are not.
    """
    try:
        home = home or Path.home()
    except RuntimeError:
        return None
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    found = ""
    for path in (Path("/etc/gitconfig"), config / "config", home / ".gitconfig"):
        for section, key, value in _with_included(path, home):
            if section == "core" and key == "excludesfile":
                found = value
    if not found:
        return os.fsencode(config / "ignore")
    if found.startswith("~/"):
        return os.fsencode(home / found[2:])
    return os.fsencode(found) if os.path.isabs(found) else None


def _with_included(path: Path, home: Path, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Yield the settings of a file, those of the files it includes at the place of the include."""
    text = read_small(os.fsencode(path)).decode("utf-8", "surrogateescape")
    for section, key, value in _settings(text):
        if (section, key) != ("include", "path"):
            yield section, key, value
        elif depth < MAX_INCLUDED:
            inner = home / value[2:] if value.startswith("~/") else path.parent / value
            yield from _with_included(inner, home, depth + 1)


def read_small(path: bytes, *, follow: bool = True) -> bytes:
    """Read a small file; missing, unreadable ones, and links unless `follow`, count as empty."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        fd = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError:
        return b""
    try:
        return os.read(fd, MAX_CONFIG_BYTES)
    except OSError:  # a directory of that name
        return b""
    finally:
        os.close(fd)


def _settings(text: str) -> list[tuple[str, str, str]]:
    """Read git's configuration format: (section, key, value), names in lower case."""
    found: list[tuple[str, str, str]] = []
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        header = _SECTION.match(line)
        if header:
            section, line = header[1].lower(), header[3]
        setting = _VALUE.match(line)
        if setting:
            found.append((section, setting[1].lower(), _unquote(setting[2])))
    return found


def _unquote(value: str) -> str:
    if value.startswith('"'):
        closed = re.match(r'"((?:[^"\\]|\\.)*)"', value)
        return re.sub(r"\\(.)", r"\1", closed[1]) if closed else value.strip('"')
    return re.split(r"\s*[#;]", value, maxsplit=1)[0].strip()
