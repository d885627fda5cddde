"""Who owns an index: an operating-system lock on one file, which a dead process cannot hold.

The lock is taken on an open file, so it is free the moment its holder ends, however it ends. The
descriptor is not inherited (workers are spawned). Runs in the hosting process only.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import msgspec

from wherein import __version__
from wherein.errors import UNREADABLE, StorageError
from wherein.paths import IndexPaths, make_index_dir, write_private

logger = logging.getLogger(__name__)


class Owner(msgspec.Struct, frozen=True):
    """What an owner says about itself in owner.json: information, never a lock."""

    pid: int
    build: str
    since: float
    brief: bool = False  # a command line: an editor may ask it to hand over
    database: str = ""  # endpoint of the database worker
    vectorization: str = ""  # endpoint of the vectorization worker
    workers: dict[str, tuple[int, float]] = {}  # type -> pid, start time; to find leftovers


class OwnerLock:
    """The lock of one index."""

    def __init__(self, paths: IndexPaths, *, brief: bool = False) -> None:
        self._paths = paths
        self._brief = brief
        self._fd: int | None = None
        self._endpoints: dict[str, str] = {}
        self._workers: dict[str, tuple[int, float]] = {}
        self._since = time.time()
        self._telling = threading.Lock()
        self._untold = False  # owner.json lacks something, because it could not be written

    @property
    def held(self) -> bool:
        """True while this process owns the index."""
        return self._fd is not None

    def acquire(self, token: bytes) -> bool:
        """Try to become the owner without waiting; on success the token and owner.json are ours.

        Raises StorageError when the index's directory cannot be used; then the lock is free again,
        so that whoever can use it is not kept out by one who cannot.
        """
        if self.held:
            return True
        make_index_dir(self._paths)
        fd = hold(self._paths)
        if fd is None:
            return False
        with contextlib.suppress(OSError):
            os.utime(fd if os.utime in os.supports_fd else self._paths.lock)  # the last use
        self._since = time.time()
        self._endpoints, self._workers, self._untold = {}, {}, False
        self._fd = fd
        try:
            kill_leftovers(read_owner(self._paths))
            self._choose_place(frozen=not _can_write(self._paths))
            write_private(self._paths.token_file, token)
            self._tell()
        except BaseException:
            self.release()
            raise
        return True

    def announce(self, worker: str, endpoint: str, pid: int) -> None:
        """Write a worker's process and where it listens into owner.json, when this is the owner.

        On a disk that is full it is written later (`catch_up`): the worker itself is well.
        """
        with self._telling:
            if endpoint:
                self._endpoints[worker] = endpoint
            self._workers[worker] = (pid, _started(pid))
            self._untold = True
        self.catch_up()

    def catch_up(self) -> None:
        """Write what owner.json lacks, when this is the owner and its disk lets it."""
        with self._telling:
            if not (self._untold and self.held):
                return
            try:
                self._tell()
            except StorageError:
                logger.warning("owner.json cannot be written and is tried again")

    def keep(self, token: bytes) -> bool:
        """Make lock, token and owner.json anew where the index's directory was removed.

        Returns False when another process became the owner meanwhile. Raises StorageError when the
        directory cannot be made.
        """
        with self._telling:
            if self._fd is None or _still_there(self._fd, self._paths.lock):
                return True
            make_index_dir(self._paths)
            fresh = hold(self._paths)
            if fresh is None:
                return False
            logger.warning("the directory of an index was removed; it is made anew")
            try:
                write_private(self._paths.token_file, token)
                self._tell()
            except BaseException:
                os.close(fresh)  # and all of it again the next time
                raise
            gone, self._fd = self._fd, fresh
            os.close(gone)
            return True

    def release(self) -> None:
        """Stop being the owner."""
        with self._telling:
            fd, self._fd = self._fd, None
        if fd is not None:
            try:
                if _still_there(fd, self._paths.lock):  # else what is there is another owner's
                    with contextlib.suppress(OSError):
                        self._paths.owner_file.unlink()
                        os.utime(self._paths.lock)
                    self._choose_place(frozen=False)
            finally:
                os.close(fd)

    def _choose_place(self, *, frozen: bool) -> None:
        """Say by its being there that token and owner.json are not beside a read-only index."""
        for name in ("token", "owner.json"):
            spare = self._paths.spare(name)
            if frozen:
                write_private(spare, b"")
            else:
                spare.unlink(missing_ok=True)

    def _tell(self) -> None:
        owner = Owner(
            os.getpid(),
            __version__,
            self._since,
            self._brief,
            **self._endpoints,
            workers=self._workers,
        )
        write_private(self._paths.owner_file, msgspec.json.encode(owner))
        self._untold = False


def hold(paths: IndexPaths) -> int | None:
    """Take the lock without waiting and say nothing; returns its descriptor, None when it is held.

    Raises StorageError when the file cannot be opened, or not locked: some file systems have no
    locks, and nobody owns an index for that.
    """
    try:
        # A lock needs no writing, and a read-only index is owned as well.
        flags = os.O_RDWR | os.O_CREAT if _can_write(paths) else os.O_RDONLY
        fd = os.open(paths.lock, flags, 0o600)
    except OSError as error:
        raise StorageError(f"{paths.lock} cannot be opened: {error.strerror}") from error
    try:
        if _lock(fd) and _still_there(fd, paths.lock):
            return fd
    except OSError as error:
        os.close(fd)
        raise StorageError(
            f"{paths.lock} cannot be locked: {error.strerror}. Set WHEREIN_HOME to a local disk"
        ) from error
    os.close(fd)
    return None


def _can_write(paths: IndexPaths) -> bool:
    return os.access(paths.directory, os.W_OK)


def read_owner(paths: IndexPaths) -> Owner | None:
    """Read what the owner says about itself; None when there is none, or it is not readable."""
    try:
        return msgspec.json.decode(paths.owner_file.read_bytes(), type=Owner)
    except (OSError, *UNREADABLE):
        return None


def kill_leftovers(before: Owner | None) -> None:
    """Kill workers that a dead owner left behind: only those stopped by a signal can be left.

    On Linux not even those are: the kernel kills them with the owner (`workers.runtime`).
    A process is taken for one of them when its pid and its start time are those that were noted.
    Call this while holding the lock.
    """
    for pid, started in before.workers.values() if before else ():
        if started and _started(pid) == started:
            logger.warning("killing worker %d, which the last owner left behind", pid)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def _started(pid: int) -> float:
    """Return when a process started, as the system counts it; 0 when there is none."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _still_there(fd: int, path: Path) -> bool:
    """Say whether a lock is that of the file, not of one that was removed with its index."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


def _lock(fd: int) -> bool:
    """Lock a file; False when another process holds the lock. Raises OSError for any other why."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
