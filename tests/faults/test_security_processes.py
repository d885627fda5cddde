"""What is run (S1, S3, S4, S18), who may connect (S6, S7, S8) and what leaves the machine (S14)."""

from __future__ import annotations

import os
import pickle
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.hostile import make_hostile
from support.processes import processes_of
from support.rpc import SERVE, serving
from support.tracing import calls, no_network, strace
from support.waiting import until
from support.workspace import make_project
from wherein.domain import Empty
from wherein.ipc import envelope, frames, handshake, transport
from wherein.ipc.client import Client
from wherein.ipc.operations import DATABASE_OPERATIONS
from wherein.ipc.service import Call, Service
from wherein.ownership.lock import Owner, read_owner
from wherein.paths import index_paths, runtime_dir

WHEREIN = (sys.executable, "-I", "-m", "wherein")


@pytest.fixture
def hostile(wherein_home: Path, tmp_path: Path) -> Path:
    """A workspace that wants to be run."""
    return make_hostile(tmp_path / "hostile")


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command to its end; return what it said on both streams."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def use_all(folder: Path, *before: str, env: dict[str, str] | None = None) -> str:
    """Use wherein in a folder as people and editors do; return what the command line said."""
    said = run(*before, *WHEREIN, "index", ".", cwd=folder, env=env)
    said += run(*before, *WHEREIN, "search", "send once more", "--dir", ".", cwd=folder, env=env)
    said += run(*before, *WHEREIN, "status", "--dir", ".", cwd=folder, env=env)
    with serving((*before, *SERVE), cwd=folder, env=env) as client:
        client.initialize(folder)
        client.ask("wherein/sync", timeout=60)
        until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok", timeout=60)
        assert client.ask("wherein/search", {"query": "send once more"})["results"]
        client.ask("wherein/why", {"uri": (folder / "colours.py").as_uri()})
        client.ask("workspace/symbol", {"query": "retry"})
        assert client.close() == 0
    return said


@pytest.mark.parametrize("path", ["x:", ":", ".", "{folder}"])
def test_S01_nothing_of_the_workspace_is_imported(hostile: Path, path: str) -> None:
    env = os.environ | {"PYTHONPATH": path.format(folder=hostile), "PYTHONSTARTUP": "json.py"}
    use_all(hostile, env=env)
    assert not (hostile.parent / "executed").exists()


def test_S01_the_installed_script_starts_isolated(hostile: Path) -> None:
    script = Path(sys.executable).with_name("wherein")
    if not script.exists():
        pytest.skip("wherein is not installed as a script here")
    run(str(script), "search", "retry", "--dir", ".", cwd=hostile)
    assert not (hostile.parent / "executed").exists()


def test_S03_git_is_never_run(hostile: Path) -> None:
    """The PATH begins with the workspace, whose `git` and whose git configuration would show."""
    places = (str(hostile), str(hostile / "node_modules/.bin"), os.environ["PATH"])
    use_all(hostile, env=os.environ | {"PATH": os.pathsep.join(places)})
    assert not (hostile.parent / "executed").exists()


def test_S04_only_our_interpreter_is_executed(hostile: Path, tmp_path: Path) -> None:
    log = tmp_path / "strace"
    use_all(hostile, *strace(log, "execve", "execveat"))
    executed = [re.search(r'execve(?:at)?\("([^"]*)"', line) for line in calls(log)]
    programs = {os.path.realpath(found[1]) for found in executed if found}
    assert programs == {os.path.realpath(sys.executable)}
    assert not (hostile.parent / "executed").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@pytest.mark.one_transport
def test_S06_another_user_cannot_connect(wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")

        def listening() -> Owner | None:
            owner = read_owner(index_paths(str(project)))
            return owner if owner and owner.database and owner.vectorization else None

        owner = until(listening)
        assert owner is not None
        for endpoint in (owner.database, owner.vectorization):
            path = endpoint.removeprefix("unix:")
            probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            os.seteuid(65534)
            try:
                with pytest.raises(PermissionError):
                    probe.connect(path)
            finally:
                os.seteuid(0)
            probe.connect(path)
            probe.close()


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="needs /proc")
@pytest.mark.one_transport
def test_S06_no_abstract_socket_and_no_tcp(wherein_home: Path, tmp_path: Path, run_id: str) -> None:
    project = make_project(tmp_path / "project")
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        inodes = {
            link[8:-1]
            for process in processes_of(run_id)
            for fd in Path(f"/proc/{process.pid}/fd").iterdir()
            if (link := str(fd.readlink())).startswith("socket:[")
        }
        rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
        names = [row[7] for row in rows if len(row) > 7 and row[6] in inodes]
        assert len(names) >= 2  # database and vectorization listen
        assert [name for name in names if not name.startswith(str(wherein_home))] == []
        tcp = [psutil.Process(p.pid).net_connections("inet") for p in processes_of(run_id)]
        assert [each for each in tcp if each] == []


