"""Which directory holds the live index, and what becomes of a damaged one. Database process only.

`<index>/CURRENT` names the live generation, `gen-N`. A database is never unlinked or replaced in
place: an old write-ahead log beside a new database brings the old rows back without any error.
So a new index is a new directory, and `CURRENT` moves to it by an atomic rename. Where a newer
wherein wrote `CURRENT`, this one leaves that alone and keeps a pointer of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from wherein.db_worker import schema
from wherein.errors import IndexDamaged, IndexLost, IndexUnwritable, StorageError

DATABASE: Final = "index.db"
#: A damaged index is kept for a look when it is not larger than this.
KEPT_BYTES: Final = 256 << 20
_WRITE_ERRORS: Final = frozenset({
    apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_TRUNCATE,
})  # fmt: skip
_DAMAGED_MARK: Final = "damaged"
_GENERATION = re.compile(r"gen-([1-9][0-9]{0,9})\Z")
_POINTER = re.compile(r"CURRENT(\.v[0-9]{1,9})?\Z")
_SET_ASIDE: Final = (
    "The index on disk was damaged ({reason}); it was put aside and is being rebuilt."
)
_OUTDATED: Final = "The index was made by another version of wherein; it is being rebuilt."


class Opened(NamedTuple):
    """An open generation. `recovered` is a sentence when another was put aside for it."""

    conn: apsw.Connection
    database: Path
    number: int
    recovered: str = ""
    frozen: bool = False  # cannot be written: no log, no locks


def open_current(index_dir: Path) -> Opened:
    """Open the live generation for writing, or make one.

    Raises IndexUnwritable when the directory cannot be written, another StorageError when it
    cannot be used at all.
    """
    with _explained(index_dir):
        index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _open_current(index_dir)


def open_frozen(index_dir: Path) -> Opened:
    """Open the live generation of a directory that cannot be written. Raises StorageError."""
    with _explained(index_dir):
        number = _read_pointer(_pointer(index_dir))
        if number is None:
            raise IndexUnwritable(f"There is no index in {index_dir}, and none can be made there.")
        database = index_dir / f"gen-{number}" / DATABASE
        return Opened(schema.open_frozen(database, number), database, number, frozen=True)


def create_next(index_dir: Path, note: str) -> Opened:
    """Make the next generation, empty, beside the live one; `CURRENT` stays as it is."""
    with _explained(index_dir):
        return _create_next(index_dir, note)


def switch(index_dir: Path, number: int) -> None:
    """Make a generation the live one, for every start from now on."""
    with _explained(index_dir):
        _write_pointer(_pointer(index_dir), number)


def discard(generation: Path) -> None:
    """Remove a generation that nobody uses."""
    shutil.rmtree(generation, ignore_errors=True)


def put_aside(index_dir: Path, generation: Path) -> None:
    """Keep a damaged generation for a look: the newest one only, and no very large one."""
    remove_put_aside(index_dir)
    if not os.path.lexists(generation):
        return
    if _size(generation) > KEPT_BYTES:
        _remove(generation)
    else:
        generation.rename(index_dir / f"bad-{time.strftime('%Y%m%dT%H%M%S')}")


def remove_put_aside(index_dir: Path) -> None:
    """Remove damaged indexes that were kept for a look."""
    for old in index_dir.glob("bad-*"):
        _remove(old)


def mark_damaged(database: Path) -> None:
    """Leave a note that this database failed at run time, so that the next open puts it aside."""
    with contextlib.suppress(OSError):
        (database.parent / _DAMAGED_MARK).touch()


def unwritable(place: Path, why: str) -> IndexUnwritable:
    """Return the error for a place that cannot be written, in the words of the status."""
    return IndexUnwritable(f"The index in {place} cannot be written: {why}. Answers may be stale")


def why_unwritable(error: apsw.Error) -> str:
    """Return why SQLite could not write, "" when that is not what the error is about."""
    if isinstance(error, apsw.FullError):
        return "no space left"
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | apsw.AuthError):
        return "it is read-only"
    if isinstance(error, apsw.IOError) and schema.code_of(error) in _WRITE_ERRORS:
        return "the disk gave an error"
    return ""


@contextlib.contextmanager
def _explained(index_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(index_dir, (error.strerror or "the system refused").lower()) from error
    except apsw.Error as error:
        if why := why_unwritable(error):
            raise unwritable(index_dir, why) from error
        if isinstance(error, apsw.CantOpenError):  # the log beside a database, mostly
            writable = all(os.access(p, os.W_OK) for p in (index_dir, *index_dir.glob("gen-*")))
            why = "its files cannot be opened" if writable else "it is read-only"
            raise unwritable(index_dir, why) from error
        raise IndexLost(f"The index in {index_dir} cannot be opened: {error}.") from error


def _open_current(index_dir: Path) -> Opened:
    pointer = _pointer(index_dir)
    number = _read_pointer(pointer)
    note = ""
    if number is not None:
        database = index_dir / f"gen-{number}" / DATABASE
        try:
            _refuse_marked(database)
            opened = Opened(schema.open_writer(database, number), database, number)
            _remove_leftovers(index_dir)  # of one that was killed when it had moved on
            return opened
        except schema.OtherVersion as error:
            note = _OUTDATED
            if error.newer:  # it stays as it is, for the wherein that made it
                pointer = index_dir / f"CURRENT.v{schema.SCHEMA_VERSION}"
        except (IndexDamaged, FileNotFoundError) as error:
            reason = "the file is missing" if isinstance(error, OSError) else _reason(error)
            note = _SET_ASIDE.format(reason=reason)
            put_aside(index_dir, database.parent)
    made = _create_next(index_dir, note, number or 0)
    _write_pointer(pointer, made.number)
    _remove_leftovers(index_dir)
    return made._replace(recovered=note)


def _create_next(index_dir: Path, note: str, above: int = 0) -> Opened:
    number = max([above, *_generations(index_dir)]) + 1
    database = index_dir / f"gen-{number}" / DATABASE
    database.parent.mkdir(mode=0o700)
    try:
        schema.create(database, number, note)
        return Opened(schema.open_writer(database, number), database, number)
    except BaseException:  # a full disk gets its space back
        discard(database.parent)
        raise


def _refuse_marked(database: Path) -> None:
    if (database.parent / _DAMAGED_MARK).exists():
        raise IndexDamaged("it failed while in use")


def _reason(error: StorageError) -> str:
    return str(error).rpartition(os.sep)[2].rstrip(".")


def _pointer(index_dir: Path) -> Path:
    """Return the file that names our generation: our own, where a newer wherein has `CURRENT`."""
    own = index_dir / f"CURRENT.v{schema.SCHEMA_VERSION}"
    return own if own.exists() else index_dir / "CURRENT"


def _read_pointer(pointer: Path) -> int | None:
    try:
        text = pointer.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        pointer.rename(pointer.with_name(f"odd-{time.time_ns()}"))
        return None
    match = _GENERATION.match(text)
    return int(match[1]) if match else None


def _write_pointer(pointer: Path, number: int) -> None:
    temporary = pointer.with_name("CURRENT.new")
    with temporary.open("w", encoding="ascii") as file:
        file.write(f"gen-{number}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(pointer)
    if hasattr(os, "O_DIRECTORY"):  # the rename itself has to reach the disk; Windows has no way
        directory = os.open(pointer.parent, os.O_RDONLY | os.O_DIRECTORY)
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


def _remove_leftovers(index_dir: Path) -> None:
    """Remove what a killed process left behind: generations that no pointer names."""
    named = {_read_pointer(entry) for entry in index_dir.iterdir() if _POINTER.match(entry.name)}
    for number, path in _generations(index_dir).items():
        if number not in named:
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a directory, or what is there instead of one, without following a link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _size(generation: Path) -> int:
    total = 0
    for path in generation.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total
