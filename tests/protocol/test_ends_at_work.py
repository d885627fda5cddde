"""F06, F08, F11: the server ends, or is ended, while its workers are in the middle of work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faults import sources
from support.namespaces import environment
from support.processes import assert_none_left
from support.rpc import Client, serving
from support.waiting import until
from support.workspace import indexed_paths

FILES = 1_500  # some seconds of work for the watcher and the database, more for the embedder

# An editor: starts a server over pipes as editors do, and stays until it is killed.
EDITOR = """
import sys, time
from pathlib import Path
from protocol.test_ends_at_work import until_indexing
from support.rpc import serving
with serving() as client:
    until_indexing(client, Path(sys.argv[1]))
    print("at work", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def large(wherein_home: Path, tmp_path: Path) -> Path:
    """A folder that is not indexed in a moment."""
    return sources.make_tree(tmp_path / "large", FILES)


def until_indexing(client: Client, folder: Path) -> None:
    """Open the folder and wait until files are being written into its index."""
    client.initialize(folder)
    until(lambda: client.ask("wherein/status")["folders"][0]["files"], what="the first files")


def assert_half_done(folder: Path) -> None:
    """Fail unless the work was interrupted: else nothing was tested."""
    assert 0 < len(indexed_paths(folder)) < FILES


@pytest.mark.parametrize("said_shutdown", [True, False])
def test_F11_an_exit_in_the_middle_of_writing_is_an_end(large: Path, said_shutdown: bool) -> None:
    """Nothing waits for the work to be over, and the exit code is the protocol's."""
    with serving() as client:
        until_indexing(client, large)
        began = time.monotonic()
        if said_shutdown:
            client.start("shutdown")
        client.notify("exit")
        assert client.exit_code() == (0 if said_shutdown else 1)
        client.wait_end()
        # How fast it is (1.5 s) is for `make reliability`; here only that the work is not awaited.
        assert time.monotonic() - began < 20
    assert_half_done(large)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("at", ["indexing", "searching"])
def test_F06_a_server_killed_at_work_leaves_nothing(large: Path, run_id: str, at: str) -> None:
    """Whatever its workers do, they go with it, and the editor sees the end of its stdout."""
    with serving() as client:
        until_indexing(client, large)
        if at == "searching":
            for number in range(20):
                client.start("wherein/search", {"query": f"retry part {number}"})
        client.process.kill()
        client.wait_end(5)  # no worker holds the stdout
        assert_none_left(run_id)
    assert_half_done(large)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_F08_a_killed_editor_leaves_nothing(large: Path, run_id: str) -> None:
    """It could say nothing: its end of the pipes is closed by the system."""
    command = [sys.executable, "-c", EDITOR, str(large)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as editor:
        try:
            assert editor.stdout is not None
            assert editor.stdout.readline() == b"at work\n"
        finally:
            editor.kill()
    assert_none_left(run_id)
    assert_half_done(large)
