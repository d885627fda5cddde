"""DBWorkerManager: decides when a database worker is wanted. It never starts one itself.

How one is started is given by `configure`, once per process: in the hosting process by
WorkerManager's starter, in a worker by asking the server over the control pipe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from wherein.errors import WorkerUnavailable


class DBWorkerManager:
    """Remembers where the database worker of each index listens."""

    _start: Callable[[str], str] | None = None
    _lock = threading.Lock()
    _endpoints: dict[str, str] = {}  # noqa: RUF012 - one table per process, guarded by _lock

    @classmethod
    def configure(cls, start: Callable[[str], str]) -> None:
        """Say how a database worker is had: `start(db_path)` returns its endpoint."""
        with cls._lock:
            cls._start = start
            cls._endpoints = {}

    @classmethod
    def get_or_start_worker(cls, db_path: str) -> str:
        """Return the endpoint of the index's database worker, having it started when needed.

        Raises WorkerUnavailable when `configure` was not called or no worker can be had.
        """
        with cls._lock:
            known = cls._endpoints.get(db_path)
            start = cls._start
        if known is not None:
            return known
        if start is None:
            raise WorkerUnavailable("No way to start a database worker was configured")
        endpoint = start(db_path)
        with cls._lock:
            cls._endpoints[db_path] = endpoint
        return endpoint

    @classmethod
    def forget(cls, db_path: str, endpoint: str) -> None:
        """Drop an endpoint that did not answer, so that the next call asks again."""
        with cls._lock:
            if cls._endpoints.get(db_path) == endpoint:
                del cls._endpoints[db_path]
