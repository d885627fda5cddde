"""An index and its watcher in this process: the real engine, the real indexer, no sockets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine_samples import embedder
from wherein.db_worker import verify
from wherein.db_worker.engine import Engine
from wherein.db_worker.index import Index
from wherein.domain import Generation, SearchQuery, SearchResponse
from wherein.errors import StorageError
from wherein.paths import IndexPaths
from wherein.settings import Settings
from wherein.workers.folder_indexer import FolderIndexer


class Direct:
    """The operations of a database, answered by an engine in this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._engine, name)

        def ask(*params: Any) -> Any:
            return _done(work(*params))

        return ask

    def list_files(self) -> Any:
        """List all files that the index knows."""
        return _done(_files_of(self._engine))

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()


class Served:
    """The operations of a database as the worker's writer does them, with its repairs."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def __getattr__(self, name: str) -> Any:
        return lambda params: _later(lambda: self.index.write(name, params))

    def stats(self) -> Any:
        """Count."""
        return _done(self.index.writer.stats())

    def list_files(self) -> Any:
        """List all files; damage that this finds is mended as in the worker."""
        engine = self.index.writer
        try:
            return _done(_files_of(engine))
        except StorageError as error:
            self.index.trouble(engine, error)
            raise

    def begin_rebuild(self) -> Any:
        """Begin the next generation."""
        return _done(Generation(self.index.begin_rebuild()))

    def finish_rebuild(self, number: int) -> Any:
        """Switch to it."""
        return _done(self.index.finish_rebuild(number))

    def close(self) -> None:
        """Close the index."""
        self.index.close()


class LocalIndex:
    """A folder and its index; `told` is what a person would be told, by state."""

    def __init__(self, index_dir: Path, root: Path) -> None:
        self.told: dict[str, list[str]] = {}
        self.index = Index(index_dir, str(root), self._tell)
        paths = IndexPaths(str(root), "0" * 16, str(index_dir))
        self.indexer = FolderIndexer(paths, Settings(), lambda *_: None, lambda: False)
        self.indexer.close()
        self.indexer._database = Served(self.index)  # type: ignore[assignment]

    def reconcile(self, tries: int = 6, *, rebuild: bool = False) -> None:
        """Bring the index up to the disk, again when the storage failed, as the watcher does."""
        for left in reversed(range(tries)):
            try:
                self.indexer.reconcile(rebuild=rebuild)
            except StorageError:
                if not left:
                    raise
            else:
                return

    def settle(self, embed: Callable[[Engine], object] | None = None) -> None:
        """Bring everything up to the disk, check all pages, tidy up; mend what that finds."""
        for _ in range(3):
            self.reconcile()
            engine = self.index.writer
            try:
                verify.check(engine.database, frozen=engine.frozen)
                if embed is not None:
                    embed(engine)
            except StorageError as error:
                self.index.trouble(engine, error)
                continue
            break
        self.index.maintain()
        self.index.retire(idle=True)

    def search(self, text: str, *, model: bool = False) -> SearchResponse | None:
        """Ask as a reader thread does: None where the index is found damaged (and is mended)."""
        engine = self.index.live
        try:
            reader = engine.reader()
            try:
                query = SearchQuery(text=text, snippet_lines=3)
                return reader.search(query, embedder() if model else None, lambda: False)
            finally:
                reader.close()
        except StorageError as error:
            self.index.trouble(engine, error)
            return None

    def state(self, name: str) -> str:
        """What is told of this state now, "" for nothing."""
        return self.told.get(name, [""])[-1]

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def _tell(self, state: str, sentence: str) -> None:
        self.told.setdefault(state, []).append(sentence)


def _files_of(engine: Engine) -> Any:
    reader = engine.reader()
    try:
        return reader.list_files()
    finally:
        reader.close()


def _later(work: Callable[[], Any]) -> Any:
    """Do the work now; what went wrong comes with the answer, as through a socket."""
    try:
        return _done(work())
    except StorageError as error:
        problem = error

    def fail() -> None:
        raise problem

    return SimpleNamespace(result=fail)


def _done(answer: Any) -> Any:
    return SimpleNamespace(result=lambda: answer)
