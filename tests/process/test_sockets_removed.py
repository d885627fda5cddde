"""F30: a cleaner of temporary files takes the sockets away while somebody listens on them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.rpc import serving
from support.waiting import until
from support.workspace import make_project
from wherein import domain as d
from wherein.errors import WorkerUnavailable
from wherein.ipc import service as services
from wherein.ipc.client import Client
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.ipc.service import Call, Service
from wherein.paths import runtime_dir

TOKEN = b"t" * 32

pytestmark = pytest.mark.one_transport


def answer(call: Call) -> None:
    """Answer with the listing of no files."""
    call.reply(d.FileList([], 7))


def ask(client: Client) -> int:
    """Ask once and return the commit number."""
    commit: int = client.submit("list_files", d.Empty()).result(20).commit
    return commit


def newcomer(endpoint: str) -> Client | None:
    """Connect, if something listens."""
    try:
        return Client(endpoint, TOKEN, DATABASE_OPERATIONS)
    except WorkerUnavailable:
        return None


@pytest.mark.parametrize("what", ["file", "directory"])
def test_F30_a_socket_that_was_removed_is_made_again(
    wherein_home: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Who is connected notices nothing; who comes later finds it in a moment."""
    monkeypatch.setattr(services, "LOOK_S", 0.1)
    service = Service("test.db", TOKEN, DATABASE_OPERATIONS, answer)
    try:
        first = Client(service.endpoint, TOKEN, DATABASE_OPERATIONS)
        socket = Path(service.endpoint[5:])
        if what == "file":
            socket.unlink()
        else:
            shutil.rmtree(socket.parent)
        assert ask(first) == 7
        second = until(lambda: newcomer(service.endpoint), what="the socket is there again")
        assert second is not None
        assert ask(second) == ask(first) == 7
        assert socket.stat().st_mode & 0o777 == 0o600
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        first.close()
        second.close()
    finally:
        service.close()
    assert not socket.exists()


def test_F30_a_service_that_has_closed_does_not_come_back(
    wherein_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes its socket file away itself; whoever looks after it at that moment lets it be."""
    service = Service("test.db", TOKEN, DATABASE_OPERATIONS, answer)
    socket = Path(service.endpoint[5:])
    service.close()
    service._look()  # what its accepting thread does between two looks
    assert not socket.exists()


def test_F30_what_was_put_in_its_place_is_not_removed(
    wherein_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file of that name stays; the socket is made when it has gone."""
    monkeypatch.setattr(services, "LOOK_S", 0.1)
    service = Service("test.db", TOKEN, DATABASE_OPERATIONS, answer)
    try:
        socket = Path(service.endpoint[5:])
        socket.unlink()
        socket.write_text("somebody's")
        until(lambda: "cannot be made again" in caplog.text, what="it is told")
        assert socket.read_text() == "somebody's"
        socket.unlink()
        client = until(lambda: newcomer(service.endpoint), what="the socket is there again")
        assert client is not None
        assert ask(client) == 7
        client.close()
    finally:
        service.close()


def test_F30_a_second_editor_finds_the_owner_after_a_clean_up(
    wherein_home: Path, tmp_path: Path
) -> None:
    """All sockets of a running server are removed: within 30 s another one can join."""
    project = make_project(tmp_path / "project")
    with serving() as first, serving() as second:
        first.initialize(project)
        first.ask("wherein/sync")
        assert first.ask("wherein/search", {"query": "blend"})["results"]
        for socket in runtime_dir().iterdir():
            if socket.is_socket():
                socket.unlink()
        assert first.ask("wherein/search", {"query": "blend"})["results"]
        until(lambda: any(p.is_socket() for p in runtime_dir().iterdir()), timeout=60)
        second.initialize(project)

        def joined() -> bool:
            (row,) = second.ask("wherein/status")["folders"]
            return bool(row["ownerPid"] == first.process.pid and row["chunks"])

        until(joined, timeout=60, what="joined")
        assert second.ask("wherein/search", {"query": "blend"})["results"]
        assert second.close() == first.close() == 0
