"""FolderIndexer: makes the index of one folder equal to the disk. Runs in the file-watcher worker.

Reads, chunks and sends; at most `MAX_IN_FLIGHT` files or `MAX_BYTES` of text wait for the database,
then reading waits too. Single-threaded: only the watcher's main thread calls it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from wherein.database.code_database import CodeDatabase
from wherein.database.drivers.base import DriverConfig
from wherein.domain import (
    FileUpdate,
    IndexStats,
    KnownFile,
    ParsedFile,
    RemoveFiles,
    Signature,
    Skip,
    TouchFiles,
    Written,
)
from wherein.errors import WhereinError
from wherein.indexing.chunker import parse
from wherein.indexing.ignore import IgnoreRules
from wherein.indexing.reader import Source, read
from wherein.indexing.reconcile import NO_SIGNATURE, compare, settled
from wherein.indexing.walker import Walk, stat_file, walk
from wherein.ipc.pending import Pending
from wherein.logs import shown
from wherein.paths import IndexPaths, index_home, log_home
from wherein.settings import Settings
from wherein.workers.known_root import KnownRoot, identity
from wherein.workers.quarantine import Unit, WorkNote
from wherein.workers.unread import Unread

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT: Final = 256
MAX_BYTES: Final = 16 * 1024 * 1024
PATIENCE_S: Final = 600.0  # how long a rebuild waits for directories that cannot be read
_GROUP: Final = 500  # paths in one removal or touch


def excludes_of(paths: IndexPaths, settings: Settings) -> tuple[str, ...]:
    """Return the globs that keep files out: the person's, and what lies in the folder of our own.

    An index that indexed itself would never come to rest.
    """
    ours = {os.path.realpath(place) for place in (paths.directory, index_home(), log_home())}
    inside = [Path(place) for place in sorted(ours) if Path(place).is_relative_to(paths.root)]
    own = (os.fsencode(place.relative_to(paths.root).as_posix()) for place in inside)
    # Rules are about bytes: what is no plain letter stands for as many as it has.
    plain = (re.sub(rb"[^A-Za-z0-9_/.-]", b"?", place).decode("ascii") for place in own)
    return (*settings.exclude, *("/" + place for place in plain))


class FolderIndexer:
    """One folder, its ignore rules, and what its index is known to hold.

    `report(phase, done, total)` is called often; `stop()` true ends work between two files; `note`
    says which file is parsed, and which are not to be.
    """

    def __init__(
        self,
        paths: IndexPaths,
        settings: Settings,
        report: Callable[[str, int, int], None],
        stop: Callable[[], bool],
        note: WorkNote | None = None,
    ) -> None:
        self._note = note or WorkNote()
        self.paths = paths
        self._excludes = excludes_of(paths, settings)
        self.rules = IgnoreRules(paths.root, self._excludes)
        self._root = KnownRoot(paths)
        self._unread = Unread(paths)
        self.root_missing = False
        self.held_up = False  # a rebuild waits for directories that cannot be read now
        self._answered: list[bytes] = []  # files of the index that a rebuild is to replace
        self._patient_until = 0.0
        self._settings = settings
        self._max_bytes = settings.max_file_kib * 1024
        self._report = report
        self._stop = stop
        self._database = CodeDatabase(DriverConfig("sqlite", paths.directory))
        self._known: dict[bytes, KnownFile] = {}
        self._source = (0, 0)  # generation, and when the database opened it
        self.changes = (
            0  # files that were other than the index said, since the last reconcile began
        )
        self._session = secrets.token_bytes(8)
        self._numbers = itertools.count(1)
        self._in_flight: deque[tuple[Pending[Written], KnownFile, int]] = deque()
        self._bytes = 0
        self._touched: list[KnownFile] = []

    def reconcile(self, first: Iterable[bytes] = (), *, rebuild: bool = False) -> int:
        """Make the index equal to the disk as it is now; returns the commit number.

        `first` are looked at before the rest. `rebuild` makes a new index, which takes the place
        of the old one when it is complete. Raises WhereinError when the database is not there;
        what was sent by then stays, and a rebuild goes on with the next reconcile.
        """
        self._report("scanning", 0, 0)
        self.changes = 0
        if rebuild:
            self._begin_rebuild()
        stats = None
        if urgent := list(first):
            stats = self._load_known()
            self.update(urgent)
        self.rules = IgnoreRules(self.paths.root, self._excludes)
        before = identity(self.paths.root)
        found = walk(self.paths.root, self.rules)
        if stats is None:
            stats = self._load_known()  # after the walk: a database that starts is not waited for
        if not self._root.looked(found, before, holds=bool(self._known)):
            found.unknown.add(b"")
        self.root_missing = b"" in found.unknown
        plan = compare(found, self._known, max_bytes=self._max_bytes)
        self._remove(plan.remove)
        for path, reason in plan.skip:
            self._send_skip(path, reason, NO_SIGNATURE)
        self._read_all(plan.read)
        self.held_up = stats.rebuilding and self._lacks(found)
        if stats.rebuilding and not (self.root_missing or self.held_up or self._stop()):
            self._database.finish_rebuild(stats.generation).result()
            self._answered = []
        self._report("idle", len(plan.read), len(plan.read))
        return self._database.stats().result().commit

    def _read_all(self, paths: Sequence[bytes]) -> None:
        """Bring these files, having noted that they are still to be read."""
        if paths:
            self._unread.begin()
        for done, path in enumerate(paths):
            if self._stop():
                break
            self._report("indexing", done, len(paths))
            self._bring(path)
        self._drain()
        if not self._stop():
            self._unread.end()

    def _begin_rebuild(self) -> None:
        if not self._load_known().rebuilding:
            self._answered = list(self._known)
            self._patient_until = time.monotonic() + PATIENCE_S
        self._database.begin_rebuild().result()

    def _lacks(self, found: Walk) -> bool:
        """Say whether the new index lacks files that the old one has, as they cannot be read now.

        After `PATIENCE_S` they are given up: meanwhile the old index falls behind the disk.
        """
        patient = time.monotonic() < self._patient_until
        return patient and any(found.is_unknown(path) for path in self._answered)

    def update(self, paths: Iterable[bytes]) -> None:
        """Look at these paths and bring the index up to date for them."""
        gone = []
        for path in paths:
            if self._stop():
                break
            seen = self._look(path)
            if seen is None:
                self._bring(path)
            elif seen is Skip.VANISHED:
                if path in self._known:
                    gone.append(path)
            elif path not in self._known or self._known[path].skip is not seen:
                if seen is Skip.UNREADABLE and path in self._known:
                    continue  # its directory cannot be read: it is unknown, not gone
                self._send_skip(path, seen, NO_SIGNATURE)
        self._remove(gone)
        self._drain()

    def _look(self, path: bytes) -> Skip | None:
        """Say why a path is not for the index, None when it is; an ignored file is not there."""
        looked = stat_file(self.paths.root, path)
        if looked is Skip.VANISHED:
            return Skip.VANISHED
        if self.rules.is_secret(path):
            return Skip.SECRET
        if self.rules.is_ignored(path, is_dir=False):
            return Skip.VANISHED
        return None if isinstance(looked, Signature) else looked

    def close(self) -> None:
        """Disconnect from the database."""
        self._database.close()

    def _load_known(self) -> IndexStats:
        """Fetch what the index holds, unless it is still as we left it."""
        stats = self._database.stats().result()
        held = stats.files + sum(stats.skipped.values())
        source = (stats.generation, stats.opened_at)
        if source != self._source or held != len(self._known):
            listing = self._database.list_files().result()
            self._known = {entry.path: entry for entry in listing.files}
            self._source = source
        return stats

    def _bring(self, path: bytes) -> None:
        """Read one file and send its new state, if it has one."""
        source = read(self.paths.root, path, self._max_bytes)
        known = self._known.get(path)
        if not isinstance(source, Source):
            if source is Skip.VANISHED:
                if known is not None:
                    self._remove([path])
                return
            looked = stat_file(self.paths.root, path)
            if not isinstance(looked, Signature) or source in (Skip.BUSY, Skip.UNREADABLE):
                looked = NO_SIGNATURE  # look again at the next reconcile
            self._send_skip(path, source, looked)
            return
        signature = settled(source.signature)
        same = known is not None and known.skip in (None, Skip.QUARANTINED)
        if same and known is not None and known.content_hash == source.content_hash:
            if known.signature != signature:
                self._touch(KnownFile(path, signature, source.content_hash, known.skip))
            return
        if source.content_hash in self._note.care.guilty:
            self._send_skip(path, Skip.QUARANTINED, signature, source.content_hash)
            return
        try:
            parsed = self._parse(path, source)
        except Exception as error:  # noqa: BLE001 - one bad file must not stop the rest
            logger.warning("%s could not be parsed: %r", shown(path), error)
            self._send_skip(path, Skip.FAILED, signature, source.content_hash)
            return
        update = FileUpdate(
            path=path,
            signature=signature,
            content_hash=source.content_hash,
            language=parsed.language,
            chunks=parsed.chunks,
            symbols=parsed.symbols,
            request_id=self._request_id(),
        )
        self._send(update, len(source.data))

    def _parse(self, path: bytes, source: Source) -> ParsedFile:
        """Parse, having written down what: a file may kill this process."""
        with self._note.at([Unit(source.content_hash, shown(path))]):
            return parse(source)

    def _send_skip(
        self, path: bytes, reason: Skip, signature: Signature, content_hash: bytes = b""
    ) -> None:
        self._send(
            FileUpdate(path, signature, content_hash, "", (), (), self._request_id(), skip=reason),
            0,
        )

    def _send(self, update: FileUpdate, size: int) -> None:
        while self._in_flight and (
            len(self._in_flight) >= MAX_IN_FLIGHT or self._bytes + size > MAX_BYTES
        ):
            self._collect()
        entry = KnownFile(update.path, update.signature, update.content_hash, update.skip)
        self._in_flight.append((self._database.replace_file(update), entry, size))
        self._bytes += size

    def _collect(self) -> None:
        """Wait for the oldest write; when it failed, for all: none is left to fail a later look."""
        try:
            self._take_oldest()
        except WhereinError:
            while self._in_flight:
                with contextlib.suppress(WhereinError):
                    self._take_oldest()
            raise

    def _take_oldest(self) -> None:
        """Take one write's answer. One that failed is forgotten, so that it is tried again."""
        pending, entry, size = self._in_flight.popleft()
        self._bytes -= size
        try:
            self.changes += pending.result().changed
        except WhereinError:
            self._known.pop(entry.path, None)
            self._source = (0, 0)  # what the index holds is uncertain: ask at the next reconcile
            raise
        self._known[entry.path] = entry

    def _drain(self) -> None:
        while self._in_flight:  # first: a touch that fails must leave none of them behind
            self._collect()
        if self._touched:
            touched, self._touched = self._touched, []
            for start in range(0, len(touched), _GROUP):
                group = touched[start : start + _GROUP]
                pairs = [(entry.path, entry.signature) for entry in group]
                self._database.touch_files(TouchFiles(pairs, self._request_id())).result()
                self._known.update((entry.path, entry) for entry in group)

    def _touch(self, entry: KnownFile) -> None:
        self._touched.append(entry)

    def _remove(self, paths: list[bytes]) -> None:
        if not paths:
            return
        if not self._root.is_there():
            return  # unmounted or moved away: unknown, not deleted; the next reconcile decides
        while self._in_flight:  # an older write of the same path must not come after
            self._collect()
        for start in range(0, len(paths), _GROUP):
            group = paths[start : start + _GROUP]
            self._database.remove_files(RemoveFiles(group, self._request_id())).result()
            self.changes += len(group)
            for path in group:
                self._known.pop(path, None)

    def _request_id(self) -> bytes:
        return self._session + next(self._numbers).to_bytes(8, "big")
