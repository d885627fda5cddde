"""Files and chunks that kill, hang or spin a worker: found, left out, shown; the rest goes on."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.faults import Faults
from support.waiting import until
from support.workspace import make_project
from wherein import domain as d
from wherein.errors import WhereinError, WorkerUnavailable
from wherein.host import IndexHost
from wherein.settings import Settings
from wherein.workers import handle as handles
from wherein.workers import supervision
from wherein.workers.handle import WorkerState
from wherein.workers.manager import WorkerManager
from wherein.workers.quarantine import Care, Casebook, Unit, WorkNote, read_note
from wherein.workers.start import WorkerType

PARSE = "wherein.workers.folder_indexer:parse"
EMBED = "wherein.embedding.fastembed_backend:StaticEmbedder.embed_documents"
POISON = "def poisoned_apple(queen):\n    return queen.mirror\n"


@pytest.fixture
def project(wherein_home: Path, tmp_path: Path) -> Path:
    """A project with one file that is poison to a worker that has the fault."""
    root = make_project(tmp_path / "project")
    (root / "apple.py").write_text(POISON, encoding="utf-8")
    for number in range(40):
        (root / f"file{number}.py").write_text(f"def harmless_{number}():\n    return {number}\n")
    return root


@pytest.fixture
def host(wherein_home: Path) -> Iterator[IndexHost]:
    """A host that has opened nothing yet."""
    made = IndexHost(Settings())
    yield made
    made.close(5)


def top(host: IndexHost, question: str) -> str:
    """The first answer's symbol, "" for none."""
    hits = host.folders[0].database.search(d.SearchQuery(text=question)).result().hits
    return hits[0].symbol if hits else ""


def complete(host: IndexHost) -> d.IndexStats | None:
    """The counters, once every chunk has its vector or never will."""
    stats = host.folders[0].database.wait_vectors(1).result()
    return stats if stats.fingerprint and not stats.pending else None


