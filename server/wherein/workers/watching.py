"""Events from the file system, as hints: a set of paths that may have changed.

Wraps watchdog. Runs in the file-watcher worker; watchdog's threads only add to the set. Events can
be lost (a full kernel queue, the limit on watches), so every loss asks for a reconcile instead.
"""

# watchdog hands out paths as text or bytes; we keep bytes, which pathlib cannot hold.
# ruff: noqa: PTH112, PTH118

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from watchdog import events as ev
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from wherein.indexing.ignore import IgnoreRules

logger = logging.getLogger(__name__)

# Opening and closing are left out: with them a walk of 20,000 directories fills the kernel's queue
# with its own events, and nothing else is ever delivered.
_EVENTS: Final[list[type[ev.FileSystemEvent]]] = [
    ev.FileModifiedEvent,
    ev.FileCreatedEvent,
    ev.FileDeletedEvent,
    ev.FileMovedEvent,
    ev.DirCreatedEvent,
    ev.DirDeletedEvent,
    ev.DirMovedEvent,
]

if hasattr(ev, "FileAttribEvent"):  # not in watchdog 6, the last for Python 3.10
    _EVENTS.append(ev.FileAttribEvent)  # a file that may be read again

_LIMITS: Final = Path("/proc/sys/fs/inotify")
_MAX_PATHS: Final = 5000  # beyond this a reconcile is cheaper than looking at each path


class Hints:
    """Paths of one folder that may have changed, gathered until taken. Thread-safe.

    `whole` means: reconcile the folder. `on_first` is called when the first hint after a `take`
    comes in. A storm of paths is kept as `whole`, but for those that `matters` says something of.
    """

    def __init__(
        self, on_first: Callable[[], None], matters: Callable[[bytes], bool] = lambda _: False
    ) -> None:
        self._lock = threading.Lock()
        self._on_first = on_first
        self._matters = matters
        self._paths: set[bytes] = set()
        self.whole = False
        self.first_at = 0.0
        self.last_at = 0.0

    def add(self, path: bytes | None) -> None:
        """Note a path, or None for the whole folder."""
        with self._lock:
            fresh = not self._paths and not self.whole
            full = len(self._paths) >= _MAX_PATHS
            if path is None or full:
                self.whole = True
            if path is not None and (not full or self._kept_in_a_storm(path)):
                self._paths.add(path)
            self.last_at = time.monotonic()
            if fresh:
                self.first_at = self.last_at
        if fresh:
            self._on_first()

    def _kept_in_a_storm(self, path: bytes) -> bool:
        return len(self._paths) < 2 * _MAX_PATHS and self._matters(path)

    @property
    def waiting(self) -> bool:
        """True when there is anything to look at."""
        return self.whole or bool(self._paths)

    def take(self) -> tuple[set[bytes], bool]:
        """Return the paths and the `whole` flag, and start afresh."""
        with self._lock:
            taken = self._paths, self.whole
            self._paths, self.whole = set(), False
        return taken


class _Handler(ev.FileSystemEventHandler):
    """Turns watchdog's events into hints; runs on watchdog's thread."""

    def __init__(self, root: str, hints: Hints) -> None:
        self._base = os.path.join(os.fsencode(root), b"")
        self._hints = hints

    def dispatch(self, event: ev.FileSystemEvent) -> None:
        """Take one event. What happened does not matter: the disk is looked at."""
        for raw in (event.src_path, event.dest_path):
            path = os.fsencode(raw) if raw else b""
            if not path.startswith(self._base):
                if path and path + b"/" == self._base:
                    self._hints.add(None)
                continue
            relative = path[len(self._base) :]
            if sys.platform == "win32":
                relative = relative.replace(b"\\", b"/")
            # A directory that came or went brings files that nobody announced.
            self._hints.add(None if event.is_directory else relative)


