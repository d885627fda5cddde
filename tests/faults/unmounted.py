"""Run in a mount namespace: the folder is a disk of its own, which goes while a server runs.

Argument: an empty directory to work in. Fails by an AssertionError.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.waiting import until
from support.workspace import make_project
from wherein.domain import SearchQuery
from wherein.host import Folder, IndexHost
from wherein.settings import Settings


def mount(disk: Path, root: Path) -> None:
    """Put the disk in its place."""
    subprocess.run(["mount", "--bind", str(disk), str(root)], check=True)


def held(folder: Folder) -> set[bytes]:
    """The files that the index has."""
    return {f.path for f in folder.database.list_files().result().files}


def missing(folder: Folder) -> bool:
    """Say whether a person is told that the folder is not there."""
    return "root_missing" in folder.facts.troubles


def main(place: Path) -> None:
    """Unmount it under a server, start a server without it, mount it again, then empty it."""
    root, disk = place / "root", make_project(place / "disk")
    root.mkdir()
    mount(disk, root)
    host = IndexHost(Settings())
    host.open([str(root)])
    folder = host.folders[0]
    host.sync(folder).result(60)
    files = held(folder)
    assert len(files) == 4, files
    subprocess.run(["umount", "-l", str(root)], check=True)
    host.hint([(folder, b"colours.py")])  # an editor sees its files vanish, and says so
    until(lambda: missing(folder), what="told")
    host.sync(folder).result(60)
    assert held(folder) == files
    assert missing(folder)
    host.close(5)

    host = IndexHost(Settings())
    host.open([str(root)])
    folder = host.folders[0]
    until(lambda: missing(folder), what="told by the next server")
    host.sync(folder, rebuild=True).result(60)
    assert folder.database.search(SearchQuery(text="mix paint")).result().hits
    mount(disk, root)
    until(lambda: not missing(folder), what="back")
    (root / "later.py").write_text("later = 'umber'\n", encoding="utf-8")
    until(lambda: held(folder) == files | {b"later.py"}, what="followed again")

    for path in [*root.rglob("*.py"), root / "README.md", root / ".gitignore"]:
        path.unlink()
    until(lambda: not held(folder), what="a person may delete every file")
    assert not missing(folder)
    host.close(5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
