"""Every error wherein raises on purpose, and the one table of JSON-RPC codes.

WhereinError
├── UsageError            the person asked for something that cannot be done (exit 2)
│   └── FolderRefused     the folder does not exist, is a file, is / or the home directory
├── InvalidParams         a request's parameters are wrong; names the field
├── IndexBusy             another process owns the index; names its pid
├── TooManyRequests       more requests came than can be answered; the oldest is dropped
├── WorkerUnavailable     a worker process is not there, or went away during the request
│   └── ConnectionLost    the connection to it broke; the request may be sent again
├── DeadlineExceeded      a worker did not answer in time
├── RequestCancelled      the asker cancelled
├── StorageError          the index on disk cannot be read or written
│   ├── IndexDamaged      it is not what was written: put aside and rebuilt, with nothing asked
│   ├── IndexUnwritable   the disk is full or read-only: what is there still answers
│   └── IndexLost         its file is gone from under the worker, or the disk failed: opened anew
├── ModelError            the embedding model is missing, damaged or does not fit
└── ProtocolError         bytes on a socket that are not our protocol

Messages are for people: what happened, which file or setting, what to do. Used in every process;
errors cross processes as data (`Fault`), never as pickled exceptions.
"""

from __future__ import annotations

import msgspec


class WhereinError(Exception):
    """Base of all errors raised on purpose."""

    code = -32603


class UsageError(WhereinError):
    """The person asked for something that cannot be done; the command line exits with 2."""

    code = -32602


class FolderRefused(UsageError):
    """This folder cannot be indexed: missing, a file, the root of the disk, or a home directory."""


class InvalidParams(WhereinError):
    """A request's parameters are wrong; the message names the field."""

    code = -32602


class IndexBusy(WhereinError):
    """Another process owns the index of this folder; the message names its pid."""

    code = -32803


class TooManyRequests(WhereinError):
    """More requests came than can be answered; the one that has waited longest is dropped."""

    code = -32803


class WorkerUnavailable(WhereinError):
    """A worker process is not running, or went away during the request."""

    code = -32050


class ConnectionLost(WorkerUnavailable):
    """The connection to a worker broke; an idempotent request may be sent again."""


class DeadlineExceeded(WhereinError):
    """A worker did not answer within the deadline."""

    code = -32051


class RequestCancelled(WhereinError):
    """The asker cancelled the request."""

    code = -32800


class StorageError(WhereinError):
    """The index on disk cannot be read or written."""

    code = -32053


class IndexDamaged(StorageError):
    """The index is not what was written: empty, cut, overwritten, inconsistent, or bits flipped."""


class IndexUnwritable(StorageError):
    """The index can be read but not written: no space left, read-only, no permission."""


class IndexLost(StorageError):
    """The open files cannot be trusted any more: removed, replaced, or the disk gave an error."""


class ModelError(WhereinError):
    """The embedding model is missing, damaged, or does not fit."""

    code = -32054


class ProtocolError(WhereinError):
    """Bytes arrived on a socket that are not our protocol."""

    code = -32055


# What msgspec raises for bytes that it cannot read: its own errors, and two of Python's.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Fault(msgspec.Struct, frozen=True, array_like=True):
    """An error on its way between two processes: the class name and the sentence."""

    kind: str
    message: str


def _tree(root: type[WhereinError]) -> dict[str, type[WhereinError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def to_fault(error: BaseException) -> Fault:
    """Describe an error for another process; unknown ones keep only their type's name."""
    if isinstance(error, WhereinError):
        return Fault(type(error).__name__, str(error))
    return Fault("WhereinError", f"internal error ({type(error).__name__})")


def from_fault(fault: Fault) -> WhereinError:
    """Rebuild the error that `to_fault` described; an unknown kind becomes the base class."""
    return _tree(WhereinError).get(fault.kind, WhereinError)(fault.message)
