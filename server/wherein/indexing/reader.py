"""One file from the disk as source text, or the reason why it is none.

Runs in the file-watcher worker and in the database worker (snippets, unsaved text). Only regular
files below the folder are opened: no symbolic link is followed in any part of the path, a pipe
does not block, and a file that changes while it is read is read again.
"""

from __future__ import annotations

import errno
import os
import re
import stat

import attrs
import xxhash

from wherein.domain import Signature, Skip
from wherein.indexing import notebook
from wherein.indexing.languages import language_of
from wherein.indexing.signature import signature_of
from wherein.paths import open_below

MAX_BYTES = 1 << 20
BINARY_PROBE = 8192  # bytes in which a zero byte means "not text", as in git
ATTEMPTS = 3

# A private key by any name: that is what the file begins with.
_PRIVATE_KEY = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY|PuTTY-User-Key-File-)"
)
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@attrs.frozen
class Source:
    """A file's text as bytes, in which all offsets of chunks and symbols count.

    `content_hash` is xxh3_128 of the file's own bytes. For notebooks `cells` are the pieces of
    `data` and `file_lines` gives, for each line of `data`, its line (from 1) in the notebook file.
    """

    path: bytes
    data: bytes
    signature: Signature
    content_hash: bytes
    language: str
    cells: tuple[notebook.Cell, ...] = ()
    file_lines: tuple[int, ...] = ()


def read(root: str, path: bytes, max_bytes: int = MAX_BYTES) -> Source | Skip:
    """Read a file below `root` for indexing; the path is relative to it."""
    for _ in range(ATTEMPTS):
        try:
            fd = open_below(os.fsencode(root), path)
        except (OSError, ValueError) as error:
            return _reason(error)
        try:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                return Skip.NOT_REGULAR
            if before.st_size > max_bytes:
                return Skip.TOO_LARGE
            raw = _read_all(fd, before.st_size)
            after = os.fstat(fd)
        except OSError as error:
            return _reason(error)
        finally:
            os.close(fd)
        signature = signature_of(after)
        if signature == signature_of(before) and len(raw) == after.st_size:
            return from_bytes(path, raw, signature)
    return Skip.BUSY


def from_bytes(path: bytes, raw: bytes, signature: Signature) -> Source | Skip:
    """Make a source of a file's bytes, wherever they come from (disk, or an editor's buffer)."""
    encoding = _UTF16.get(raw[:2])
    if encoding and not raw.startswith(b"\xff\xfe\0\0"):  # that would be UTF-32
        data = raw[2:].decode(encoding, "replace").encode("utf-8", "replace")
    elif b"\0" in raw[:BINARY_PROBE]:
        return Skip.BINARY
    else:
        data = raw
    if not data or data.isspace() or _PRIVATE_KEY.match(data):
        return Skip.SECRET if data.strip() else Skip.EMPTY
    language = language_of(path, data[:BINARY_PROBE])
    content_hash = xxhash.xxh3_128_digest(raw)
    if language != "notebook":
        return Source(path, data, signature, content_hash, language)
    found = notebook.extract(data)
    if found is None:  # not the JSON of a notebook: shown as the text that it is
        return Source(path, data, signature, content_hash, "json")
    if not found.cells:
        return Skip.EMPTY
    return Source(
        path, found.data, signature, content_hash, found.language, found.cells, found.file_lines
    )


def read_slice(root: str, path: bytes, start: int, end: int) -> str | None:
    """Read the text between two offsets of a file's source data; None when it cannot be read."""
    source = read(root, path)
    if isinstance(source, Skip) or end > len(source.data):
        return None
    return source.data[start:end].decode("utf-8", "replace")


def _read_all(fd: int, size: int) -> bytes:
    """Read one byte more than expected, so that growth shows."""
    wanted = size + 1
    parts = []
    while wanted > 0:
        part = os.read(fd, wanted)
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _reason(error: Exception) -> Skip:
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return Skip.VANISHED
    if number == errno.ELOOP:
        return Skip.SYMLINK
    if number in {errno.ENXIO, errno.EISDIR}:  # a socket; a directory
        return Skip.NOT_REGULAR
    return Skip.UNREADABLE
