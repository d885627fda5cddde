"""The owner lock within one process: one holder at a time, free as soon as it is released."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from wherein.errors import StorageError
from wherein.ownership.lock import OwnerLock, read_owner
from wherein.paths import index_paths


def test_a_released_lock_is_free_though_its_process_lives(
    wherein_home: Path, tmp_path: Path
) -> None:
    """A folder that an editor closed can be owned by the next one at once."""
    paths = index_paths(str(tmp_path))
    first, second = OwnerLock(paths), OwnerLock(paths)
    assert first.acquire(b"1" * 32)
    assert first.acquire(b"1" * 32)  # it is ours already
    assert not second.acquire(b"2" * 32)
    assert not second.held
    assert paths.token_file.read_bytes() == b"1" * 32  # who lost has changed nothing
    first.release()
    assert not first.held
    assert read_owner(paths) is None
    assert second.acquire(b"2" * 32)
    assert paths.token_file.read_bytes() == b"2" * 32
    second.release()


def test_F28_a_file_system_without_locks_is_not_taken_for_an_owner(
    wherein_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would ever serve such a folder, and nobody would be told."""

    def no_locks(_fd: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    lock = OwnerLock(index_paths(str(tmp_path)))
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", no_locks)
        with pytest.raises(StorageError, match=r"cannot be locked: No locks .* WHEREIN_HOME"):
            lock.acquire(b"1" * 32)
    assert not lock.held
    assert lock.acquire(b"1" * 32)
    lock.release()