class Watch:
    """The observer of one folder. `start` may take a second on a large tree."""

    def __init__(self, root: str, excludes: tuple[str, ...], hints: Hints) -> None:
        self._root = root
        self._hints = hints
        self._observer: BaseObserver | None = None
        self._excludes = excludes
        self._rules = IgnoreRules(root, excludes)
        self._rules_lock = threading.Lock()
        self._by_rules = False  # whether ignored directories are left unwatched
        self.trouble = ""  # a sentence, when events cannot be relied on
        self._losses = _LossHandler(self)

    def start(self) -> None:
        """Begin to watch, by the ignore rules of now; `trouble` says what went wrong."""
        self.trouble = ""
        with self._rules_lock:
            self._rules = IgnoreRules(self._root, self._excludes)
        logging.getLogger("watchdog.observers").addHandler(self._losses)
        try:
            own = _own_observer(self)
            self._by_rules = own is not None
            observer = own or Observer()
            observer.schedule(
                _Handler(self._root, self._hints),
                self._root,
                recursive=own is None,
                event_filter=_EVENTS,
            )
            observer.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the disk is polled then
            self.lost(error)
            return
        self._observer = observer

    @property
    def ended(self) -> bool:
        """True when an emitter has ended by itself, as it does when its folder is removed."""
        observer = self._observer
        return observer is not None and not all(e.is_alive() for e in observer.emitters)

    def stop(self) -> None:
        """Stop watching."""
        logging.getLogger("watchdog.observers").removeHandler(self._losses)
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(1.0)

    def lost(self, error: Exception | None) -> None:
        """Events were lost, or will be: reconcile, and say why if it lasts."""
        if error is not None:
            self.trouble = _explain(error)
        self._hints.add(None)

    def unwatched(self, path: bytes) -> bool:
        """Say whether a directory (absolute path) is ignored and need not be watched."""
        base = os.path.join(os.fsencode(self._root), b"")
        if not path.startswith(base):
            return False
        with self._rules_lock:
            return self._rules.is_ignored(path[len(base) :], is_dir=True)

    def outdated_by(self, rules: IgnoreRules) -> bool:
        """Say whether these, read since, leave other directories unwatched than those of `start`.

        A rule file may change between its reading and its watch, or lie where nothing is watched.
        """
        with self._rules_lock:
            return self._by_rules and not self._rules.agrees(rules)


class _LossHandler(logging.Handler):
    """watchdog only logs that it lost events: hear it, and ask for a reconcile."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.WARNING)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        """Take any warning of watchdog's as a loss."""
        self._watch.lost(None)


def _explain(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    setting = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}.get(
        number or 0
    )
    if setting is None:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        return f"The folder cannot be watched ({reason}). Checking every 30 s"
    try:
        limit = f" ({int((_LIMITS / setting).read_text('ascii')):,})"
    except (OSError, ValueError):
        limit = ""
    return (
        f"The system's watch limit is reached{limit}. Checking every 30 s. "
        f"Raise fs.inotify.{setting} to be told at once"
    )


def _own_observer(watch: Watch) -> BaseObserver | None:
    """On Linux, make an observer that leaves ignored directories unwatched; it walks by itself."""
    if sys.platform == "linux":
        from watchdog.observers import inotify

        if hasattr(inotify, "InotifyWatchGroup"):  # not in watchdog 6, the last for Python 3.10
            observer: Any = inotify.InotifyObserver()
            observer._emitter_class = _emitter_of(inotify, watch)  # there is no public way
            return observer  # type: ignore[no-any-return] # made of private parts
    return None


def _emitter_of(inotify: Any, watch: Watch) -> type:  # noqa: ANN401 - the module, when it is there
    """Make an emitter that adds watches for directories that count (watchdog 7.1, pinned)."""

    class WatchGroup(inotify.InotifyWatchGroup):  # type: ignore[misc] # of an untyped module
        """The watches of one folder."""

        def _add_all_callbacks(self, path: bytes) -> None:
            if path != self.path and watch.unwatched(path):
                return
            waiting = [path]  # os.walk recurses before Python 3.12, and directories may be deep
            while waiting:
                directory = waiting.pop()
                self._add_callback(directory)
                with contextlib.suppress(OSError), os.scandir(directory) as entries:
                    inner = [e.path for e in entries if e.is_dir(follow_symlinks=False)]
                    waiting.extend(each for each in inner if not watch.unwatched(each))

        def _recursive_simulate(self, _path: bytes) -> list[Any]:
            return []  # that a directory came is a reconcile: what is in it needs no events

        def _add_callback(self, path: bytes) -> None:
            super()._add_callback(path)
            if path not in self._active_callbacks_by_path and os.path.isdir(path):
                watch.lost(OSError(errno.ENOSPC, "watch limit"))

    class Emitter(inotify.InotifyEmitter):  # type: ignore[misc] # of an untyped module
        """Emits from our group, which alone is recursive: what is in a directory that comes gets no
        events of its own, for which watchdog would walk it by os.walk.
        """

        def on_thread_start(self) -> None:
            self._inotify = WatchGroup(
                self._inotify_fd,
                os.fsencode(self.watch.path),
                is_recursive=True,
                event_mask=self.get_event_mask_from_filter(),
                follow_symlink=False,
            )

    return Emitter
