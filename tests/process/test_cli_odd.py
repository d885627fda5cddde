"""The command line where something is odd: texts, names, Ctrl-C at any moment, half a look."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from support.command_line import WHEREIN, run
from support.waiting import until
from wherein.paths import index_paths


def index(project: Path) -> Any:
    """Index the project; return the numbers that were printed."""
    return json.loads(run("index", str(project), "--json").stdout)


def test_half_a_character_is_no_error(project: Path) -> None:
    (project / "bad\udcff.py").write_text("def gambit():\n    return 1\n")
    index(project)
    lines = [{"id": n, "query": q} for n, q in enumerate(["blend", "blend \ud83d", "blend"])]
    done = subprocess.run(
        [*WHEREIN, "search", "--batch", "-", "--dir", str(project)],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [0, 1, 2]
    assert all(answer["results"] for answer in answers)
    for wait in ("none", "full"):
        arguments = [*WHEREIN, "search", "blend caf\udce9", "--wait", wait, "--dir", str(project)]
        assert (
            subprocess.run(arguments, capture_output=True, timeout=60, check=False).returncode == 0
        )
    found = run("search", "gambit", "--dir", str(project), "--json", "--mode", "lexical")
    path = json.loads(found.stdout)["path"]
    again = run("search", "gambit", "--dir", str(project), "--json", "--path", path)
    assert json.loads(again.stdout)["path"] == path


def test_ctrl_c_is_silent_from_the_start(project: Path) -> None:
    index(project)
    for tenths in range(1, 12):
        process = subprocess.Popen(
            [*WHEREIN, "search", "blend", "--dir", str(project)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(tenths / 10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)  # all of the group, as a terminal does
            _, said = process.communicate(timeout=30)
        assert b"Traceback" not in said, (tenths, said)
        assert process.returncode in (0, 130, -signal.SIGINT)


def test_an_index_whose_last_look_did_not_end_says_so(project: Path) -> None:
    for number in range(400):
        lines = "".join(f"def z{number}_{k}(a):\n    return a + {k}\n\n" for k in range(150))
        (project / f"m{number}.py").write_text(lines)
    process = subprocess.Popen(
        [*WHEREIN, "search", "blend", "--dir", str(project), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        directory = Path(index_paths(str(project)).directory)
        until((directory / "unread").exists)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    told = run("status", "--dir", str(project)).stdout
    assert "Not all files were read the last time" in told
    index(project)
    assert "Not all" not in run("status", "--dir", str(project)).stdout


def test_an_index_inside_the_folder_is_not_indexed_whatever_its_name(project: Path) -> None:
    (project / "🔥 home").mkdir(mode=0o700)
    environment = {**os.environ, "WHEREIN_HOME": str(project / "🔥 home")}
    files = index(project)["files"]
    for _ in range(2):
        done = run("index", str(project), "--json", env=environment)
        numbers = json.loads(done.stdout)
    assert numbers["files"] == files
