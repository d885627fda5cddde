"""A window that joined an index is as good as its owner's: open files, progress, elections."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.rpc import Client, Failed, serving
from support.waiting import until
from wherein.asking import AskOwner
from wherein.host import IndexHost
from wherein.ipc import control
from wherein.near import Near
from wherein.settings import Settings

ASK_FOR_A_SECOND = """
import sys
from wherein.errors import DeadlineExceeded
from wherein.host import IndexHost
from wherein.settings import Settings
host = IndexHost(Settings())
host.open([sys.argv[1]])
assert not host.folders[0].owned
try:
    host.sync(host.folders[0], deadline_s=1.0).result()
except DeadlineExceeded:
    print("late")
host.close(5)
"""


@pytest.fixture
def host(project: Path) -> Iterator[IndexHost]:
    """The owner, in this process."""
    made = IndexHost(Settings())
    made.open([str(project)])
    made.sync(made.folders[0]).result(90)
    yield made
    made.close(5)


def owner_of(client: Client) -> int | None:
    """The pid of the other process that owns the folder's index; None when it is this client's."""
    (row,) = client.ask("wherein/status")["folders"]
    pid: int | None = row["ownerPid"]
    return pid


def opened(client: Client, file: Path) -> None:
    """Open a file as an editor does."""
    document = {"uri": file.as_uri(), "languageId": "x", "version": 1, "text": file.read_text()}
    client.notify("textDocument/didOpen", {"textDocument": document})


def test_what_a_joined_window_does_not_wait_for_any_more_is_not_done(
    host: IndexHost, project: Path
) -> None:
    """Its watcher hangs; the next watcher is not asked for what nobody wants."""
    (folder,) = host.folders
    (watcher,) = [s for s in host.worker_status() if s.type == "file_watcher"]
    os.kill(watcher.pid or 0, signal.SIGSTOP)
    joined = subprocess.run(
        [sys.executable, "-c", ASK_FOR_A_SECOND, str(project)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert joined.stdout == "late\n", joined.stderr
    kept = host.sync(folder)
    until(lambda: len(host._syncs.waiting()) == 1, 10.0, "only what is still wanted")
    os.kill(watcher.pid or 0, signal.SIGKILL)
    assert kept.result(60) > 0


def test_what_a_joined_window_has_open_is_near_for_the_owner(
    host: IndexHost, project: Path
) -> None:
    """Also for the next database worker, and no more once it is closed."""
    file = next(path for path in sorted(project.rglob("*.py")))
    (folder,) = host.folders
    wanted = control.Near(((folder.paths.id, os.fsencode(file.relative_to(project))),))
    with serving() as client:
        client.initialize(project)
        until(lambda: owner_of(client), what="joined")
        opened(client, file)
        until(lambda: host.open_files.message() == wanted, what="told")
        host.open_files = Near(lambda _: None)
        (database,) = [s for s in host.worker_status() if s.type == "database"]
        os.kill(database.pid or 0, signal.SIGKILL)
        until(lambda: host.open_files.message() == wanted, what="told again")
        client.notify("textDocument/didClose", {"textDocument": {"uri": file.as_uri()}})
        until(lambda: host.open_files.message() == control.Near(()), what="closed")
        assert client.close() == 0


def test_who_told_last_is_embedded_for_first(host: IndexHost) -> None:
    """The newest window comes before the others, and windows that are gone are forgotten."""
    (folder,) = host.folders
    near = Near(lambda _: None)
    for asker in range(1, 200):
        near.heard(folder, AskOwner("near", (b"%d.py" % asker,), asker=asker))
    near.heard(folder, AskOwner("near", (b"150.go", b"150.rs"), asker=150))
    near.heard(folder, AskOwner("near", (), asker=198))
    names = [path for _, path in near.message().files]
    assert names[:4] == [b"150.go", b"150.rs", b"199.py", b"197.py"]
    assert len(names) == 64


def test_a_joined_window_shows_the_indexing_of_its_owner(host: IndexHost, project: Path) -> None:
    """With the real counts; the owner reads everything anew, again and again until it was seen."""
    for number in range(1_500):
        text = "".join(f"def lantern_{number}_{n}():\n    return {n}\n" for n in range(20))
        (project / f"lantern{number}.py").write_text(text)
    with serving() as client:
        client.initialize(project, capabilities={"window": {"workDoneProgress": True}})
        until(lambda: owner_of(client), what="joined")

        def seen() -> bool:
            said = [m["params"] for m in client.notifications if m["method"] == "$/progress"]
            begun = {p["token"] for p in said if p["value"].get("title") == "Indexing"}
            told = [p["value"].get("message") or "" for p in said if p["token"] in begun]
            return any(line.endswith(" files") for line in told)

        for _ in range(10):
            host.sync(host.folders[0], rebuild=True).result(90)
            if seen():
                break
        assert seen()
        assert owner_of(client) == os.getpid()
        assert client.close() == 0


class Asking:
    """A client that asks all the time, on a thread of its own, and counts."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.answered = self.failed = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while not self._done.is_set():
            try:
                found = self.client.ask("wherein/search", {"query": "blend"}, timeout=60)
                self.answered += bool(found["results"])
            except Failed:
                self.failed += 1

    def go_on(self, times: int) -> None:
        """Wait until it was answered so many times more."""
        enough = self.answered + times
        until(lambda: self.answered >= enough, timeout=60, what="answers")

    def stop(self) -> int:
        """Ask no more; returns how many requests failed."""
        self._done.set()
        self._thread.join(60)
        return self.failed


def test_F27_each_window_loses_one_request_at_most_when_the_owner_is_killed(project: Path) -> None:
    """Four windows ask all the time; the owner is killed, and then the next one is."""
    with ExitStack() as stack:
        clients = [stack.enter_context(serving()) for _ in range(4)]
        for client in clients:
            client.initialize(project)
        for client in clients:
            client.ask("wherein/sync", timeout=90)
        for _ in range(2):
            (owner,) = [client for client in clients if owner_of(client) is None]
            clients.remove(owner)
            asking = [Asking(client) for client in clients]
            for each in asking:
                each.go_on(3)
            owner.process.kill()
            owner.exit_code()
            for each in asking:
                each.go_on(10)
            assert max(each.stop() for each in asking) <= 1
        for client in clients:
            assert client.close() == 0
