"""Where things live on disk, in private directories, and the codec between paths and file URIs.

Every process uses this. An index belongs to one workspace folder; its directory and its sockets are
named by a hash of the folder's canonical path, so two folders never meet.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec
import platformdirs

from wherein.errors import FolderRefused, StorageError, UsageError

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
_SOCKET_PATH_LIMIT = 100

_COMMON = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE_FLAGS = os.O_RDONLY | _COMMON | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_DIRECTORY_FLAGS = _COMMON | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", os.O_RDONLY)
_BY_DIRECTORY = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")

_CACHEDIR_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"


class IndexPaths(msgspec.Struct, frozen=True):
    """The places of one index. `root` is the canonical folder, `id` 16 hex digits of its hash."""

    root: str
    id: str
    directory: str

    @property
    def lock(self) -> Path:
        """The file whose lock elects the owner."""
        return Path(self.directory) / "owner.lock"

    @property
    def owner_file(self) -> Path:
        """What the owner says about itself: information, never a lock."""
        return self.file("owner.json")

    @property
    def token_file(self) -> Path:
        """The 32 bytes that a client of the owner's sockets must know."""
        return self.file("token")

    def file(self, name: str) -> Path:
        """Return where an owner writes one of its files: where the index is, if it can."""
        spare = self.spare(name)
        return spare if spare.exists() else Path(self.directory) / name

    def spare(self, name: str) -> Path:
        """Return where it is while the index's directory is read-only."""
        return runtime_dir() / f"{self.id}.{name}"


def _base(child: str, default: Callable[..., str]) -> Path:
    home = os.environ.get("WHEREIN_HOME")
    return Path(home) / child if home else Path(default("wherein", appauthor=False))


def index_home() -> Path:
    """The directory that holds all indexes."""
    return _base("index", platformdirs.user_cache_dir)


def config_home() -> Path:
    """The directory for choices that outlive an index: the model in use."""
    return _base("config", platformdirs.user_config_dir)


def log_home() -> Path:
    """The directory for log files."""
    return _base("log", platformdirs.user_log_dir)


def model_cache() -> Path:
    """The directory that hub models would be kept in."""
    return _base("models", platformdirs.user_data_dir)


def private_dir(path: Path) -> Path:
    """Make a directory that only this user can read; refuse one that belongs to somebody else.

    Raises StorageError when it cannot be made, is a link, or is owned by another user.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StorageError(f"The directory {path} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise StorageError(f"{path} is not a directory. Remove it, or set WHEREIN_HOME")
    if hasattr(os, "geteuid"):
        if found.st_uid != os.geteuid():
            raise StorageError(f"{path} belongs to another user. Set WHEREIN_HOME to your own")
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    return path


def runtime_dir() -> Path:
    """A private directory whose name is short enough for a socket path."""
    wanted = None
    if os.environ.get("WHEREIN_HOME") or os.environ.get("XDG_RUNTIME_DIR"):
        wanted = _base("run", platformdirs.user_runtime_dir)
    # A socket's file name is at most 24 bytes: 16 hex digits, a dot, and a short word.
    if wanted is None or len(os.fsencode(wanted)) + 25 > _SOCKET_PATH_LIMIT or not _usable(wanted):
        user = os.geteuid() if hasattr(os, "geteuid") else "user"
        short = hashlib.blake2b(os.fsencode(wanted or "run"), digest_size=6).hexdigest()
        wanted = Path(tempfile.gettempdir()) / f"wherein-{user}" / short
        private_dir(wanted.parent)
    return private_dir(wanted)


def _usable(path: Path) -> bool:
    try:
        return os.access(private_dir(path), os.W_OK | os.X_OK)
    except StorageError:
        return False


def index_paths(folder: str) -> IndexPaths:
    """Name the index of a folder; the folder must exist. Nothing is created."""
    root = os.path.realpath(folder)
    digest = hashlib.blake2b(os.fsencode(root), digest_size=8).hexdigest()
    return IndexPaths(root=root, id=digest, directory=str(index_home() / digest))


def make_index_dir(paths: IndexPaths) -> None:
    """Create the index's private directory and say in it which folder it belongs to."""
    try:
        paths.directory.encode()
    except UnicodeEncodeError as error:
        raise StorageError(
            f"The directory {paths.directory!a} has a name that SQLite does not take. "
            "Set WHEREIN_HOME to one whose name is UTF-8"
        ) from error
    private_dir(index_home())
    directory = private_dir(Path(paths.directory))
    tag = directory.parent / "CACHEDIR.TAG"
    if not tag.exists():
        write_private(tag, _CACHEDIR_TAG.encode("ascii"))
    note = directory / "folder"
    if not note.exists():
        write_private(note, os.fsencode(paths.root))


