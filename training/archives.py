"""Reads package archives of every registry as (path, bytes), without unpacking them."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE = 1_500_000
_ROOTS = re.compile(
    r"^usr/(?:share/(?:gocode/src/|cargo/registry/|go-[\d.]+/src/|php/|lua/[\d.]+/)"
    r"|share/rubygems-integration/[^/]+/gems/|lib/ruby/vendor_ruby/|(?:include|lib|src|share)/)"
)


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the regular files of an archive that are not too large, by their path inside of it.

    Leading folders that say nothing are cut: the version folder of a source archive, `package/` of
    npm, `usr/share/gocode/src/` of Debian.
    """
    name = archive.name
    if name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(archive) as files:
            for entry in files.infolist():
                if not entry.is_dir() and entry.file_size <= MAX_FILE:
                    yield entry.filename, files.read(entry)
    elif name.endswith(".deb"):
        command = ["dpkg", "--fsys-tarfile", str(archive)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as dpkg:
            assert dpkg.stdout is not None
            for path, data in _tar(dpkg.stdout):
                yield _ROOTS.sub("", path), data
    else:
        with archive.open("rb") as file:
            for path, data in _tar(file):
                yield path.partition("/")[2] or path, data


def _tar(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode="r|*") as files:
        for entry in files:
            if entry.isfile() and entry.size <= MAX_FILE:
                content = files.extractfile(entry)
                if content is not None:
                    yield entry.name.removeprefix("./"), content.read()
