"""The database worker's service, in this process: leases, cancelling, groups, bounded queues."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine_samples import TWO, update
from fake_embedder import FakeEmbedder
from support.waiting import until
from wherein import domain as d
from wherein.database.db_worker_manager import DBWorkerManager
from wherein.db_worker import readers
from wherein.db_worker.engine import Engine, Reader
from wherein.db_worker.process import DatabaseService
from wherein.errors import WhereinError, WorkerUnavailable
from wherein.ipc.client import Client
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.paths import IndexPaths, index_paths
from wherein.settings import Settings
from wherein.workers import vectorization
from wherein.workers.runtime import WorkerContext
from wherein.workers.start import WorkerStart, WorkerType

TOKEN = b"t" * 32
FOR_EVER = """WITH RECURSIVE c(x) AS (SELECT begun() UNION ALL SELECT x + 1 FROM c)
    SELECT count(*) FROM c WHERE x < 0"""


@pytest.fixture
def paths(wherein_home: Path, tmp_path: Path) -> IndexPaths:
    """The index of an empty folder."""
    root = tmp_path / "root"
    root.mkdir()
    made = index_paths(str(root))
    Path(made.directory).mkdir(parents=True)
    return made


@pytest.fixture
def service(paths: IndexPaths) -> Iterator[DatabaseService]:
    """The service of one index; what goes up the control pipe is read by nobody."""
    ours, theirs = socket.socketpair()
    start = WorkerStart(WorkerType.DATABASE, (paths,), TOKEN, Settings())
    made = DatabaseService(WorkerContext(start, theirs))
    yield made
    made.close()
    ours.close()
    theirs.close()


@pytest.fixture
def connect(service: DatabaseService) -> Iterator[Callable[[], Client]]:
    """Connect clients; they are closed at the end."""
    made: list[Client] = []

    def new() -> Client:
        made.append(Client(service.endpoint, TOKEN, DATABASE_OPERATIONS))
        return made[-1]

    yield new
    for each in made:
        each.close()


def batch(client: Client, wait_s: float = 0.0) -> d.EmbedBatch:
    """Ask for chunks to embed."""
    asked = d.BatchRequest("test-model", 16, 100, wait_s)
    found: d.EmbedBatch = client.submit("next_batch", asked).result(20)
    return found


def drain(client: Client) -> set[bytes]:
    """Lease everything there is; returns the keys."""
    keys: set[bytes] = set()
    while found := batch(client).items:
        keys |= {item.key for item in found}
    return keys


def test_what_a_client_leased_is_free_when_it_goes(connect: Callable[[], Client]) -> None:
    """An embedder that dies takes no chunk with it: the next one gets them, at once."""
    first, second = connect(), connect()
    first.submit("replace_file", update("a.py", TWO)).result(20)
    leased = drain(first)
    assert leased
    assert drain(second) == set()  # they are the first one's
    waiting = second.submit("next_batch", d.BatchRequest("test-model", 16, 100, 30.0))
    first.close()
    assert {item.key for item in waiting.result(20).items} | drain(second) == leased


def test_F41_vectors_that_could_not_be_stored_are_made_again(
    service: DatabaseService, connect: Callable[[], Client], paths: IndexPaths,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A foreign lock at the wrong moment: the embedder gives back what it could not store."""
    monkeypatch.setattr(vectorization, "PARK_S", 0.2)
    database = Path(paths.directory) / "gen-1" / "index.db"
    foreign = apsw.Connection(str(database))
    times = itertools.count()

    def lock_once(_items: object) -> None:
        foreign.execute("ROLLBACK" if next(times) else "BEGIN IMMEDIATE")

    paths.token_file.write_bytes(TOKEN)
    DBWorkerManager.configure(start=lambda _: service.endpoint)
    ours, theirs = socket.socketpair()
    start = WorkerStart(WorkerType.VECTORIZATION, (paths,), TOKEN, Settings())
    context = WorkerContext(start, theirs)
    client = connect()
    client.submit("replace_file", update("a.txt", "a text of words\n")).result(20)
    worker = vectorization.Vectorizer(context, FakeEmbedder(lock_once))
    threading.Thread(target=worker.work, args=(paths,), daemon=True).start()
    try:
        until(lambda: client.submit("stats", d.Empty()).result(20).vectors == 1, 60.0, "the vector")
        assert next(times) == 2
    finally:
        context.stopping.set()
        foreign.close()
        ours.close()
        theirs.close()


