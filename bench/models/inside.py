"""The real search over some trees, in this process: index, vectors, ranking.

The same engine, chunker and embedder as in the workers, without the processes: with several models
each tree is read once, and only vectors are made again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import measure
import numpy as np
from contenders import BM25

from wherein.db_worker.engine import Engine
from wherein.domain import BatchRequest, FileUpdate, Mode, QueryVector, SearchQuery, VectorBatch
from wherein.indexing import chunker

_BATCH = 512


class Trees:
    """The indexes of the trees that questions are about; `close` removes them.

    `trees` holds them as REPO/ROOT, by what the questions say.
    """

    def __init__(self, questions: Sequence[dict[str, Any]], trees: Path) -> None:
        self._stack = ExitStack()
        home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="wh-")))
        self._questions = questions
        self._engines: dict[str, Engine] = {}
        for repo, root in dict.fromkeys((q["repo"], q["root"]) for q in questions):
            place = home / repo
            place.mkdir()
            self._engines[repo] = self._indexed(place, trees / repo / root)

    def close(self) -> None:
        """Close and remove all indexes."""
        self._stack.close()

    def answers(self, model: Path | str) -> list[dict[str, Any]]:
        """Answer every question with a model, in the shape of the command line's batch."""
        out = []
        for name, engine in self._engines.items():
            own = [q for q in self._questions if q["repo"] == name]
            out += self._of_tree(engine, own, model)
        return out

    def _of_tree(
        self, engine: Engine, own: Sequence[dict[str, Any]], model: Path | str
    ) -> list[dict[str, Any]]:
        mode = Mode.LEXICAL if model == BM25 else Mode.HYBRID
        if mode is Mode.HYBRID:
            _embed_all(engine, measure.load(str(model)))
        reader = engine.reader()

        def embed(text: str) -> Future[QueryVector]:
            embedder = measure.load(str(model))
            done: Future[QueryVector] = Future()
            row = embedder.embed_query(text).astype("<f4").tobytes()
            done.set_result(
                QueryVector(embedder.fingerprint, embedder.dim, row, embedder.symbol_weight)
            )
            return done

        out = []
        for q in own:
            query = SearchQuery(text=q["query"], limit=measure.DEEP, mode=mode)
            hits = reader.search(query, embed, lambda: False).hits
            found = [
                {"path": h.path.decode(), "start_line": h.start_line, "end_line": h.end_line}
                for h in hits
            ]
            out.append({"id": q["id"], "results": found})
        reader.close()
        return out

    def _indexed(self, place: Path, root: Path) -> Engine:
        engine = Engine.open(place, str(root))
        self._stack.callback(engine.close)
        updates = []
        for number, source in enumerate(measure.files(root)):
            parsed = chunker.parse(source)
            updates.append(
                FileUpdate(
                    path=source.path,
                    signature=source.signature,
                    content_hash=source.content_hash,
                    language=parsed.language,
                    chunks=parsed.chunks,
                    symbols=parsed.symbols,
                    request_id=number.to_bytes(16, "big"),
                )
            )
        engine.replace_files(updates)
        return engine


def _embed_all(engine: Engine, embedder: measure.Embedder) -> None:
    wanted = BatchRequest(embedder.fingerprint, embedder.dim, _BATCH, 0.0)
    while items := engine.lease(engine, wanted).items:
        result = embedder.embed_documents(items)
        bad = set(result.failed)
        good = [i for i in range(len(items)) if i not in bad]
        rows = np.ascontiguousarray(result.vectors[good], dtype="<f4")
        engine.put_vectors(
            VectorBatch(
                fingerprint=embedder.fingerprint,
                dim=embedder.dim,
                keys=[items[i].key for i in good],
                vectors=rows.tobytes(),
                failed=[items[i].key for i in bad],
            )
        )
