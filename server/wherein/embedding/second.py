"""The model for second opinions: loaded when it is first asked. In the vectorization worker."""

from __future__ import annotations

import threading
import time
from typing import Final

from wherein.embedding.catalogue import MINILM, find
from wherein.embedding.fastembed_backend import load_embedder
from wherein.embedding.models import ModelSpec, is_here, resolve
from wherein.embedding.service import EmbeddingService
from wherein.errors import ModelError

#: A model that could not be loaded is not tried again for so long.
RETRY_S: Final = 30.0


class SecondModel:
    """One model by its choice, "" for MiniLM. Safe in any thread."""

    def __init__(self, choice: str) -> None:
        self._choice = choice or MINILM.name
        self._lock = threading.Lock()
        self._service: EmbeddingService | None = None
        self._problem = ""
        self._tried_at = 0.0

    def service(self) -> EmbeddingService:
        """Return the model, loading it first. Raises ModelError when it cannot be had."""
        with self._lock:
            if self._service is not None:
                return self._service
            if self._problem and time.monotonic() - self._tried_at < RETRY_S:
                raise ModelError(self._problem)
            try:
                self._service = EmbeddingService(load_embedder(self._spec()))
            except ModelError as error:
                self._problem, self._tried_at = str(error), time.monotonic()
                raise
            return self._service

    def _spec(self) -> ModelSpec:
        known = find(self._choice)
        if known is not None and not is_here(known):
            raise ModelError(
                f"The model {known.name}, which gives second opinions, is not here yet "
                f"({known.megabytes} MB). Fetch it with `{known.command}`."
            )
        return resolve(self._choice)