def test_S07_the_token_is_in_its_file_alone(
    wherein_home: Path, tmp_path: Path, run_id: str
) -> None:
    project = make_project(tmp_path / "project")
    log = tmp_path / "stderr"
    with log.open("wb") as stderr, serving(stderr=stderr) as client:
        client.initialize(project, initializationOptions={"logLevel": "debug"})
        client.ask("wherein/sync")
        client.ask("wherein/search", {"query": "retry"})
        paths = index_paths(str(project))
        token = paths.token_file.read_bytes()
        assert len(token) == 32
        shown = (token, token.hex().encode(), repr(token)[2:-1].encode())
        processes = processes_of(run_id)
        assert len(processes) >= 4
        if Path("/proc/self/environ").exists():
            for process in processes:
                for name in ("cmdline", "environ"):
                    said = Path(f"/proc/{process.pid}/{name}").read_bytes()
                    assert not any(form in said for form in shown)
        assert client.close() == 0
    said = log.read_bytes()
    for file in wherein_home.rglob("*"):
        if file.is_file() and file != paths.token_file:
            said += file.read_bytes()
    assert not any(form in said for form in shown)


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_S08_a_pickle_is_not_read(
    kind: str, wherein_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHEREIN_TRANSPORT", kind)
    bomb = pickle.dumps(Bomb(f"touch {tmp_path / 'executed'}"))
    token = b"t" * 32
    service = Service("probe.db", token, DATABASE_OPERATIONS, lambda call: call.reply(Empty()))
    try:
        for hello in (bomb, None):
            sock = transport.connect(service.endpoint)
            if hello is None:
                handshake.greet(sock, token)
            for payload in (bomb, struct.pack("!i", len(bomb)) + bomb):
                try:
                    frames.write_frame(sock, payload)
                except Exception:  # noqa: BLE001 - it hung up on us, which is what it should do
                    break
            sock.settimeout(20)
            while True:  # what it still says before it hangs up
                try:
                    if not sock.recv(4096):
                        break
                except OSError:
                    break
            sock.close()
    finally:
        service.close()
    assert not (tmp_path / "executed").exists()

    # And the other way round: a server that answers with one.
    def answer(call: Call) -> None:
        call.connection.send(call, None, envelope.msgspec.Raw(bomb))

    service = Service("probe.db", token, DATABASE_OPERATIONS, answer)
    try:
        client = Client(service.endpoint, token, DATABASE_OPERATIONS)
        with pytest.raises(Exception, match=r"fit|not an answer|closed"):
            client.submit("stats", Empty()).result()
        client.close()
    finally:
        service.close()
    assert not (tmp_path / "executed").exists()


@pytest.mark.one_transport  # a namespace without a network has no loopback either
def test_S14_F66_everything_works_without_a_network(wherein_home: Path, tmp_path: Path) -> None:
    """Nothing is fetched: the index is complete, meaning included, with every interface down."""
    project = make_project(tmp_path / "project")
    use_all(project, *no_network())


@pytest.mark.one_transport
def test_S14_nobody_is_called(wherein_home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    log = tmp_path / "strace"
    env = {name: value for name, value in os.environ.items() if name != "WHEREIN_TRANSPORT"}
    use_all(project, *strace(log, "socket", "connect", "sendto", "bind"), env=env)
    made = calls(log)
    assert any("AF_UNIX" in line for line in made)
    assert [line for line in made if "AF_INET" in line or "AF_NETLINK" in line] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_S18_workers_are_modest(wherein_home: Path, tmp_path: Path) -> None:
    """Low priority, few threads, no core dumps, and a ceiling for what parses hostile files."""
    project = make_project(tmp_path / "project")
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok")
        for _ in range(8):  # a search has threads of its own
            client.ask("wherein/search", {"query": "mix two colours"})
        pids = {w["type"]: w["pid"] for w in client.ask("wherein/workers")["workers"]}
        ours = psutil.Process(client.process.pid).nice()
        for kind, least in (("file_watcher", 10), ("vectorization", 10), ("database", 0)):
            worker = psutil.Process(pids[kind])
            assert worker.nice() >= min(ours + least, 19)
            assert worker.num_threads() <= 16
            assert worker.rlimit(psutil.RLIMIT_CORE) == (0, 0)
            if least:
                assert worker.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
        limit, _ = psutil.Process(pids["file_watcher"]).rlimit(psutil.RLIMIT_AS)
        assert 0 < limit <= 4 << 30


def test_S11_a_file_that_needs_too_much_memory_ends_its_worker_alone(
    wherein_home: Path, tmp_path: Path
) -> None:
    """The parser's process has a ceiling of its own; nobody else's memory is taken."""
    code = "x = bytearray(5 << 30)"
    runner = (
        "import resource, sys\n"
        "from wherein.workers import runtime, start\n"
        "from wherein.settings import Settings\n"
        "told = start.WorkerStart(start.WorkerType.FILE_WATCHER, (), b'', Settings())\n"
        f"runtime._limits(told)\n{code}\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", runner], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "MemoryError" in done.stderr) == (1, True)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] in (-1, resource.RLIM_INFINITY)


def test_S06_the_runtime_directory_is_private(wherein_home: Path) -> None:
    directory = runtime_dir()
    assert directory.stat().st_mode & 0o777 == 0o700
    directory.chmod(0o777)
    assert runtime_dir().stat().st_mode & 0o777 == 0o700
    shutil.rmtree(directory)
    directory.symlink_to("/tmp")
    assert runtime_dir() != directory
