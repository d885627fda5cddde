"""Reading: what is text and what is not, encodings, and files that are traps."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from pathlib import Path

import pytest
import xxhash

from wherein.domain import Signature, Skip
from wherein.indexing.header import input_key, model_header
from wherein.indexing.languages import language_of
from wherein.indexing.reader import MAX_BYTES, Source, from_bytes, read, read_slice
from wherein.indexing.walker import stat_file


def source(root: Path, name: str, data: bytes) -> Source:
    (root / name).write_bytes(data)
    found = read(str(root), name.encode())
    assert isinstance(found, Source), found
    return found


def test_a_source_has_the_bytes_hash_and_signature_of_the_file(tmp_path: Path) -> None:
    found = source(tmp_path, "a.py", b"x = '\xff'\n")
    assert found.data == b"x = '\xff'\n"
    assert found.content_hash == xxhash.xxh3_128_digest(found.data)
    assert found.signature == stat_file(str(tmp_path), b"a.py")
    assert found.language == "python"
    assert read_slice(str(tmp_path), b"a.py", 4, 7) == "'\ufffd'"
    assert read_slice(str(tmp_path), b"a.py", 4, 70) is None
    assert read_slice(str(tmp_path), b"b.py", 0, 1) is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_mark_and_read_as_utf_8(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff".encode(encoding)
    found = source(tmp_path, "a.py", mark + "name = 'é'\n".encode(encoding))
    assert found.data == "name = 'é'\n".encode()
    assert read_slice(str(tmp_path), b"a.py", 7, 11) == "'é'"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Skip.EMPTY),
        (b" \n\t\r\n", Skip.EMPTY),
        (b"a" * 8000 + b"\0", Skip.BINARY),
        (b"\xff\xfe\0\0a\0\0\0", Skip.BINARY),
        (b"x" * (MAX_BYTES + 1), Skip.TOO_LARGE),
        (b'{"cells": [], "metadata": {}}', None),
    ],
)
def test_what_is_no_source_says_why(tmp_path: Path, data: bytes, reason: Skip | None) -> None:
    (tmp_path / "a").write_bytes(data)
    found = read(str(tmp_path), b"a")
    assert (found if isinstance(found, Skip) else None) is reason


def test_a_zero_byte_far_into_a_file_is_text(tmp_path: Path) -> None:
    assert source(tmp_path, "a.c", b"a" * 8192 + b"\0").language == "c"


def test_no_symbolic_link_is_followed_anywhere_in_the_path(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("x = 1\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "file.py").symlink_to(outside / "secret.py")
    (root / "folder").symlink_to(outside)
    assert read(str(root), b"file.py") is Skip.SYMLINK
    assert isinstance(read(str(root), b"folder/secret.py"), Skip)
    assert isinstance(read(str(root), b"../outside/secret.py"), Skip)
    assert stat_file(str(root), b"file.py") is Skip.SYMLINK
    linked = tmp_path / "linked"
    linked.symlink_to(outside)
    assert isinstance(read(str(linked), b"secret.py"), Source)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("swapped", ["file.py", "folder"])
def test_F49_a_link_that_is_swapped_in_is_not_followed(tmp_path: Path, swapped: str) -> None:
    """A file, or a directory above it, becomes a link outside between any two looks at it."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for place, text in ((root / "folder", "inside = 1\n"), (outside, "secret = 1\n")):
        place.mkdir(parents=True)
        (place / "file.py").write_text(text, encoding="ascii")
    ours = root / "folder" / "file.py" if swapped == "file.py" else root / "folder"
    theirs = outside / "file.py" if swapped == "file.py" else outside
    other, spare = root / "link", root / "spare"
    other.symlink_to(theirs)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for source, target in ((ours, spare), (other, ours), (ours, other), (spare, ours)):
                source.rename(target)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: Counter[object] = Counter()
    refused = Skip.SYMLINK if swapped == "file.py" else Skip.VANISHED  # no directory: not there
    try:
        while seen.total() < 2_000 or not seen["inside"] or not seen[refused]:
            found = read(str(root), b"folder/file.py")
            assert isinstance(found, Skip) or found.data == b"inside = 1\n"
            seen[found if isinstance(found, Skip) else "inside"] += 1
    finally:
        over.set()
        swapper.join()


@pytest.mark.timeout(20)
def test_pipes_sockets_and_directories_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder.py").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        for name in (b"pipe", b"folder.py", b"s"):
            assert read(str(tmp_path), name) is Skip.NOT_REGULAR
            assert stat_file(str(tmp_path), name) is Skip.NOT_REGULAR


def test_a_file_that_is_gone_or_has_an_impossible_name_is_no_error(tmp_path: Path) -> None:
    for name in (b"gone.py", b"gone/too.py"):
        assert read(str(tmp_path), name) is Skip.VANISHED
        assert stat_file(str(tmp_path), name) is Skip.VANISHED
    assert read(str(tmp_path), b"a\0b") is Skip.UNREADABLE
    assert stat_file(str(tmp_path), b"a\0b") is Skip.UNREADABLE


def test_a_file_that_keeps_changing_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    real = os.read
    rounds = []

    def growing(fd: int, count: int) -> bytes:
        rounds.append(1)
        with path.open("a") as file:
            file.write("y = 2\n")
        return real(fd, count)

    monkeypatch.setattr(os, "read", growing)
    assert read(str(tmp_path), b"a.py") is Skip.BUSY
    assert len(rounds) >= 3
    monkeypatch.setattr(os, "read", real)
    assert isinstance(read(str(tmp_path), b"a.py"), Source)


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        (b"a/b.py", b"", "python"),
        (b"a/B.PY", b"", "python"),
        (b"Makefile", b"", "makefile"),
        (b"docker/Dockerfile.dev", b"", "dockerfile"),
        (b"run", b"#!/bin/sh\n", "bash"),
        (b"run", b"#!/usr/bin/env python3.11\n", "python"),
        (b"run", b"#! /usr/bin/env -S node --flag\n", "javascript"),
        (b"run", b"plain\n", ""),
        (b".gitignore", b"", ""),
        (b"a.h", b"int f(void);\n", "c"),
        (b"a.h", b"#pragma once\nnamespace a {\n", "cpp"),
        (b"a.unknown", b"x", ""),
        (b"\xff.rs", b"", "rust"),
    ],
)
def test_languages_are_known_by_name_or_first_line(path: bytes, head: bytes, language: str) -> None:
    assert language_of(path, head) == language


def test_a_notebook_that_is_none_is_text_and_an_empty_one_is_empty() -> None:
    signature = Signature(0, 0, 0, 0)
    broken = from_bytes(b"a.ipynb", b'{"cells": 1}', signature)
    assert isinstance(broken, Source)
    assert broken.language == "json"
    assert from_bytes(b"a.ipynb", b'{"cells": []}', signature) is Skip.EMPTY
    one_line = b'{"cells":[{"cell_type":"code","source":"x = 1\\ny = 2"}],"metadata":{}}'
    dense = from_bytes(b"a.ipynb", one_line, signature)
    assert isinstance(dense, Source)
    assert dense.data == b"x = 1\ny = 2\n"
    assert dense.file_lines == (1, 1)


def test_the_models_header_and_key() -> None:
    header = model_header(b"src/\xff.py", "A.f")
    assert header == "src/\ufffd.py A.f"
    assert model_header(b"a.py", "") == "a.py"
    assert input_key("a.py f", "x") == xxhash.xxh3_128_digest(b"a.py f\nx")
    assert len(input_key("", "\ud800")) == 16
