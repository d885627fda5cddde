"""What git's own files say of ignoring, read without ever running git; used by `ignore`.

Running git in a folder that came from elsewhere can run commands from that folder's
configuration, so wherein reads the few files it needs: the person's configuration for the global
excludes file, `.gitmodules` for the submodules, and `.git` to know where a repository begins.
The configuration of the workspace's own repository is not read.
"""

# Paths are bytes here, which pathlib cannot hold.
# ruff: noqa: PTH113, PTH117, PTH118, PTH120

from __future__ import annotations

import os
import re
from pathlib import Path

MAX_CONFIG_BYTES = 1 << 20

_SECTION = re.compile(r'\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]\s*(.*)')
_VALUE = re.compile(r"([A-Za-z][\w-]*)\s*=\s*(.*)")


def is_repository(directory: bytes) -> bool:
    """Tell whether git would see a repository here: a `.git` directory with a HEAD, or a file."""
    dot_git = os.path.join(directory, b".git")
    return os.path.isfile(dot_git) or os.path.lexists(os.path.join(dot_git, b"HEAD"))


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
    if os.path.isfile(dot_git):
        pointer = read_small(dot_git)
        if pointer.startswith(b"gitdir:"):
            dot_git = os.path.join(top, pointer[7:].strip())
            common = read_small(os.path.join(dot_git, b"commondir")).strip()
            if common:  # a linked work tree: excludes are kept with the main one
                dot_git = os.path.join(dot_git, common)
    return os.path.join(dot_git, b"info", b"exclude")


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
    it is `$XDG_CONFIG_HOME/git/ignore`. Conditional includes are not followed.
    """
    try:
        home = home or Path.home()
    except RuntimeError:
        return None
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    found = ""
    for path in (Path("/etc/gitconfig"), config / "config", home / ".gitconfig"):
        text = read_small(os.fsencode(path)).decode("utf-8", "surrogateescape")
        for section, key, value in _settings(text):
            if section == "core" and key == "excludesfile":
                found = value
    if not found:
        return os.fsencode(config / "ignore")
    if found.startswith("~/"):
        return os.fsencode(home / found[2:])
    return os.fsencode(found) if os.path.isabs(found) else None


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
