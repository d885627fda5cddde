"""What every embedding model offers, whatever computes it. Runs in the vectorization worker.

Importing this module is cheap: numpy is needed for types only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from wherein.domain import EmbedItem


class EmbedResult(NamedTuple):
    """The vectors of a batch, one row an item, in the order of the items.

    `vectors` is n x dim float32 and every row has unit length, except the rows listed in `failed`
    (ascending indexes), which are all zeros: the model knows nothing of that text, or computed
    something that is not a finite number. A failed row must not be stored.
    """

    vectors: NDArray[np.float32]
    failed: list[int]


class Embedder(Protocol):
    """One loaded model. Not thread-safe: `EmbeddingService` lets one caller in at a time."""

    @property
    def name(self) -> str:
        """The model's name for people."""

    @property
    def fingerprint(self) -> str:
        """Equal for two loads exactly when their vectors may be compared: 16 hex digits."""

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""

    @property
    def symbol_weight(self) -> float:
        """What the best symbol of a chunk adds to the cosine of its text.

        0.2 where the text's vector counts the name ten times already: hand-written questions lose
        .026 at .7, docstrings .021 at 0. And 0.7 where not: MiniLM loses .018 at .2.
        """

    @property
    def slice_items(self) -> int:
        """How many documents take about 10 ms, the longest that a query should wait for a batch."""

    def prepare(self) -> Embedder:
        """Load what documents need beyond questions, once, in any thread; raises ModelError.

        Returns the embedder with everything loaded. `embed_documents` does it when nobody has.
        """

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """Embed pieces of source code, each with its header; an empty batch gives 0 x dim."""

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a question as typed: dim numbers of unit length, all zeros if nothing is known."""
