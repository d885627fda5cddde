"""An embedder whose vectors a test can foresee: two numbers, and nothing is loaded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wherein.embedding.embedder import EmbedResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from wherein.domain import EmbedItem


class FakeEmbedder:
    """Turns a text into the angle of its length in degrees; an empty text is unknown.

    `before_documents` is called with each slice and `before_query` with each query, in the thread
    that embeds: a test blocks there, or writes down the order.
    """

    name = "fake"
    fingerprint = "fa4efa4efa4efa4e"
    dim = 2
    slice_items = 4
    symbol_weight = 0.7

    def __init__(
        self,
        before_documents: Callable[[Sequence[EmbedItem]], None] = lambda items: None,
        before_query: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.before_documents = before_documents
        self.before_query = before_query

    def prepare(self) -> FakeEmbedder:
        """Return itself."""
        return self

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """Embed by length; empty texts are failed zeros."""
        self.before_documents(items)
        rows = [self._vector(item.text) for item in items]
        vectors = np.array(rows, dtype=np.float32).reshape(len(items), self.dim)
        return EmbedResult(vectors, [index for index, item in enumerate(items) if not item.text])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed by length; an empty query gives zeros."""
        self.before_query(text)
        return np.array(self._vector(text), dtype=np.float32)

    def _vector(self, text: str) -> tuple[float, float]:
        if not text:
            return 0.0, 0.0
        angle = math.radians(len(text))
        return math.cos(angle), math.sin(angle)
