"""The command line refuses what cannot be done, with a sentence, exit code 2 and no worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wherein import __version__
from wherein.domain import Kind
from wherein.errors import UsageError
from wherein.terminal.batch import MAX_QUERY, check_query

WHEREIN = [sys.executable, "-I", "-m", "wherein"]


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end."""
    return subprocess.run(
        [*WHEREIN, *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(*arguments: str, cwd: Path | None = None) -> str:
    """Run a command line that must be refused; return what it says."""
    done = run(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout == f"wherein {__version__}\n"
    told = run("--help").stdout
    for command in ("search", "index", "status", "doctor", "model", "serve"):
        assert command in told
    assert "--stdio" in run("serve", "--help").stdout


def test_folders_that_are_no_project_are_refused(
    wherein_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file.py"
    file.write_text("x = 1\n")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert "does not exist" in refused("search", "x", "--dir", str(tmp_path / "missing"))
    assert "is a file" in refused("index", str(file))
    assert "whole disk" in refused("status", "--dir", os.path.abspath(os.sep))  # noqa: PTH100
    assert "home directory" in refused("search", "x", cwd=home)
    assert not (wherein_home / "index").exists()


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", ""])
def test_a_limit_outside_1_to_100_is_refused(tmp_path: Path, limit: str) -> None:
    assert "1 to 100" in refused("search", "x", "--dir", str(tmp_path), f"--limit={limit}")


def test_unknown_filters_are_refused_with_what_there_is(tmp_path: Path) -> None:
    told = refused("search", "x", "--dir", str(tmp_path), "--kind", "procedure")
    assert all(kind.value in told for kind in Kind)
    assert "python" in refused("search", "x", "--dir", str(tmp_path), "--lang", "klingon")


def test_a_question_is_needed_and_has_an_end(tmp_path: Path) -> None:
    assert "Ask something" in refused("search", "--dir", str(tmp_path))
    assert "Ask something" in refused("search", "  ", "--dir", str(tmp_path))
    assert "4,096" in refused("search", "x" * (MAX_QUERY + 1), "--dir", str(tmp_path))
    assert check_query("x" * MAX_QUERY) == "x" * MAX_QUERY
    with pytest.raises(UsageError):
        check_query("x" * (MAX_QUERY + 1))


def test_a_batch_file_must_be_there_and_stands_alone(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.jsonl")
    assert "not a file" in refused("search", "--batch", missing, "--dir", str(tmp_path))
    assert "not both" in refused("search", "x", "--batch", "-", "--dir", str(tmp_path))


def test_status_of_a_folder_without_index_makes_none(wherein_home: Path, tmp_path: Path) -> None:
    done = run("status", "--dir", str(tmp_path), "--json")
    assert done.returncode == 0
    assert '"state":"no_index"' in done.stdout
    assert not (wherein_home / "index").exists()


def test_doctor_finds_nothing_wrong_here(wherein_home: Path) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "Nothing is wrong" in done.stdout
    assert str(wherein_home) in done.stdout
    assert __version__ in done.stdout


def test_doctor_names_a_choice_of_model_that_cannot_be_read(wherein_home: Path) -> None:
    config = wherein_home / "config"
    config.mkdir(mode=0o700)
    (config / "model.json").write_text("{", encoding="ascii")
    done = run("doctor")
    assert done.returncode == 1
    assert done.stdout.startswith("model: ")
    assert str(config / "model.json") in done.stdout


def test_models_are_listed_and_a_folder_without_one_is_refused(
    wherein_home: Path, tmp_path: Path
) -> None:
    assert run("model", "list").stdout.startswith("* wherein-code")
    assert str(tmp_path) in refused("model", "use", str(tmp_path))
    assert run("model", "use", "default").returncode == 0
    assert (wherein_home / "config" / "model.json").is_file()


@pytest.mark.usefixtures("wherein_home")
def test_no_folder_is_not_this_folder(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert run("index", ".", cwd=tmp_path).returncode == 0
    for arguments in (("index", "--remove", ""), ("index", ""), ("index", "--dir", "")):
        assert "No folder was named" in refused(*arguments, cwd=tmp_path)
    assert run("status", cwd=tmp_path).stdout.count("1 file") == 1


def test_a_home_that_sqlite_cannot_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    monkeypatch.setenv("WHEREIN_HOME", str(tmp_path / "ho\udcffme"))
    assert "Set WHEREIN_HOME" in refused("search", "x", "--dir", str(tmp_path))
