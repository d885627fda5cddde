"""Where a worker listens and how to get there: Unix sockets, or loopback TCP where there are none.

An endpoint is a text: `unix:/run/…/0123abcd.db` or `tcp:127.0.0.1:40123`. WHEREIN_TRANSPORT=tcp
forces the second kind, so that the portable path is tested on every system.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

from wherein.errors import StorageError, WorkerUnavailable
from wherein.ipc.frames import prepare
from wherein.paths import runtime_dir

_BACKLOG = 64
_CONNECT_S = 2.0
SPARES = 9


def uses_tcp() -> bool:
    """Say whether this process uses loopback TCP for its local sockets."""
    wanted = os.environ.get("WHEREIN_TRANSPORT", "")
    return wanted == "tcp" or sys.platform == "win32" or not hasattr(socket, "AF_UNIX")


def listen(name: str, spares: int = SPARES) -> tuple[socket.socket, str]:
    """Open a listening socket and return it with its endpoint.

    `name` is at most 22 bytes and unique to the index or the server; the caller holds the owner
    lock, so a socket file of that name is left over from a dead process and is replaced. Where
    something else has the name, it takes one of so many others. Raises StorageError.
    """
    if uses_tcp():
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        listener.listen(_BACKLOG)
        return listener, f"tcp:127.0.0.1:{listener.getsockname()[1]}"
    path = _free(runtime_dir() / name, spares)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(_BACKLOG)
    return listener, f"unix:{path}"


def _free(path: Path, spares: int) -> Path:
    """Return the first of the places that is free; what is no socket of ours is left alone."""
    for place in (path, *(path.with_name(f"{path.name}~{number}") for number in range(spares))):
        if _clear(place):
            return place
    raise StorageError(f"{path} is in the way of a socket and is not ours. Remove it")


def _clear(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return True
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        return False
    path.unlink()
    return True


def place(endpoint: str) -> tuple[int, int] | None:
    """Return what identifies the socket file of an endpoint; None where there is none."""
    try:
        found = Path(endpoint[5:]).lstat() if endpoint.startswith("unix:") else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def forget(endpoint: str) -> None:
    """Remove the socket file of an endpoint that this process served."""
    if endpoint.startswith("unix:"):
        Path(endpoint[5:]).unlink(missing_ok=True)


def connect(endpoint: str) -> socket.socket:
    """Connect to an endpoint within 2 seconds. Raises WorkerUnavailable."""
    kind, _, address = endpoint.partition(":")
    try:
        if kind == "unix":
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            target: object = address
        elif kind == "tcp":
            host, _, port = address.rpartition(":")
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            target = (host, int(port))
        else:
            raise WorkerUnavailable("The worker has not said where it listens")
    except (OSError, ValueError) as error:
        raise WorkerUnavailable("The worker has not said where it listens") from error
    try:
        sock.settimeout(_CONNECT_S)
        sock.connect(target)  # type: ignore[arg-type] # str for unix, pair for tcp
    except OSError as error:
        sock.close()
        raise WorkerUnavailable("The worker does not answer at its socket") from error
    return prepare(sock)
