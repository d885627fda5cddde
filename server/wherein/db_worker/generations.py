"""Which directory holds the live index, and what becomes of a damaged one. Database process only.

`<index>/CURRENT` names the live generation, `gen-N`. A database is never unlinked or replaced in
place: an old write-ahead log beside a new database brings the old rows back without any error.
So a new index is a new directory, and `CURRENT` moves to it by an atomic rename.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import Final

import apsw

from wherein.db_worker import schema
from wherein.errors import StorageError

DATABASE: Final = "index.db"
_DAMAGED_MARK: Final = "damaged"
_GENERATION = re.compile(r"gen-([1-9][0-9]{0,9})\Z")
_SET_ASIDE: Final = (
    "The index on disk was damaged ({reason}); it was put aside and is being rebuilt."
)
_OUTDATED: Final = "The index was made by another version of wherein; it is being rebuilt."


def open_current(index_dir: Path) -> tuple[apsw.Connection, Path, int, str]:
    """Open the live generation, or make one.

    Returns the writing connection, the database's path, the generation's number, and a sentence
    when an index was put aside. Raises StorageError when the directory cannot be used.
    """
    try:
        index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _open_current(index_dir)
    except OSError as error:
        raise StorageError(f"Cannot use the index in {index_dir}: {error.strerror}.") from error
    except apsw.Error as error:
        raise StorageError(f"Cannot open the index in {index_dir}: {error}.") from error


def mark_damaged(database: Path) -> None:
    """Leave a note that this database failed at run time, so that the next open puts it aside."""
    (database.parent / _DAMAGED_MARK).touch()


def _open_current(index_dir: Path) -> tuple[apsw.Connection, Path, int, str]:
    number = _read_current(index_dir)
    recovered = ""
    if number is not None:
        database = index_dir / f"gen-{number}" / DATABASE
        try:
            _refuse_marked(database)
            return schema.open_writer(database, number), database, number, ""
        except schema.OtherVersion:
            recovered = _OUTDATED
            shutil.rmtree(database.parent, ignore_errors=True)
        except (schema.Damaged, FileNotFoundError) as error:
            reason = "the file is missing" if isinstance(error, OSError) else _reason(error)
            recovered = _SET_ASIDE.format(reason=reason)
            _put_aside(index_dir, database.parent)
    number = max(_generations(index_dir).keys() | {number or 0}) + 1
    database = index_dir / f"gen-{number}" / DATABASE
    database.parent.mkdir(mode=0o700)
    schema.create(database, number)
    _write_current(index_dir, number)
    _remove_leftovers(index_dir, number)
    return schema.open_writer(database, number), database, number, recovered


def _refuse_marked(database: Path) -> None:
    if (database.parent / _DAMAGED_MARK).exists():
        raise schema.Damaged("it failed while in use")


def _reason(error: Exception) -> str:
    return str(error).rpartition(os.sep)[2].rstrip(".")


def _read_current(index_dir: Path) -> int | None:
    try:
        text = (index_dir / "CURRENT").read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    match = _GENERATION.match(text)
    return int(match[1]) if match else None


def _write_current(index_dir: Path, number: int) -> None:
    temporary = index_dir / "CURRENT.new"
    with temporary.open("w", encoding="ascii") as file:
        file.write(f"gen-{number}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(index_dir / "CURRENT")
    if hasattr(os, "O_DIRECTORY"):  # the rename itself has to reach the disk; Windows has no way
        directory = os.open(index_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _generations(index_dir: Path) -> dict[int, Path]:
    found = {}
    for entry in index_dir.iterdir():
        if match := _GENERATION.match(entry.name):
            found[int(match[1])] = entry
    return found


def _remove_leftovers(index_dir: Path, current: int) -> None:
    """Remove what a killed process left behind: generations that `CURRENT` never named."""
    for number, path in _generations(index_dir).items():
        if number != current:
            shutil.rmtree(path, ignore_errors=True)


def _put_aside(index_dir: Path, generation: Path) -> None:
    """Keep the damaged generation for a look, the newest one only."""
    for old in index_dir.glob("bad-*"):
        shutil.rmtree(old, ignore_errors=True)
    if generation.exists():
        generation.rename(index_dir / f"bad-{time.strftime('%Y%m%dT%H%M%S')}")
