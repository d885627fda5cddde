"""`wherein doctor`: what this installation is made of and what is wrong with it, problems first."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from wherein import __version__
from wherein.errors import WhereinError
from wherein.ipc.transport import uses_tcp
from wherein.logs import shown
from wherein.ownership.indexes import Stored, stored_indexes
from wherein.ownership.lock import read_owner
from wherein.paths import (
    check_folder,
    config_home,
    index_home,
    index_paths,
    log_home,
    private_dir,
    runtime_dir,
)
from wherein.settings import Settings
from wherein.status import FolderState
from wherein.terminal.status import look, model_problem
from wherein.terminal.streams import Style, human_bytes, write
from wherein.workers.worker_log import logs_of, remembered

_PACKAGES: Final = ("apsw", "fastembed", "numpy", "tree-sitter-language-pack", "watchdog", "pygls")
_LEAST_FREE: Final = 512 << 20  # bytes; an index of a large project and its next generation
_LEAST_WATCHES: Final = 65_536  # directories; a project with node_modules has tens of thousands
_WATCHES: Final = Path("/proc/sys/fs/inotify/max_user_watches")
_WRONG_STATES: Final = (
    FolderState.ROOT_MISSING.value,
    FolderState.FAILED.value,
    FolderState.READ_ONLY.value,
)


@attrs.frozen
class Finding:
    """One line: what was looked at, what it is, and what to do when that is wrong ("" if fine)."""

    subject: str
    text: str
    problem: str = ""


def examine(folder: str | None, settings: Settings) -> int:
    """Print what was found; returns 1 when something is wrong, else 0."""
    findings = [*_versions(), *_directories(), _transport(), _model(), *_watches(), *_indexes()]
    if folder is not None:
        findings += _folder(check_folder(folder), settings)
    style = Style(sys.stdout)
    wrong = [finding for finding in findings if finding.problem]
    for finding in wrong:
        write(style.alarm(f"{finding.subject}: {finding.problem}"))
    if wrong:
        write()
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        if finding.text:
            write(f"{style.dim(f'{finding.subject:<{width}}')}  {finding.text}")
    if not wrong:
        write("Nothing is wrong")
    return 1 if wrong else 0


def _versions() -> Iterator[Finding]:
    yield Finding("wherein", f"{__version__} in {Path(__file__).parents[1]}")
    yield Finding("Python", f"{platform.python_version()} at {sys.executable}")
    yield Finding("system", f"{platform.system()} {platform.release()} {platform.machine()}")
    found, missing = [], []
    for name in _PACKAGES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        found.append(f"{name} {version}")
        if name == "apsw":  # its version is that of the SQLite inside it, and a counter
            yield Finding("SQLite", ".".join(version.split(".")[:3]))
    problem = ""
    if missing:
        problem = f"{', '.join(missing)} not installed. Install wherein again: pip install wherein"
    yield Finding("packages", ", ".join(found), problem)


def _directories() -> Iterator[Finding]:
    for name, place in (
        ("indexes", index_home()),
        ("choices", config_home()),
        ("logs", log_home()),
    ):
        if not place.exists():
            problem = _cannot_be_made(place)
            yield Finding(name, f"{place} (not made yet)", problem)
            continue
        try:
            private_dir(place)
        except WhereinError as error:
            yield Finding(name, str(place), str(error))
            continue
        problem = ""
        if not os.access(place, os.W_OK | os.X_OK):
            problem = f"{place} cannot be written. Change its mode, or set WHEREIN_HOME"
        free = shutil.disk_usage(place).free
        if free < _LEAST_FREE:
            problem = f"{human_bytes(free)} are free for {place}. Make room, or set WHEREIN_HOME"
        yield Finding(name, f"{place} ({human_bytes(free)} free)", problem)


def _cannot_be_made(place: Path) -> str:
    there = next(parent for parent in place.parents if parent.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return ""
    return f"{place} cannot be made in {there}. Change its mode, or set WHEREIN_HOME"


def _transport() -> Finding:
    if uses_tcp():
        return Finding("sockets", "loopback TCP with a token")
    try:
        return Finding("sockets", f"Unix sockets in {runtime_dir()}")
    except WhereinError as error:
        return Finding("sockets", "", str(error))


def _model() -> Finding:
    spec, problem = model_problem()
    if spec is None:
        return Finding("model", "", problem)
    checked = (
        "its files are unchanged"
        if spec.sha256
        else "a folder of your own, nothing to compare with"
    )
    text = f"{spec.name} in {spec.folder}"
    return Finding("model", text if problem else f"{text} ({checked})", problem)


def _watches() -> Iterator[Finding]:
    try:
        limit = int(_WATCHES.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return  # not Linux
    text = f"{limit:,} directories"
    if limit < _LEAST_WATCHES:
        # Not a problem: where the limit is reached, changes are found every 30 s instead.
        text += f". For large projects: sysctl fs.inotify.max_user_watches={_LEAST_WATCHES * 8}"
    yield Finding("watch limit", text)


def _indexes() -> Iterator[Finding]:
    size = useless = count = 0
    now = time.time()
    try:
        for stored in stored_indexes():
            if isinstance(stored, Path):
                yield Finding("index", str(stored), f"{stored} is not an index. Remove it")
                continue
            count, size = count + 1, size + stored.size
            useless += stored.size if stored.useless(now) else 0
            yield _index(stored, now)
    except WhereinError as error:
        yield Finding("indexes", "", str(error))
    if count:
        rest = f"; wherein prune frees {human_bytes(useless)}" if useless else ""
        yield Finding("all indexes", f"{count:,}, {human_bytes(size)}{rest}")


def _index(stored: Stored, now: float) -> Finding:
    notes = [human_bytes(stored.size), _ago(now - stored.used_at)]
    owner = read_owner(stored.paths)
    if owner is not None and _alive(owner.pid):
        notes[1] = f"in use by process {owner.pid}"
    if stored.folder_gone:
        notes.append("its folder is gone; wherein prune removes it")
    elif any(Path(stored.paths.directory).glob("bad-*")):
        notes.append("a damaged version was put aside")
    return Finding("index", f"{shown(os.fsencode(stored.paths.root))} ({', '.join(notes)})")


def _ago(seconds: float) -> str:
    if seconds < 3_600:
        return "used just now" if seconds < 60 else f"used {seconds / 60:.0f} min ago"
    days = seconds / 86_400
    return f"used {seconds / 3_600:.0f} h ago" if days < 2 else f"used {days:.0f} days ago"


def _alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def _folder(root: str, settings: Settings) -> Iterator[Finding]:
    """Say what the index of a folder holds, and check all of it against itself."""
    text = shown(os.fsencode(root))
    try:
        report = look(root, settings, check=True)
    except WhereinError as error:
        yield Finding("folder", text, f"{error}. Make the index anew: remove its directory")
        return
    wrong = report.sentence if report.state in _WRONG_STATES else ""
    yield Finding("folder", f"{text}: {report.sentence}", wrong)
    for log in logs_of(index_paths(root).id):
        said = remembered(log)
        yield Finding("log", f"{log} ({said})" if said else str(log))
    if report.verdict is not None:
        problems = "; ".join(report.verdict.problems)
        if problems:
            problems += ". It is rebuilt by itself at the next search"
        yield Finding("check", report.verdict.checked, problems)