@pytest.mark.parametrize("how", ["kill", "spin", "hang"])
def test_F17_a_file_that_ends_the_watcher_twice_is_left_out(
    host: IndexHost, project: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whether it kills it, or holds it up with the GIL or without: two deaths, and no more."""
    silence = {**supervision.SILENCE_S, WorkerType.FILE_WATCHER: 4.0}
    monkeypatch.setattr(supervision, "SILENCE_S", silence)
    monkeypatch.setattr(supervision, "BUSY_S", 3.0)
    faults.set({"at": PARSE, "do": how, "text": "poisoned_apple"})
    host.open([str(project)])
    assert host.sync(host.folders[0]).result(100) > 0
    assert faults.count() == 2
    assert top(host, "harmless_17") == "harmless_17"
    assert top(host, "blend") == "blend"
    stats = host.folders[0].database.stats().result()
    assert stats.skipped["quarantined"] == 1
    assert host.facts(host.folders[0]).left_out == ["apple.py"]
    # Nothing but another content brings it back; and then it comes.
    os.utime(project / "apple.py", (1_000_000_000, 1_000_000_000))
    host.sync(host.folders[0]).result(60)
    assert faults.count() == 2
    (project / "apple.py").write_text("def sound_apple():\n    return 1\n", encoding="utf-8")
    host.sync(host.folders[0]).result(60)
    assert top(host, "sound_apple") == "sound_apple"
    assert "quarantined" not in host.folders[0].database.stats().result().skipped


CUT = "wherein.indexing.chunker:parse"  # in the watcher and, for what is typed, in the database


def deaths(host: IndexHost) -> dict[str, int]:
    """How often each kind of worker was started again."""
    return {status.type: status.restarts for status in host.worker_status()}


def test_F17_a_file_that_is_open_too_ends_the_watcher_alone(
    host: IndexHost, project: Path, faults: Faults
) -> None:
    """An open file that is as on disk is not parsed again, nor one that is left out, typed in."""
    faults.set({"at": CUT, "do": "kill", "text": "poisoned_apple"})
    host.open([str(project)])
    host.sync(host.folders[0]).result(100)
    database = host.folders[0].database
    for version, path, text in [
        (1, b"apple.py", POISON), (2, b"colours.py", (project / "colours.py").read_text("utf-8")),
        (3, b"apple.py", POISON + "x = 1\n"),
    ]:  # fmt: skip
        database.put_overlay(d.Overlay(path, version, text.encode())).result()
        assert top(host, "harmless_17") == "harmless_17"
        assert top(host, "blend") == "blend"
    assert faults.count() == 2
    assert deaths(host)["database"] == 0


def test_F17_a_buffer_that_ends_the_database_twice_is_left_out(
    host: IndexHost, project: Path, faults: Faults
) -> None:
    """However it is typed in afterwards; what else is open is found all the time."""
    faults.set({"at": CUT, "do": "kill", "text": "poisoned_pear"})
    host.open([str(project)])
    host.sync(host.folders[0]).result(100)
    database = host.folders[0].database
    database.put_overlay(d.Overlay(b"plum.py", 1, b"def sound_plum():\n    return 1\n")).result()
    for version in range(2, 5):
        text = POISON.replace("apple", "pear") + "x = 1\n" * version
        database.put_overlay(d.Overlay(b"pear.py", version, text.encode()))

        def answered() -> bool:
            try:
                return top(host, "sound_plum") == "sound_plum"
            except WhereinError:
                return False  # of the deaths that it takes

        until(answered, what="answers")
    assert faults.count() == 2
    assert deaths(host)["database"] == 2
    assert host.facts(host.folders[0]).left_out == ["pear.py"]


def test_F17_a_start_that_fails_is_not_blamed_on_what_was_in_hand_before(
    host: IndexHost, project: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watcher was killed in a file, by chance; the next one does not get as far as that."""
    faults.set({"at": PARSE, "do": "kill", "text": "poisoned_apple", "once": True})
    start = handles._spawn.Process
    refused: list[bool] = []

    def refuse(**named: Any) -> Any:
        if named["name"] == "wherein-file_watcher" and faults.count() and not refused:
            refused.append(True)
            raise OSError(11, "Resource temporarily unavailable")
        return start(**named)

    monkeypatch.setattr(handles._spawn, "Process", refuse)
    host.open([str(project)])

    def synced() -> int:
        with contextlib.suppress(WorkerUnavailable):  # a database that starts may be slow
            return host.sync(host.folders[0]).result(60)
        return 0

    until(synced, timeout=100, what="synced")
    assert refused
    assert host.facts(host.folders[0]).left_out == []
    assert top(host, "poisoned_apple") == "poisoned_apple"


def test_a_file_that_was_left_out_stays_so_for_the_next_server(
    project: Path, faults: Faults
) -> None:
    """The index remembers it by its content: it kills nobody at the next start."""
    faults.set({"at": PARSE, "do": "kill", "text": "poisoned_apple"})
    for _ in range(2):
        host = IndexHost(Settings())
        try:
            host.open([str(project)])
            assert host.sync(host.folders[0]).result(60) > 0
            assert faults.count() == 2
        finally:
            host.close(5)


@pytest.mark.parametrize("how", ["kill", "hang"])
def test_F04_a_chunk_that_ends_the_embedder_twice_is_left_out(
    host: IndexHost, project: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The batch that it was in is taken one by one; the others get their vectors, words stay."""
    monkeypatch.setattr(supervision, "BUSY_S", 3.0)
    faults.set({"at": EMBED, "do": how, "text": "poisoned_apple"})
    host.open([str(project)])
    host.sync(host.folders[0]).result(60)
    assert top(host, "poisoned_apple") == "poisoned_apple"  # words answer all the time
    stats = until(lambda: complete(host), timeout=100, what="all other vectors")
    # The function's text and its symbol are two inputs: each may take two deaths.
    assert 2 <= faults.count() <= 4
    assert stats.failed_vectors >= 1
    assert stats.vectors >= stats.chunks - 2
    assert any("apple.py" in name for name in host.facts(host.folders[0]).left_out)
    (vectorizer,) = [s for s in host.worker_status() if s.type == "vectorization"]
    assert vectorizer.state == WorkerState.READY.value


def test_a_worker_killed_from_outside_leaves_nothing_out(host: IndexHost, project: Path) -> None:
    """What it had in hand is suspect, is taken alone the next time, and is cleared."""
    host.open([str(project)])
    host.sync(host.folders[0]).result(60)
    until(lambda: complete(host), timeout=60, what="vectors")
    cases = WorkerManager.get_instance()._cases[WorkerType.VECTORIZATION]
    key = b"k" * 16
    cases.died([Unit(key, "a.py"), Unit(b"l" * 16, "b.py")])
    (pid,) = [s.pid for s in host.worker_status() if s.type == "vectorization"]
    assert pid
    os.kill(pid, signal.SIGKILL)

    def again() -> Any:
        rows = [s for s in host.worker_status() if s.type == "vectorization"]
        return rows and rows[0].restarts == 1 and rows[0].state == "ready"

    until(again, timeout=60, what="restarted")
    assert cases.care() == Care(frozenset({key, b"l" * 16}), frozenset())
    assert host.facts(host.folders[0]).left_out == []


def test_the_casebook_wants_two_deaths_the_second_alone() -> None:
    """Being in a batch that died is suspicion; dying alone after that is guilt; survival clears."""
    one, two = Unit(b"1", "one"), Unit(b"2", "two")
    cases = Casebook()
    assert cases.died([one, two]) is None
    assert cases.died([one, two]) is None  # never alone: still only suspects
    cases.survived([b"2"])
    assert cases.died([one]) == one
    assert cases.died([two]) is None
    assert cases.died([two]) == two
    assert cases.names() == ["one", "two"]
    assert cases.care() == Care(frozenset(), frozenset({b"1", b"2"}))
    assert cases.died([]) is None


def test_a_note_outlives_its_writer(tmp_path: Path) -> None:
    """What is in hand can be read by another process; nothing is, once it is done."""
    path = str(tmp_path / "note")
    cleared: list[bytes] = []
    note = WorkNote(path, Care(suspects=frozenset({b"1"})), cleared.extend)
    units = [Unit(b"1", "one"), Unit(b"2", "two")]
    with note.at(units):
        assert read_note(path) == units
        assert cleared == []
        began = note.busy_s()
        until(lambda: note.busy_s() > began)
        note.excuse()
        assert note.busy_s() < 5
    assert read_note(path) == []
    assert note.busy_s() == 0.0
    assert cleared == [b"1"]
    Path(path).write_bytes(b"\x00\x00\x00\x09garbage")
    assert read_note(path) == []
    assert read_note(str(tmp_path / "none")) == []
