"""CodeDatabase: the index of one folder, as commands and workers see it.

Each method returns a `Pending`: await it in the server, call `.result()` in a worker. A search is
one frame. Knows the driver protocol and nothing of processes.
"""

from __future__ import annotations

from collections.abc import Callable

from wherein import domain as d
from wherein.asking import AskOwner, OwnerSays
from wherein.database.drivers.base import DriverConfig, create_driver
from wherein.ipc.pending import Pending


class CodeDatabase:
    """The operations on one index."""

    def __init__(self, config: DriverConfig) -> None:
        self._driver = create_driver(config.driver_type, config)

    def connect(self) -> str:
        """Connect now, starting what is needed, and return the endpoint. Blocks; for workers."""
        return self._driver.connect()

    @property
    def connected(self) -> bool:
        """True while there is a connection."""
        return self._driver.connected

    def search(self, query: d.SearchQuery) -> Pending[d.SearchResponse]:
        """Answer a question."""
        return self._driver.submit("search", query, None)

    def similar(self, query: d.SimilarQuery) -> Pending[d.SearchResponse]:
        """Find code that is like a stretch of a file, or like a text."""
        return self._driver.submit("similar", query, None)

    def find_symbols(self, query: d.SymbolQuery) -> Pending[d.SymbolList]:
        """Find definitions by name."""
        return self._driver.submit("find_symbols", query, None)

    def stats(self, deadline_s: float | None = None) -> Pending[d.IndexStats]:
        """Read the counters."""
        return self._driver.submit("stats", d.Empty(), deadline_s)

    def wait_vectors(self, wait_s: float, deadline_s: float | None = None) -> Pending[d.IndexStats]:
        """Park until every chunk has its vector, at most `wait_s` seconds; then the counters."""
        until = wait_s + 5.0 if deadline_s is None else deadline_s
        return self._driver.submit("wait_vectors", d.WaitFor(wait_s), until)

    def list_files(self) -> Pending[d.FileList]:
        """List all files that the index knows."""
        return self._driver.submit("list_files", d.Empty(), None)

    def find_file(self, path: bytes) -> Pending[d.FileState]:
        """Look up what the index knows of one file."""
        return self._driver.submit("find_file", d.FileQuery(path), None)

    def put_overlay(self, overlay: d.Overlay) -> Pending[d.Empty]:
        """Let unsaved text stand in for a file in our answers, on this and later connections."""
        self._driver.keep(
            "put_overlay", overlay.path, overlay if overlay.text is not None else None
        )
        return self._driver.submit("put_overlay", overlay, None)

    def replace_file(self, update: d.FileUpdate) -> Pending[d.Written]:
        """Write one file's new state in one transaction; sending it twice changes nothing."""
        return self._driver.submit("replace_file", update, None)

    def remove_files(self, removal: d.RemoveFiles) -> Pending[d.Written]:
        """Take files out of the index."""
        return self._driver.submit("remove_files", removal, None)

    def touch_files(self, touch: d.TouchFiles) -> Pending[d.Written]:
        """Note new signatures of unchanged files."""
        return self._driver.submit("touch_files", touch, None)

    def next_batch(self, request: d.BatchRequest) -> Pending[d.EmbedBatch]:
        """Ask for chunks without a vector; parked until there are some."""
        return self._driver.submit("next_batch", request, request.wait_s + 10.0)

    def put_vectors(self, batch: d.VectorBatch) -> Pending[d.Written]:
        """Store finished vectors; sending them twice changes nothing."""
        return self._driver.submit("put_vectors", batch, None)

    def begin_rebuild(self) -> Pending[d.Generation]:
        """Take writes into a new, empty generation; the old one answers until it is finished.

        While one is being rebuilt, the answer names that one.
        """
        return self._driver.submit("begin_rebuild", d.Empty(), None)

    def finish_rebuild(self, generation: int) -> Pending[d.Empty]:
        """Say that a generation holds the whole folder: it answers from now on."""
        return self._driver.submit("finish_rebuild", d.Generation(generation), None)

    def purge(self) -> Pending[d.Purged]:
        """Rewrite the index's files without anything that was deleted."""
        return self._driver.submit("purge", d.Empty(), None)

    def verify(self) -> Pending[d.Verdict]:
        """Read all of the index and check it against itself."""
        return self._driver.submit("verify", d.Empty(), None)

    def ask_owner(self, asked: AskOwner, deadline_s: float | None = None) -> Pending[OwnerSays]:
        """Ask the process that owns the index; its database worker passes it on."""
        return self._driver.submit("ask_owner", asked, deadline_s)

    def keep_near(self, asked: AskOwner, *, now: bool) -> None:
        """Tell each owner that this connects to which files are open here; `now`, this one."""
        self._driver.keep("ask_owner", b"near", asked if asked.paths else None)
        if now:
            self._driver.submit("ask_owner", asked, None)

    def on_lost(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, on any thread, whenever the connection breaks."""
        self._driver.on_lost(tell)

    def requests_sent(self) -> int:
        """How many request frames this database has sent."""
        return self._driver.requests_sent()

    def close(self) -> None:
        """Disconnect."""
        self._driver.close()
