"""An embedder that writes down what it is at, so that a chunk that kills it is found and left out.

Runs in the vectorization worker, around the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wherein.domain import EmbedItem
from wherein.embedding.embedder import Embedder, EmbedResult
from wherein.workers.quarantine import Unit, WorkNote

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CarefulEmbedder:
    """An embedder as any. Guilty chunks count as failed; suspects are embedded one by one."""

    def __init__(self, inner: Embedder, note: WorkNote) -> None:
        self._inner = inner
        self._note = note

    @property
    def name(self) -> str:
        """The model's name for people."""
        return self._inner.name

    @property
    def fingerprint(self) -> str:
        """The model's fingerprint."""
        return self._inner.fingerprint

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return self._inner.dim

    @property
    def symbol_weight(self) -> float:
        """What a symbol's vector adds."""
        return self._inner.symbol_weight

    @property
    def slice_items(self) -> int:
        """How many documents take about 10 ms."""
        return self._inner.slice_items

    def prepare(self) -> Embedder:
        """Load what documents need."""
        return self._inner.prepare()

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a question."""
        return self._inner.embed_query(text)

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """Embed what may be embedded; the vectors are in the order of the items."""
        care = self._note.care
        if not care.suspects and not care.guilty:
            return self._embed(items)
        vectors = np.zeros((len(items), self.dim), dtype=np.float32)
        failed: set[int] = set()
        together = []
        for row, item in enumerate(items):
            if item.key in care.guilty:
                failed.add(row)
            elif item.key in care.suspects:
                self._put([row], self._embed([item]), vectors, failed)
            else:
                together.append(row)
        if together:
            self._put(together, self._embed([items[row] for row in together]), vectors, failed)
        return EmbedResult(vectors, sorted(failed))

    def _embed(self, items: Sequence[EmbedItem]) -> EmbedResult:
        with self._note.at([Unit(item.key, item.header) for item in items]):
            return self._inner.embed_documents(items)

    @staticmethod
    def _put(
        rows: Sequence[int], result: EmbedResult, vectors: NDArray[np.float32], failed: set[int]
    ) -> None:
        vectors[list(rows)] = result.vectors
        failed.update(rows[index] for index in result.failed)
