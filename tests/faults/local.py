"""An index and its watcher in this process: the real engine, the real indexer, no sockets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from wherein.db_worker.engine import Engine


class Direct:
    """The operations of a database, answered by an engine in this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._engine, name)

        def ask(*params: Any) -> Any:
            answer = work(*params)
            return SimpleNamespace(result=lambda: answer)

        return ask

    def list_files(self) -> Any:
        """List all files that the index knows."""
        reader = self._engine.reader()
        found = reader.list_files()
        reader.close()
        return SimpleNamespace(result=lambda: found)

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
