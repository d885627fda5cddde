"""A small project to index, and ways to look at the index from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from wherein.paths import index_paths

UPLOAD = '''"""Sending files to the server."""


class Uploader:
    """Sends one file in parts."""

    def retry(self, attempt: int) -> None:
        """Send the part again, waiting longer each time."""
        delay = 2 ** attempt
        self.clock.sleep(delay)
        self.send(self.part)


def checksum(data: bytes) -> str:
    """Digest of a part."""
    return digest(data).hexdigest()
'''

COLOURS = '''"""Mixing paint."""


def blend(first, second):
    """Mix two colours in equal parts."""
    return tuple((a + b) / 2 for a, b in zip(first, second))
'''


def make_project(root: Path) -> Path:
    """Write the project and return its folder."""
    (root / "net").mkdir(parents=True)
    (root / "net" / "upload.py").write_text(UPLOAD, encoding="utf-8")
    (root / "colours.py").write_text(COLOURS, encoding="utf-8")
    (root / "README.md").write_text("# Paint by network\n\nUploads colours.\n", encoding="utf-8")
    (root / ".gitignore").write_text("build/\n", encoding="utf-8")
    (root / "build").mkdir()
    (root / "build" / "generated.py").write_text("x = 1\n", encoding="utf-8")
    return root


def indexed_paths(root: Path) -> set[bytes]:
    """Read the paths in the index straight from its file, asking no process of wherein."""
    directory = Path(index_paths(str(root)).directory)
    for database in sorted(directory.glob("gen-*/index.db"), reverse=True):
        connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            rows = connection.execute("SELECT path FROM files WHERE skip IS NULL").fetchall()
        except (apsw.SQLError, apsw.BusyError):
            return set()  # the schema is not there yet
        finally:
            connection.close()
        return {bytes(path) for (path,) in rows}
    return set()


_CONTENTS = {
    "files": "SELECT path, hash, language, skip, text_bytes FROM files ORDER BY path",
    "chunks": "SELECT f.path, c.ordinal, c.start_byte, c.end_byte, c.start_line, c.end_line, "
    "c.symbol, c.kind, c.definitions, c.key FROM chunks c JOIN files f ON f.id = c.file "
    "ORDER BY f.path, c.ordinal",
    "symbols": "SELECT f.path, s.qualified, s.kind, s.start_byte, s.end_byte FROM symbols s "
    "JOIN files f ON f.id = s.file ORDER BY f.path, s.start_byte, s.qualified",
    "words": "SELECT term, doc, cnt FROM vocabulary ORDER BY term",
    "vectors": "SELECT DISTINCT m.fingerprint, v.key, v.data FROM vectors v "
    "JOIN models m ON m.id = v.model JOIN chunks c ON c.key = v.key ORDER BY v.key",
}


def contents(root: Path) -> dict[str, list[Any]]:
    """Read all that an index says of its folder, row by row; no process may be writing to it."""
    return {name: rows(root, sql) for name, sql in _CONTENTS.items()}


def rows(root: Path, sql: str) -> list[Any]:
    """Ask the index's file, at rest, one question."""
    directory = Path(index_paths(str(root)).directory)
    generation = (directory / "CURRENT").read_text(encoding="ascii").strip()
    connection = apsw.Connection(str(directory / generation / "index.db"))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
