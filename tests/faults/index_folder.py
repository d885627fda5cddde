"""Run as a process: bring the index of a folder up to date, then say `done`. It is to be killed.

Arguments: the index's directory, the folder. Watcher and database are one process here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine_samples import embed_all
from faults.local import Direct
from wherein.db_worker.engine import Engine
from wherein.paths import IndexPaths
from wherein.settings import Settings
from wherein.workers.folder_indexer import FolderIndexer


def main(index_dir: str, root: str) -> None:
    """Reconcile, embed, close."""
    paths = IndexPaths(root, "0" * 16, index_dir)
    indexer = FolderIndexer(paths, Settings(), lambda *_: None, lambda: False)
    indexer.close()
    engine = Engine.open(Path(index_dir), root)
    _say("open")
    indexer._database = Direct(engine)  # type: ignore[assignment]
    indexer.reconcile()
    embed_all(engine)
    _say("embedded")
    engine.maintain()
    _say(f"words {engine.stats().recovered}")
    indexer.close()
    _say("done")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
