"""The log of one worker: what it wrote to stderr, kept small, and the lines that say why it died.

The worker writes it, from its first moment on, so that it also has what native libraries and the
interpreter say at a death. The hosting process and the command line read it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from pathlib import Path
from typing import Final

from wherein import __version__
from wherein.errors import StorageError
from wherein.logs import shown, without_places
from wherein.paths import log_home, private_dir
from wherein.workers.start import WorkerType

MAX_BYTES: Final = 512 << 10  # of the file; as much again in the one before it
_LAST_BYTES: Final = 64 << 10
_LINES: Final = 3
_LINE_LENGTH: Final = 200
_FLAGS: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)  # fmt: skip

_BEGIN: Final = re.compile(r"^-- (\S+ \S+) .*, process (\d+)$")
# Frames, headings, and what our own log says of lesser things: none of it is why.
_ASIDE: Final = re.compile(
    r"^(\s|$|-- |Traceback \(|Thread 0x|Current thread 0x|Extension modules:"
    r"|\S+ \S+ wherein\[\d+\] (DEBUG|INFO|WARNING) )"
)
_OURS: Final = re.compile(r"^\S+ \S+ wherein\[\d+\] (?:ERROR|CRITICAL) \S+: ")


def log_file(index: str, worker: WorkerType) -> Path:
    """Name the log of a worker, by the id of the first index that it works for."""
    return log_home() / f"{index}.{worker.value}.log"


def logs_of(index: str) -> list[Path]:
    """List what is there of the logs of an index's workers, by name."""
    return sorted(log_home().glob(f"{index}.*.log"))


class WorkerLog:
    """The worker's side."""

    def __init__(self, index: str, worker: WorkerType) -> None:
        self._path = log_file(index, worker)
        self._worker = worker
        self._ours = False

    def begin(self) -> int | None:
        """Let stdout and stderr of this process lead into the log; returns the stderr from before.

        None, and nothing is changed, where there can be no log.
        """
        before = os.dup(2)
        if self._lead():
            self._ours = True
            when = time.strftime("%Y-%m-%d %H:%M:%S")
            name = self._worker.value.replace("_", " ")
            text = f"-- {when} {name} worker of wherein {__version__}, process {os.getpid()}\n"
            os.write(2, text.encode("ascii"))
            return before
        os.close(before)
        return None

    def keep_small(self) -> None:
        """Begin a new file where this one is large."""
        with contextlib.suppress(OSError):
            if self._ours and os.fstat(2).st_size > MAX_BYTES:
                self._lead()

    def _lead(self) -> bool:
        try:
            private_dir(self._path.parent)
            with contextlib.suppress(FileNotFoundError):
                if self._path.lstat().st_size > MAX_BYTES:
                    self._path.replace(self._path.with_suffix(".old"))
            fd = os.open(self._path, _FLAGS, 0o600)
        except (OSError, StorageError):
            return False
        plain = stat.S_ISREG(os.fstat(fd).st_mode)
        if plain:
            os.dup2(fd, 2)
            os.dup2(2, 1)
        os.close(fd)
        return plain


def last_words(log: Path, pid: int) -> str:
    """Return what a process says of its own end: at most three lines, without directories.

    "" when it said nothing, or when the log is a later process's.
    """
    begun = _begun(log)
    return begun[-1][2] if begun and begun[-1][1] in ("", str(pid)) else ""


def remembered(log: Path) -> str:
    """Return what the last process that said anything of its end said, and when it was started."""
    return next(
        (f"{when} {words}".strip() for when, _, words in reversed(_begun(log)) if words), ""
    )


def _begun(log: Path) -> list[tuple[str, str, str]]:
    """List the processes that the end of a log is about: when it began, its pid, its words."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    found: list[tuple[str, str, list[str]]] = [("", "", [])]
    for line in lines:
        if begin := _BEGIN.match(line):
            found.append((begin[1], begin[2], []))
        elif not _ASIDE.match(line):
            found[-1][2].append(_OURS.sub("", line)[:_LINE_LENGTH])
    # What a process said that began before these bytes counts only where it is all there is.
    return [(when, pid, _plain(said)) for when, pid, said in (found[1:] or found)]


def _plain(said: list[str]) -> str:
    return "; ".join(without_places(shown(line.encode())) for line in said[-_LINES:])