def test_a_lease_to_a_client_that_went_meanwhile_is_given_back(
    service: DatabaseService, connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client can go between being asked for and being given to."""
    first, second = connect(), connect()
    first.submit("replace_file", update("a.py", TWO)).result(20)
    lease = service._index.live.lease
    gone = threading.Event()

    def slow(owner: Any, request: d.BatchRequest) -> d.EmbedBatch:
        if not gone.is_set():
            first.close()
            until(lambda: owner.closed, what="the service notices")
            gone.set()
        return lease(owner, request)

    monkeypatch.setattr(service._index.live, "lease", slow)
    first.submit("next_batch", d.BatchRequest("test-model", 16, 100, 0.0))
    assert gone.wait(20)
    assert until(lambda: drain(second), what="the chunks are free")


def test_one_bad_file_does_not_keep_its_neighbours_out(
    service: DatabaseService, connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that wait are written together; when one is bad, the others are written all the same.

    SQLite has no integer for a size of 2^63.
    """
    client = connect()
    bad = update("bad.py", TWO)
    bad = d.FileUpdate(
        bad.path, d.Signature(2**63, 1, 1, 1), bad.content_hash, "python", bad.chunks,
        bad.symbols, bad.request_id,
    )  # fmt: skip
    busy, go_on = threading.Event(), threading.Event()
    replace = service._index.live.replace_files

    def hold(updates: Any) -> Any:
        busy.set()
        assert go_on.wait(20)
        return replace(updates)

    monkeypatch.setattr(service._index.live, "replace_files", hold)
    first = client.submit("replace_file", update("first.py", "def first(): pass\n"))
    assert busy.wait(20)
    waiting = [
        client.submit("replace_file", each)
        for each in (update("a.py", TWO), bad, update("b.py", "def other(): pass\n"))
    ]
    until(lambda: service._writes.qsize() == 3, what="three wait")
    go_on.set()
    assert first.result(20).changed
    assert waiting[0].result(20).changed
    assert waiting[2].result(20).changed
    with pytest.raises(WhereinError):
        waiting[1].result(20)
    listed = client.submit("list_files", d.Empty()).result(20)
    assert [file.path for file in listed.files] == [b"a.py", b"b.py", b"first.py"]
    assert client.submit("stats", d.Empty()).result(20).files == 3


@pytest.fixture
def endless(
    service: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, threading.Event]]:
    """Searches for a word run a statement that ends only when it is interrupted."""
    started: dict[str, threading.Event] = {}
    running: list[Reader] = []
    search = Reader.search

    def slow(self: Reader, query: d.SearchQuery, *rest: Any) -> d.SearchResponse:
        if query.text in started:
            running.append(self)
            # Told from inside the statement: an interrupt that comes before it would be lost.
            self._conn.create_scalar_function("begun", started[query.text].set, 0)
            with process_reading(self):
                self._conn.execute(FOR_EVER).fetchall()
        return search(self, query, *rest)

    def process_reading(reader: Reader) -> Any:
        from wherein.db_worker.failures import reading

        return reading(reader._conn, reader._shared.failed)

    monkeypatch.setattr(Reader, "search", slow)
    yield started
    for reader in running:
        reader.interrupt()


def hold_readers(client: Client, endless: dict[str, threading.Event]) -> list[Any]:
    """Keep all readers busy; returns the pending answers."""
    pending = []
    for number in range(readers.READERS):
        endless[f"held{number}"] = threading.Event()
        query = d.SearchQuery(text=f"held{number}", mode=d.Mode.LEXICAL)
        pending.append(client.submit("search", query))
        assert endless[f"held{number}"].wait(20)
    return pending


def test_F73_a_cancel_interrupts_the_statement_that_runs(
    connect: Callable[[], Client], endless: dict[str, threading.Event]
) -> None:
    """A reader that is deep in SQLite is free again once its asker does not want the answer."""
    client = connect()
    for pending in hold_readers(client, endless):
        with pytest.raises(WhereinError):
            pending.result(0.01)  # gives up, which sends the cancel
    free = client.submit("search", d.SearchQuery(text="anything", mode=d.Mode.LEXICAL))
    assert free.result(5).hits == []  # 0.1 s is meant; a machine that is starved is no failure


def test_a_call_that_is_cancelled_while_its_reader_opens_is_not_begun(
    paths: IndexPaths, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Opening takes a moment, in which there is no statement yet that could be interrupted."""
    opening, go_on = threading.Event(), threading.Event()
    begun: list[str] = []
    reader, search = Engine.reader, Reader.search

    def slow(self: Engine) -> Reader:
        opening.set()
        assert go_on.wait(20)
        return reader(self)

    def noted(self: Reader, query: d.SearchQuery, *rest: Any) -> d.SearchResponse:
        begun.append(query.text)
        return search(self, query, *rest)

    monkeypatch.setattr(readers, "READERS", 1)
    monkeypatch.setattr(Engine, "reader", slow)
    monkeypatch.setattr(Reader, "search", noted)
    client = request.getfixturevalue("connect")()
    given_up = client.submit("search", d.SearchQuery(text="gone", mode=d.Mode.LEXICAL))
    assert opening.wait(20)
    with pytest.raises(WhereinError):
        given_up.result(0.01)
    client.submit("stats", d.Empty()).result(20)  # behind the cancel
    go_on.set()
    client.submit("search", d.SearchQuery(text="next", mode=d.Mode.LEXICAL)).result(20)
    assert begun == ["next"]


def test_a_client_that_goes_interrupts_what_it_asked(
    connect: Callable[[], Client], endless: dict[str, threading.Event]
) -> None:
    """An editor that dies does not leave a reader busy."""
    client, other = connect(), connect()
    hold_readers(client, endless)
    client.close()
    free = other.submit("search", d.SearchQuery(text="anything", mode=d.Mode.LEXICAL))
    assert free.result(20).hits == []


def test_searches_that_wait_are_bounded(
    paths: IndexPaths, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """When too many wait for a reader, the next one is told so instead of waiting too."""
    monkeypatch.setattr(readers, "MAX_QUEUED", 2)
    connect = request.getfixturevalue("connect")
    client = connect()
    hold_readers(client, request.getfixturevalue("endless"))
    query = itertools.repeat(d.SearchQuery(text="x", mode=d.Mode.LEXICAL))
    waiting = [client.submit("search", next(query)) for _ in range(2)]
    with pytest.raises(WorkerUnavailable, match="Too many"):
        client.submit("search", next(query)).result(20)
    assert not any(each.future.done() for each in waiting)
    assert client.submit("stats", d.Empty()).result(20).files == 0  # counters need no reader
