"""The contract of the command line that scripts rely on, end to end with the real workers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model_folders import write_static, write_transformer
from support.command_line import WHEREIN, run
from support.processes import processes_of
from support.waiting import until
from wherein.domain import Kind
from wherein.ownership.lock import OwnerLock
from wherein.paths import index_paths

QUESTION = "where do we retry failed uploads"


@pytest.fixture
def batch(project: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command line that answers a batch from its standard input."""
    process = subprocess.Popen(
        [*WHEREIN, "search", "--batch", "-", "--dir", str(project), "--limit", "3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        yield process
        if process.poll() is None:
            process.kill()


def index(project: Path) -> Any:
    """Index the project; return the numbers that were printed."""
    done = run("index", str(project), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask(process: subprocess.Popen[bytes], line: bytes) -> Any:
    """Write one line, read the one line that answers it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + b"\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def test_index_prints_its_numbers(project: Path) -> None:
    (project / "picture.png").write_bytes(b"\x89PNG\0\0\0")
    numbers = index(project)
    assert set(numbers) == {
        "files",
        "chunks",
        "vectors",
        "skipped",
        "lexical_seconds",
        "total_seconds",
        "index_bytes",
    }
    assert numbers["files"] == 4  # .gitignore is a text file too
    assert numbers["vectors"] == numbers["chunks"] > 3
    assert numbers["skipped"] == {"binary": 1}
    assert 0 < numbers["lexical_seconds"] <= numbers["total_seconds"]
    assert numbers["index_bytes"] > 0


def test_a_second_index_writes_nothing(project: Path) -> None:
    first = index(project)
    directory = Path(index_paths(str(project)).directory)
    database = next(directory.glob("gen-*/index.db"))
    before = database.read_bytes()
    second = index(project)
    for number in ("files", "chunks", "vectors", "skipped"):
        assert second[number] == first[number]
    assert next(directory.glob("gen-*/index.db")).read_bytes() == before
    assert "indexing" not in run("search", QUESTION, "--dir", str(project)).stderr


def test_search_finds_the_function_without_an_index(project: Path) -> None:
    done = run("search", QUESTION, "--dir", str(project), "--json")
    assert done.returncode == 0, done.stderr
    hits = [json.loads(line) for line in done.stdout.splitlines()]
    best = hits[0]
    assert list(best) == [
        "path",
        "start_line",
        "end_line",
        "symbol",
        "kind",
        "language",
        "score",
        "via",
    ]
    assert best["path"] == "net/upload.py"
    lines = (project / best["path"]).read_text().splitlines()
    assert any("retry" in line for line in lines[best["start_line"] - 1 : best["end_line"]])
    assert best["kind"] in [kind.value for kind in Kind]
    assert best["language"] == "python"
    assert best["via"]
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_people_read_places_with_their_code(project: Path) -> None:
    done = run("search", "where", "is", "paint", "blended", cwd=project)
    assert done.returncode == 0, done.stderr
    first, *code = done.stdout.splitlines()
    assert re.fullmatch(r"1  colours\.py:\d+-6 +blend +function  \d+\.\d\d  [a-z ]+", first)
    wanted = (project / "colours.py").read_text().splitlines()
    assert code[0].startswith(" " * 7)
    assert code[0].strip() in wanted
    assert "\x1b" not in done.stdout


def test_filters_narrow_and_say_when_nothing_is_left(project: Path) -> None:
    done = run("search", "colours", "--dir", str(project), "--json", "--lang", "md")
    assert {json.loads(line)["path"] for line in done.stdout.splitlines()} == {"README.md"}
    done = run("search", "colours", "--dir", str(project), "--path", "docs/**")
    assert (done.returncode, done.stdout) == (1, "")
    assert "docs/**" in done.stderr
    done = run(
        "search", "blend", "--dir", str(project), "--limit", "1", "--mode", "lexical", "--json"
    )
    assert json.loads(done.stdout)["symbol"] == "blend"


def test_a_folder_with_nothing_in_it_says_so(wherein_home: Path, tmp_path: Path) -> None:
    done = run("search", "anything", "--dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip()


def test_a_file_name_that_is_no_text_survives_json_and_cannot_steer_a_terminal(
    project: Path,
) -> None:
    name = b"smuggler\xff\x1b[31m.py"
    (project / os.fsdecode(name)).write_text("def smuggle(goods):\n    return goods\n")
    done = run("search", "smuggle goods", "--dir", str(project), "--json", "--limit", "1")
    assert os.fsencode(json.loads(done.stdout)["path"]) == name
    done = run("search", "smuggle goods", "--dir", str(project), "--limit", "1")
    assert "\x1b" not in done.stdout
    assert "\\udcff\\x1b[31m.py" in done.stdout


def test_status_tells_what_is_there(project: Path) -> None:
    numbers = index(project)
    done = run("status", "--dir", str(project), "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert status["state"] == "ok"
    assert (status["files"], status["chunks"]) == (numbers["files"], numbers["chunks"])
    assert status["vectors"] == status["chunks"]
    assert "up to date" not in run("status", "--dir", str(project)).stdout  # nobody looked


def test_a_batch_is_answered_line_by_line(batch: subprocess.Popen[bytes]) -> None:
    # Each answer is read before the next question is written: a reply held back would hang here.
    first = ask(batch, json.dumps({"id": "a", "query": QUESTION}).encode())
    assert first["id"] == "a"
    assert first["ms"] > 0
    assert first["results"][0]["path"] == "net/upload.py"
    bad = [
        b"not json",
        b"[]",
        b'{"id": 7}',
        b'{"id": 8, "query": 5}',
        b'{"id": 9, "query": " "}',
        b"\xff",
    ]
    replies = [ask(batch, line) for line in bad]
    assert [reply["id"] for reply in replies] == [None, None, 7, 8, 9, None]
    assert all(reply["error"] for reply in replies)
    long = json.dumps({"id": 10, "query": "x" * 5000}).encode()
    assert "4,096" in ask(batch, long)["error"]
    assert "1 MiB" in ask(batch, b'{"id": 11, "query": "' + b"x" * (2 << 20) + b'"}')["error"]
    last = ask(batch, b'{"id": [1, 2], "query": "blend"}')
    assert last["id"] == [1, 2]
    assert last["results"][0]["symbol"] == "blend"
    assert batch.stdin is not None
    batch.stdin.close()
    assert batch.wait(20) == 0


def test_a_batch_from_a_file(project: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"id": 1, "query": "blend"}\n{"id": 2, "query": "checksum"}')
    done = run("search", "--batch", str(questions), "--dir", str(project), "--limit", "1")
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["id"], r["results"][0]["symbol"]) for r in replies] == [
        (1, "blend"),
        (2, "checksum"),
    ]


def test_a_second_command_line_joins_the_first(
    batch: subprocess.Popen[bytes], project: Path
) -> None:
    assert ask(batch, b'{"id": 1, "query": "blend"}')["results"]
    (project / "fresh.py").write_text("def zanzibar_ferry():\n    return 1\n", encoding="utf-8")
    done = run("search", "zanzibar_ferry", "--dir", str(project))
    assert done.returncode == 0, done.stderr
    assert "fresh.py" in done.stdout
    status = json.loads(run("status", "--dir", str(project), "--json").stdout)
    assert (status["state"], status["owner"]) == ("ok", batch.pid)
    assert status["files"] == 5  # asked of the owner's own worker
    assert ask(batch, b'{"id": 2, "query": "blend"}')["results"]


def test_it_waits_for_an_owner_that_is_about_to_go(project: Path) -> None:
    lock = OwnerLock(index_paths(str(project)))
    assert lock.acquire(b"t" * 32)
    process = subprocess.Popen(
        [*WHEREIN, "--version"], stdout=subprocess.DEVNULL
    )  # as long as another process needs to start
    with subprocess.Popen(
        [*WHEREIN, "search", "blend", "--dir", str(project), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as waiting:
        process.wait(20)
        lock.release()
        out, error = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, error
    assert json.loads(out.splitlines()[0])["symbol"] == "blend"


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_ends_it_quietly_and_loses_nothing(
    project: Path, run_id: str, number: signal.Signals, code: int
) -> None:
    many = 600
    for i in range(many):
        body = "\n\n".join(f"def work_{i}_{j}(x):\n    return x + {j}" for j in range(30))
        (project / f"module_{i}.py").write_text(body)
    with subprocess.Popen(
        [*WHEREIN, "index", str(project)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        until(lambda: list(Path(index_paths(str(project)).directory).glob("gen-*/index.db")))
        os.killpg(process.pid, number)  # as a terminal does: to the workers too
        out, error = process.communicate(timeout=20)
    assert process.returncode == code
    assert out == b""
    assert b"Traceback" not in error
    until(lambda: not processes_of(run_id), timeout=5, what="no process left")
    assert index(project)["files"] == many + 4


def test_a_reader_that_goes_away_ends_it_quietly(project: Path) -> None:
    index(project)
    with subprocess.Popen(
        [*WHEREIN, "search", "blend", "--dir", str(project)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        error = process.stderr.read().removeprefix(b"checking\n")
        assert process.wait(20) == 0
    assert error == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(project: Path) -> None:
    index(project)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*WHEREIN, "search", "blend", "--dir", str(project), "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == b"No space left on device"


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the descriptor")
def test_closed_standard_streams_harm_nobody(project: Path) -> None:
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *WHEREIN]
    done = subprocess.run(
        [*command, "search", "blend", "--dir", str(project)], timeout=60, check=False
    )
    assert done.returncode == 0


def test_without_its_model_words_answer_and_say_so(project: Path, wherein_home: Path) -> None:
    config = wherein_home / "config"
    config.mkdir(mode=0o700)
    gone = wherein_home / "no-model"
    (config / "model.json").write_text(json.dumps({"model": str(gone)}))
    done = run("search", "blend", "--dir", str(project), "--json", "--wait", "full")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["symbol"] == "blend"
    assert str(gone) in done.stderr
    numbers = run("index", str(project), "--json")
    assert numbers.returncode == 0
    assert json.loads(numbers.stdout)["vectors"] == 0
    assert (
        json.loads(run("status", "--dir", str(project), "--json").stdout)["state"] == "lexical_only"
    )


@pytest.mark.parametrize("kind", ["static", "transformer"])
def test_a_model_of_your_own_takes_part_in_the_answer(
    project: Path, tmp_path: Path, kind: str
) -> None:
    write = write_static if kind == "static" else write_transformer
    assert run("model", "use", str(write(tmp_path / "mine"))).returncode == 0
    text = "def retry():\n    # failed upload\n    return color\n"
    (project / "known.py").write_text(text, encoding="utf-8")
    if kind == "transformer":  # a slow one does not hold a search up
        assert index(project)["vectors"] > 0
    done = run("search", "upload color", "--dir", str(project), "--json")
    assert done.returncode == 0, done.stderr
    assert any("meaning" in json.loads(line)["via"] for line in done.stdout.splitlines())
    assert re.fullmatch(r"((starting|checking|indexing|meaning).*\n)*", done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_gets_colour_and_progress_but_not_with_no_color(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = on_a_terminal("search", "blend", "--dir", str(project))
    assert "\x1b[36mcolours.py\x1b[0m:" in shown
    assert "4 files" in shown  # progress, with numbers
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in on_a_terminal("search", "blend", "--dir", str(project))


def on_a_terminal(*arguments: str) -> str:
    """Run a command line on a pseudo-terminal; return all that the terminal got."""
    import pty

    master, slave = pty.openpty()
    with subprocess.Popen(
        [*WHEREIN, *arguments], stdin=slave, stdout=slave, stderr=slave, close_fds=True
    ) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # what Linux says when the other end is closed
            while part := os.read(master, 65536):
                shown += part
        assert process.wait(30) == 0
    os.close(master)
    return shown.decode()