def write_private(path: Path, content: bytes) -> None:
    """Write a 0600 file so that a reader sees the old content or the new, never half of it.

    What is planted in its place is replaced, not written through. Raises StorageError.
    """
    fresh = path.with_suffix(f".{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    try:
        fd = os.open(fresh, flags | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def check_folder(folder: str) -> str:
    """Return the canonical path of a folder that may be indexed, else raise FolderRefused."""
    if not folder or "\0" in folder:
        raise FolderRefused("No folder was named. Name a project with --dir DIR")
    path = Path(folder)
    try:
        exists, is_dir = path.exists(), path.is_dir()
    except OSError as error:
        raise FolderRefused(f"{folder[:200]} cannot be opened: {error.strerror}") from error
    if not exists:
        raise FolderRefused(f"{folder} does not exist. Name a project with --dir DIR")
    if not is_dir:
        raise FolderRefused(f"{folder} is a file. Name the folder that holds the project")
    root = os.path.realpath(folder)
    if root == str(Path(root).parent):
        raise FolderRefused(f"{root} is the whole disk. Name a project with --dir DIR")
    home = Path("~").expanduser()
    if home.is_absolute() and root == os.path.realpath(home):
        raise FolderRefused("This is your home directory. Name a project with --dir DIR")
    return root


def to_uri(path: bytes) -> str:
    """Write an absolute path as a file URI; every byte survives the way back."""
    if sys.platform == "win32":
        return "file:///" + quote_from_bytes(path.replace(b"\\", b"/"), safe="/:").replace(
            ":", "%3A"
        )
    return "file://" + quote_from_bytes(path, safe="/")


def from_uri(uri: str) -> bytes:
    """Read the absolute path out of a file URI. Raises UsageError for any other kind of URI."""
    if not uri.startswith("file://"):
        raise UsageError(f"{uri[:40]} is not a file on this machine")
    host, slash, rest = uri[7:].partition("/")
    try:
        path = unquote_to_bytes(slash + rest)
    except UnicodeEncodeError as error:
        raise UsageError("A URI with half a character in it is no file on this machine") from error
    if host not in ("", "localhost") or not slash or b"\0" in path:
        raise UsageError(f"{uri[:40]} is not a file on this machine")
    if sys.platform == "win32":
        return path.lstrip(b"/").replace(b"/", b"\\")
    return path


def relative_to(root: str, path: bytes) -> bytes | None:
    """Return the path as the index names it, or None when it lies outside the folder."""
    base = os.fsencode(root).rstrip(b"/\\")
    if sys.platform == "win32":
        base, path = _as_here(base), _as_here(path)
    normal = os.path.normpath(path)
    if sys.platform == "win32":
        normal = normal.replace(b"\\", b"/")
    return normal[len(base) + 1 :] if normal.startswith(base + b"/") else None


def _as_here(path: bytes) -> bytes:
    """Write a path of Windows in one way; clients name a drive by a small letter or a capital."""
    path = path.replace(b"\\", b"/")
    return path[:1].upper() + path[1:] if path[1:2] == b":" else path


def open_below(root: bytes, path: bytes) -> int:
    """Open a file below a folder for reading; no symbolic link in `path` is followed.

    A pipe does not block. Raises OSError, also for a path that is not below the folder.
    """
    *directories, name = parts = path.split(b"/")
    if b".." in parts or b"" in parts:
        raise FileNotFoundError(errno.ENOENT, "not a path below the folder")
    if not _BY_DIRECTORY:
        return os.open(root + b"/" + path, _FILE_FLAGS)
    # The folder itself may be reached through a link: the person opened it by that name.
    at = os.open(root, _DIRECTORY_FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for directory in directories:
            inner = os.open(directory, _DIRECTORY_FLAGS, dir_fd=at)
            os.close(at)
            at = inner
        return os.open(name, _FILE_FLAGS, dir_fd=at)
    finally:
        os.close(at)
