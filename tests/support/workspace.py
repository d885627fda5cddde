"""A small project to index, and ways to look at the index from outside."""

from __future__ import annotations

from pathlib import Path

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
