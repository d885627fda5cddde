"""The embedded model, ready for questions before fastembed is. Runs in the vectorization worker.

A question needs the table and its tokenizer, which load in 0.06 CPU seconds; fastembed's import
takes 0.5. On a folder that is indexed already nothing but questions is embedded, so fastembed comes
when there are documents, and then does both.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from wherein.embedding.pooling import unit_rows
from wherein.embedding.safetensors_file import read_tensors
from wherein.embedding.text import encodable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from wherein.domain import EmbedItem
    from wherein.embedding.embedder import Embedder, EmbedResult
    from wherein.embedding.fastembed_backend import StaticEmbedder

_MAX_TOKENS = 512  # of a text, as fastembed keeps them


class QuestionTable:
    """The table of the embedded model, read from its files as they lie: 1 row a token.

    Raises OSError, ValueError or KeyError for files that are not what their hashes said.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        tensors = read_tensors(folder / "model.safetensors")
        # Copies: the files may be replaced by an update while this process lives.
        self._rows, self._weights = np.array(tensors["embeddings"]), np.array(tensors["weights"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=_MAX_TOKENS)
        self._unknown = self._tokenizer.token_to_id("[UNK]")
        self.dim = int(self._rows.shape[1])

    def embed(self, text: str) -> NDArray[np.float32]:
        """Sum the rows of the tokens, each as often as it was typed: dim numbers of length 1."""
        ids = self._tokenizer.encode(encodable(text), add_special_tokens=False).ids
        known = [token for token in ids if token != self._unknown]
        total = (self._rows[known] * self._weights[known, None]).sum(axis=0, dtype=np.float32)
        row: NDArray[np.float32] = unit_rows(total).vectors[0]
        return row


class EmbeddedModel:
    """Answers questions from the table until `load` has brought fastembed's embedder."""

    def __init__(
        self,
        name: str,
        digest: str,
        folder: Path,
        load: Callable[[], Embedder],
        kind: type[StaticEmbedder],
    ) -> None:
        self.name = name
        self.fingerprint = digest
        self.slice_items = kind.slice_items
        self.symbol_weight = kind.symbol_weight
        self._table: QuestionTable | None = QuestionTable(folder)
        self.dim = self._table.dim
        self._load = load
        self._lock = threading.Lock()
        self._whole: Embedder | None = None

    def prepare(self) -> Embedder:
        """Load what documents need, once. Raises ModelError."""
        with self._lock:
            if self._whole is None:
                self._whole = self._load()
                self._table = None
            return self._whole

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """Embed by fastembed's table, loaded first if need be."""
        return self.prepare().embed_documents(items)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a question; both ways give the same vector."""
        table = self._table
        return self.prepare().embed_query(text) if table is None else table.embed(text)
