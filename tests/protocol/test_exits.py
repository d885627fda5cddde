"""Every way out of the server: the right exit code, and no process left (see conftest)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import assert_none_left
from support.rpc import SERVE, Client, serving
from support.waiting import until

# What stands in for a library that prints: it runs inside the server, after stdio was claimed.
NOISY = """
import os, subprocess, sys
import wherein.settings as settings
real = settings.read_settings
def noisy(raw):
    print("a stray print", flush=True)
    os.write(1, b"a stray write\\n")
    subprocess.run([sys.executable, "-I", "-c", "print('a stray child')"], check=True)
    print("stdin holds", repr(sys.stdin.read()), flush=True)
    return real(raw)
settings.read_settings = noisy
sys.argv = ["wherein", "serve", "--stdio"]
from wherein.__main__ import main
sys.exit(main())
"""


def with_workers(client: Client, project: Path, **params: object) -> None:
    """Initialize and wait until all three workers run."""
    client.initialize(project, **params)
    client.ask("wherein/sync")
    until(lambda: all(w["state"] == "ready" for w in client.ask("wherein/workers")["workers"]))
    assert len(client.ask("wherein/workers")["workers"]) == 3


def test_F11_shutdown_and_exit_is_0(project: Path) -> None:
    with serving() as client:
        with_workers(client, project)
        assert client.close() == 0
        client.wait_end()  # nobody else holds our stdout


def test_F11_shutdown_and_exit_at_once_is_0(project: Path) -> None:
    with serving() as client:
        with_workers(client, project)
        client.start("shutdown")
        client.notify("exit")
        assert client.exit_code() == 0


def test_F11_exit_without_shutdown_is_1(project: Path) -> None:
    with serving() as client:
        with_workers(client, project)
        client.notify("exit")
        assert client.exit_code() == 1


def test_exit_before_initialize_is_1(wherein_home: Path) -> None:
    with serving() as client:
        client.notify("exit")
        assert client.exit_code() == 1


@pytest.mark.parametrize("said_shutdown", [False, True])
def test_F08_a_closed_stdin_ends_the_server(project: Path, said_shutdown: bool) -> None:
    with serving() as client:
        with_workers(client, project)
        if said_shutdown:
            client.ask("shutdown")
        assert client.process.stdin
        client.process.stdin.close()
        assert client.exit_code() == (0 if said_shutdown else 1)


def test_F08_a_closed_stdin_ends_the_server_while_workers_start(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        assert client.process.stdin
        client.process.stdin.close()
        assert client.exit_code() == 1


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_F07_a_signal_ends_it_in_order(project: Path, name: str) -> None:
    with serving() as client:
        with_workers(client, project)
        client.process.send_signal(getattr(signal, name))
        assert client.exit_code() == 0


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("early", [False, True])
def test_F06_a_killed_server_leaves_no_worker(project: Path, run_id: str, early: bool) -> None:
    with serving() as client:
        if early:
            client.initialize(project)
        else:
            with_workers(client, project)
        client.process.kill()
        client.exit_code()
        assert_none_left(run_id)


def test_F09_an_editor_that_is_gone_ends_it_though_stdin_is_open(project: Path) -> None:
    editor = subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with serving() as client:
            with_workers(client, project, processId=editor.pid)
            editor.kill()  # and not waited for: a zombie is gone too
            assert client.exit_code() == 1
    finally:
        editor.kill()
        editor.communicate()


def test_F10_an_editor_that_cannot_be_seen_is_not_watched(project: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-I", "-c", ""])
    gone.wait()
    with serving() as client:
        client.initialize(project, processId=gone.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            client.exit_code(timeout=2.5)
        assert client.close() == 0


def test_nothing_stray_reaches_the_client(project: Path) -> None:
    command = (sys.executable, "-I", "-c", NOISY)
    with serving(command, stderr=subprocess.PIPE) as client:
        with_workers(client, project)
        assert client.close() == 0
        client.wait_end()
        assert client.stray == b""
        assert client.process.stderr
        said = client.process.stderr.read().decode()
        client.process.stderr.close()
    assert {"a stray print", "a stray write", "a stray child", "stdin holds ''"} <= set(
        said.splitlines()
    )


def test_nothing_is_imported_from_where_it_is_started(project: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("msgspec", "pygls", "logging", "json"):
        (trap / f"{name}.py").write_text("raise SystemExit('imported from the wrong place')\n")
    env = os.environ | {"PYTHONPATH": str(trap)}
    with serving((sys.executable, "-m", *SERVE[3:]), cwd=trap, env=env) as client:
        with_workers(client, project)
        assert client.close() == 0


def test_an_unknown_argument_is_said() -> None:
    done = subprocess.run(
        [*SERVE, "--nonsense"], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--nonsense" in done.stderr
