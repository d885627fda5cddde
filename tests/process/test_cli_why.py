"""`wherein why`: the rule that keeps a file out, from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def why(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask in the project's folder."""
    return subprocess.run(
        [sys.executable, "-I", "-m", "wherein", "why", *arguments],
        cwd=project, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_rule_its_file_and_line_are_named(project: Path) -> None:
    done = why(project, "build/generated.py")
    assert done.returncode == 1
    assert done.stdout == (
        "build/generated.py is not indexed: .gitignore, line 1 says build/, "
        "which leaves out build\n"
    )
    found: Any = json.loads(why(project, "build/generated.py", "--json").stdout)
    assert (found["indexed"], found["source"], found["line"]) == (False, ".gitignore", 1)


def test_a_file_that_belongs_in_the_index(project: Path, wherein_home: Path) -> None:
    done = why(project, "net/upload.py")
    assert done.stdout == "net/upload.py belongs in the index: no rule keeps it out\n"
    assert done.returncode == 0
    assert list(wherein_home.iterdir()) == [], "asking why makes no index"


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("picture.py", b"\0\1", "not text"),
        ("empty.py", b"", "empty"),
        ("long.py", b"x = 1\n" * 200_000, "1,024 KiB"),
        (".env", b"KEY=1", "secrets"),
    ],
)
def test_a_file_that_is_out_for_itself(project: Path, name: str, data: bytes, word: str) -> None:
    (project / name).write_bytes(data)
    done = why(project, name)
    assert word in done.stdout
    assert done.returncode == 1


def test_files_elsewhere_and_files_that_are_not_there(project: Path) -> None:
    outside = why(project, "../other.py")
    assert outside.returncode == 2
    assert "--dir DIR" in outside.stderr
    assert why(project, "gone.py").stdout == "gone.py is not there\n"


def test_a_link_stays_a_link(project: Path) -> None:
    (project / "link.py").symlink_to(project / "colours.py")
    assert "symbolic link" in why(project, "link.py").stdout
