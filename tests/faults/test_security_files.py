"""Who may read what is kept (S5, S9), what never is (S10, S12, S13), and inert results (S17)."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.rpc import serving
from support.waiting import until
from support.workspace import indexed_paths, rows
from wherein.domain import Signature, Skip
from wherein.errors import StorageError
from wherein.indexing import reader
from wherein.ownership.lock import OwnerLock
from wherein.paths import (
    index_home,
    index_paths,
    log_home,
    make_index_dir,
    private_dir,
    write_private,
)
from wherein.workers.start import WorkerType

WHEREIN = (sys.executable, "-I", "-m", "wherein")
# Words that no rule of splitting or stemming changes.
CANARY = "wellingtonia"
TELL = """
import logging, sys
from pathlib import Path
from wherein import logs
from wherein.errors import StorageError
logs.set_up("debug", kept=2, seen=1)
logger = logging.getLogger("wherein.test")
place = Path(sys.argv[1])
logger.warning("%s", StorageError(f"{place} cannot be written: no space left"))
sys.stderr.write("----")
try:
    place.open()
except OSError:
    logger.exception("%s failed", "purge")
sys.stderr.write("----")
logger.debug("%s", place)
"""
POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions and links")


def use(folder: Path, **options: object) -> str:
    """Index a folder and search in it, as the command line and as a server; return the logs."""
    said = ""
    for arguments in (("index", str(folder)), ("search", CANARY, "--dir", str(folder))):
        done = subprocess.run(
            [*WHEREIN, *arguments], capture_output=True, text=True, timeout=100, check=False,
            **options,  # type: ignore[call-overload]
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        said += done.stderr
    with serving(stderr=subprocess.PIPE, **options) as client:
        client.initialize(folder, initializationOptions={"logLevel": "info"})
        client.ask("wherein/sync")
        until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok", timeout=60)
        client.ask("wherein/search", {"query": f"where is {CANARY} blended"})
        client.ask("wherein/symbols", {"query": CANARY})
        assert client.close() == 0
        client.wait_end()
        assert client.process.stderr
        said += client.process.stderr.read().decode()
        client.process.stderr.close()
        said += json.dumps(client.notifications)
    logs = sorted(log_home().iterdir())
    assert len(logs) == len(WorkerType)
    return said + "".join(file.read_text(encoding="utf-8") for file in logs)


def kept(home: Path) -> bytes:
    """Read every byte that is kept under a home."""
    return b"\0".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def terms(project: Path) -> list[object]:
    """List the terms of the word index that begin as the canary does: they are stored in parts."""
    return rows(project, "SELECT term FROM vocabulary WHERE term GLOB 'wellin*'")


@POSIX
def test_S05_everything_is_for_this_person_alone(project: Path, wherein_home: Path) -> None:
    """Whatever the umask is: that is what most people have, or worse."""
    with serving(preexec_fn=lambda: os.umask(0)) as client:
        client.initialize(project)
        client.ask("wherein/sync")
        until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok")
        found = {path: path.lstat() for path in wherein_home.rglob("*")}
        assert client.close() == 0
    subprocess.run(
        [*WHEREIN, "index", str(project)], check=True, capture_output=True,
        preexec_fn=lambda: os.umask(0), timeout=100,
    )  # fmt: skip
    found |= {path: path.lstat() for path in wherein_home.rglob("*")}
    names = {path.name for path in found}
    assert {"folder", "token", "owner.json", "owner.lock", "index.db", "CACHEDIR.TAG"} <= names
    for path, info in found.items():
        wanted = 0o700 if stat.S_ISDIR(info.st_mode) else 0o600
        assert stat.S_IMODE(info.st_mode) == wanted, path
        assert info.st_uid == os.geteuid()


@POSIX
def test_S05_the_files_made_by_the_host_are_private_by_themselves(project: Path) -> None:
    before = os.umask(0)
    try:
        make_index_dir(index_paths(str(project)))
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in index_home().rglob("*") if p.is_file()}
    assert modes == {"CACHEDIR.TAG": 0o600, "folder": 0o600}


@POSIX
def test_S05_a_directory_that_others_may_use_is_closed(tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    wide.mkdir()
    wide.chmod(0o777)
    assert stat.S_IMODE(private_dir(wide).stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(wide)
    with pytest.raises(StorageError):
        private_dir(tmp_path / "link")
    if os.geteuid() == 0:
        os.chown(wide, 65534, -1)
        with pytest.raises(StorageError, match="another user"):
            private_dir(wide)


@POSIX
def test_S05_nothing_lies_in_the_workspace(project: Path, wherein_home: Path) -> None:
    before = sorted((p, p.lstat().st_mtime_ns) for p in project.rglob("*"))
    use(project)
    assert sorted((p, p.lstat().st_mtime_ns) for p in project.rglob("*")) == before
    assert (index_home() / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d17")


@POSIX
def test_S09_what_is_planted_is_not_written_through(project: Path, tmp_path: Path) -> None:
    """Links where our files will be: the files that they lead to stay as they are."""
    paths = index_paths(str(project))
    make_index_dir(paths)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    directory = Path(paths.directory)
    (directory / "folder").unlink()
    for name in ("folder", "token", "owner.json", f"token.{os.getpid()}.new"):
        (directory / name).symlink_to(precious)
    lock = OwnerLock(paths)
    with pytest.raises(StorageError):
        lock.acquire(b"t" * 32)  # the fresh file of the token is a link
    lock.release()
    (directory / f"token.{os.getpid()}.new").unlink()
    assert lock.acquire(b"t" * 32)
    make_index_dir(paths)
    lock.release()
    assert precious.read_text() == "precious"
    target = tmp_path / "elsewhere"
    (directory / "probe").symlink_to(target)
    write_private(directory / "probe", b"x")
    assert not target.exists()
    assert not (directory / "probe").is_symlink()


@POSIX
def test_S10_nothing_from_outside_is_indexed(project: Path, wherein_home: Path) -> None:
    outside = project.parent / "outside"
    outside.mkdir()
    (outside / "foreign.py").write_text(f"def {CANARY}():\n    pass\n")
    (outside / ".gitignore").write_text(f"{CANARY}\n")
    (project / "link.py").symlink_to(outside / "foreign.py")
    (project / "way").symlink_to(outside)
    (project / "up").symlink_to(project.parent)
    (project / "net" / ".gitignore").symlink_to(outside / ".gitignore")
    use(project)
    assert CANARY.encode() not in kept(wherein_home)
    assert terms(project) == []
    assert indexed_paths(project) >= {b"colours.py", b"net/upload.py"}
    assert not any(b"foreign" in path for path in indexed_paths(project))


SECRETS = (
    ".env", ".env.local", ".ENV", ".envrc", "server.pem", "tls.KEY", "id_rsa", "id_ed25519",
    "x.p12", "x.pfx", "passwords.kdbx", ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass",
    ".git-credentials",
    "credentials", "credentials.json", "secrets.yaml", "secret.toml", "prod.tfvars", "x.tfstate",
    "store.jks", "x.keystore", "x.ppk", "my-service-account-1.json", ".htpasswd",
)  # fmt: skip
KEYS = (
    "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----", "\n\n-----BEGIN PRIVATE KEY",
    "-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN ENCRYPTED PRIVATE KEY-----",
    "-----BEGIN EC PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "PuTTY-User-Key-File-3: ssh-rsa",
)  # fmt: skip


def test_S12_secrets_are_never_kept(project: Path, wherein_home: Path) -> None:
    folder = project / "deep"
    folder.mkdir()
    (project / ".gitignore").write_text("!*\n!.env\n")
    for name in SECRETS:
        (folder / name).write_text(f"password = {CANARY}\n")
    for number, key in enumerate(KEYS):
        (folder / f"note{number}.txt").write_text(f"{key}\n{CANARY}\n")
    (project / ".git").mkdir()
    (project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (project / ".git" / "config").write_text(f"[remote]\n\turl = https://{CANARY}@host/\n")
    use(project)
    assert CANARY.encode() not in kept(wherein_home)
    assert terms(project) == []
    for name in (".env.example", "environment.py", "keys.py", "secrets.py"):
        (project / name).write_text(f"{CANARY} = 1\n")  # these are code
    subprocess.run([*WHEREIN, "index", str(project)], check=True, capture_output=True)
    assert terms(project) != []


@pytest.mark.parametrize("key", KEYS)
def test_S12_a_key_is_known_by_its_beginning(key: str) -> None:
    signature = Signature(1, 1, 1, 1)
    assert reader.from_bytes(b"x.txt", key.encode(), signature) is Skip.SECRET
    quoted = reader.from_bytes(b"x.py", f'KEY = """{key}"""'.encode(), signature)
    assert not isinstance(quoted, Skip)


def test_S13_logs_hold_no_text_and_no_places(project: Path, wherein_home: Path) -> None:
    (project / f"{CANARY}.py").write_text(f"def {CANARY}():\n    'a {CANARY} of {CANARY}'\n")
    (project / "broken.py").write_text("def " * 50_000)
    (project / "bad.ipynb").write_text("{" * 5000)
    said = use(project)
    assert CANARY.encode() in kept(wherein_home)  # it was indexed
    lines = [line for line in said.splitlines() if re.match(r"\d{4}-\d\d-\d\d .* wherein\[", line)]
    logged = "\n".join(lines)
    assert CANARY not in logged
    assert str(project) not in logged


def test_S13_errors_tell_no_places(tmp_path: Path) -> None:
    """Not the paths that errors carry, nor those of a traceback; `debug` is for one's own eyes."""
    said = subprocess.run(
        [sys.executable, "-c", TELL, str(tmp_path / "index.db")],
        capture_output=True, text=True, timeout=60, check=True,
    ).stderr  # fmt: skip
    warned, failed, debugged = said.split("----")
    assert "index.db cannot be written" in warned
    assert "FileNotFoundError" in failed
    assert str(tmp_path.parent) not in warned + failed
    assert str(tmp_path) in debugged


def test_S17_results_are_text_and_nothing_else(project: Path) -> None:
    evil = (
        "[x](command:workbench.action.terminal.new) <script>alert(1)</script> $(alert) \x1b[31m\x07"
    )
    (project / "evil.py").write_text(f"def {CANARY}():\n    '''{evil}'''\n")
    (project / "evil [x](command:y)\x1b[2J.py").write_text(f"def {CANARY}_two():\n    pass\n")
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        answer = client.ask("wherein/search", {"query": CANARY, "snippetLines": 5})
        one = next(r for r in answer["results"] if r["path"] == "evil.py")
        assert evil in one["snippet"]  # as it is: a plain string, to be shown as plain text
        two = next(r for r in answer["results"] if r["path"] != "evil.py")
        assert "\x1b" not in two["uri"]
        assert "markdown" not in json.dumps(answer)
        assert client.requests == client.notifications == []  # nothing opens, nothing pops up
        assert client.close() == 0
    done = subprocess.run(
        [*WHEREIN, "search", CANARY, "--dir", str(project)],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert "evil" in done.stdout
    assert not set(done.stdout + done.stderr) & {"\x1b", "\x07"}
