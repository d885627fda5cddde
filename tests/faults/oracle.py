"""The oracle: an index is right when it equals a fresh rebuild of its folder.

Both are read from their files and compared as multisets, so that what is lost and what is there
twice both show; vectors are compared by cosine. Ids, commit numbers and signatures may differ.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from engine_samples import embed_all
from faults.local import Direct
from support.rpc import Client
from support.waiting import until
from wherein.db_worker.codec import decode
from wherein.db_worker.engine import Engine
from wherein.domain import BatchRequest, VectorBatch
from wherein.embedding.fastembed_backend import load_embedder
from wherein.embedding.models import resolve
from wherein.paths import IndexPaths, index_paths
from wherein.settings import Settings
from wherein.workers.folder_indexer import FolderIndexer

#: int8 on disk, and sums in another order.
LEAST_COSINE = 0.9999

_ROWS = {
    "files": "SELECT path, hash, language, skip, text_bytes FROM files",
    "chunks": """SELECT f.path, c.ordinal, c.start_byte, c.end_byte, c.start_line, c.end_line,
        c.symbol, c.kind, c.definitions, c.key FROM chunks c LEFT JOIN files f ON f.id = c.file""",
    "symbols": """SELECT f.path, s.qualified, s.kind, s.start_byte, s.end_byte, s.signature,
        s.key, s.weight FROM symbols s LEFT JOIN files f ON f.id = s.file""",
    "words": """SELECT f.path, c.ordinal, i.term, i.col, i.offset FROM temp.instances i
        LEFT JOIN chunks c ON c.id = i.doc LEFT JOIN files f ON f.id = c.file""",
    "counters": """SELECT key, value FROM meta
        WHERE key IN ('files', 'chunks', 'text_bytes') OR key LIKE 'skipped:%' AND value""",
    "counted": """SELECT (SELECT count(*) FROM files WHERE skip IS NULL),
        (SELECT count(*) FROM chunks)""",
}
_VECTORS = """SELECT v.key, v.data FROM vectors v JOIN models m ON m.id = v.model
    WHERE m.fingerprint = (SELECT value FROM meta WHERE key = 'fingerprint') AND v.key IN
    (SELECT key FROM chunks UNION SELECT key FROM symbols WHERE weight > 0)"""


class Contents:
    """All that an index says of its folder."""

    def __init__(self, database: Path) -> None:
        conn = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            conn.execute("CREATE VIRTUAL TABLE temp.instances USING fts5vocab(main,words,instance)")
            conn.execute("BEGIN")
            self.rows = {name: Counter(conn.execute(sql).fetchall()) for name, sql in _ROWS.items()}
            self.vectors: dict[bytes, bytes | None] = dict(conn.execute(_VECTORS).fetchall())
        finally:
            conn.close()

    def differences(self, other: Contents) -> list[str]:
        """Say how two indexes differ; nothing when they are equal."""
        found = []
        for name, mine in self.rows.items():
            theirs = other.rows[name]
            found += [f"{name}: only here: {row}" for row in (mine - theirs)]
            found += [f"{name}: only there: {row}" for row in (theirs - mine)]
        found += [f"vectors: only here: {k.hex()}" for k in self.vectors.keys() - other.vectors]
        found += [f"vectors: only there: {k.hex()}" for k in other.vectors.keys() - self.vectors]
        for key in self.vectors.keys() & other.vectors.keys():
            if _cosine(self.vectors[key], other.vectors[key]) < LEAST_COSINE:
                found.append(f"vectors: another one for {key.hex()}")
        return found


def _cosine(one: bytes | None, other: bytes | None) -> float:
    if not one or not other:
        return 1.0 if one == other else 0.0
    if len(one) != len(other):
        return 0.0
    a, b = decode([one, other], len(one) - 4)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def live_database(index_dir: Path) -> Path:
    """Return the database that `CURRENT` names."""
    return index_dir / (index_dir / "CURRENT").read_text("ascii").strip() / "index.db"


def rebuilt(root: Path, embed: Callable[[Engine], object] | None = None) -> Contents:
    """Index the folder afresh, in this process and in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="oracle-") as place:
        paths = IndexPaths(str(root), "0" * 16, place)
        indexer = FolderIndexer(paths, Settings(), lambda *_: None, lambda: False)
        indexer.close()
        engine = Engine.open(Path(place) / "index", str(root))
        indexer._database = Direct(engine)  # type: ignore[assignment]
        indexer.reconcile()
        if embed is not None:
            embed(engine)
        indexer.close()
        return Contents(live_database(Path(place) / "index"))


def assert_equal(
    index_dir: Path, root: Path, embed: Callable[[Engine], object] | None = None
) -> None:
    """Fail unless the index in this directory equals a fresh rebuild of the folder."""
    different = Contents(live_database(index_dir)).differences(rebuilt(root, embed))
    assert not different, f"{len(different)} differences:\n" + "\n".join(different[:12])


def assert_true(root: Path) -> None:
    """Fail unless the folder's own index, made by real workers, equals a fresh rebuild."""
    assert_equal(Path(index_paths(str(root)).directory), root, embed_really)


def embed_really(engine: Engine) -> None:
    """Give every chunk and symbol its vector, with the model that the workers use."""
    embedder = load_embedder(resolve("default"))
    while True:
        request = BatchRequest(embedder.fingerprint, embedder.dim, 512, 0.0)
        items = engine.lease("oracle", request).items
        if not items:
            return
        result = embedder.embed_documents(items)
        failed = set(result.failed)
        keep = [row for row in range(len(items)) if row not in failed]
        engine.put_vectors(
            VectorBatch(
                embedder.fingerprint, embedder.dim, [items[row].key for row in keep],
                result.vectors[keep].astype("<f4").tobytes(),
                [items[row].key for row in sorted(failed)],
            )
        )  # fmt: skip


def embed_foreseeably(engine: Engine) -> None:
    """Give every chunk and symbol a vector made of its words; no model is loaded."""
    embed_all(engine)


def settle(client: Client, timeout: float = 60.0) -> dict[str, Any]:
    """Wait until what is on disk now is in the index, vectors too; returns the status row.

    Not a sleep: `wherein/sync` answers once the disk was looked at and all of it is committed.
    """
    client.ask("wherein/sync", {}, timeout)

    def complete() -> dict[str, Any] | None:
        (row,) = client.ask("wherein/status", {}, timeout)["folders"]
        return row if not row["pending"] and row["meaningPercent"] == 100 else None

    return until(complete, timeout, "all vectors")
