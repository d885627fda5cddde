"""Which model answers: another folder's, back again, one that is gone, and one that is damaged."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wherein
from model_folders import WORDS, write_static
from support.rpc import Client, serving
from support.waiting import until
from support.workspace import make_project, rows

VECTORS = """SELECT m.fingerprint, m.dim, count(v.data)
FROM vectors v JOIN models m ON m.id = v.model GROUP BY m.id ORDER BY m.id"""
QUESTION = "upload color"

# Runs the copy of the package in argv[1] instead of the installed one, workers included.
COPY = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from wherein.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def project(wherein_home: Path, tmp_path: Path) -> Path:
    """A small project with a file that is made of the words that the test's model knows."""
    root = make_project(tmp_path / "project")
    text = "def retry():\n    # failed upload\n    return color\n"
    (root / "known.py").write_text(text, encoding="utf-8")
    return root


def row(client: Client) -> dict[str, Any]:
    """Return the folder's status."""
    (found,) = client.ask("wherein/status")["folders"]
    assert isinstance(found, dict)
    return found


def session(project: Path, model: str = "") -> dict[str, Any]:
    """Open the project with a model, wait until it has settled, and return status and answer."""
    with serving() as client:
        client.initialize(project, initializationOptions={"model": model})
        client.ask("wherein/sync")
        early = client.ask("wherein/search", {"query": QUESTION})
        assert early["results"], "words answer whatever the model does"
        until(lambda: row(client)["state"] in ("ok", "lexical_only"), what="settled")
        answer = client.ask("wherein/search", {"query": QUESTION})
        found = {"status": row(client), "answer": answer}
        assert client.close() == 0
    return found


def via(found: dict[str, Any]) -> set[str]:
    """Name all that the answer was found by."""
    return {way for hit in found["answer"]["results"] for way in hit["via"]}


def test_F65_another_model_embeds_anew_and_the_way_back_embeds_nothing(
    project: Path, tmp_path: Path
) -> None:
    other = write_static(tmp_path / "other")
    assert "meaning" in via(session(project))
    ((first, dim, count),) = rows(project, VECTORS)
    ids = rows(project, "SELECT id FROM vectors ORDER BY id")
    assert "meaning" in via(session(project, str(other)))
    old, new = rows(project, VECTORS)
    assert old == (first, dim, count)
    assert new[0] != first
    assert new[1] == 6
    assert new[2] > 0
    assert "meaning" in via(session(project))
    assert [r for r in rows(project, VECTORS) if r[0] == first] == [(first, dim, count)]
    kept = {i for (i,) in rows(project, "SELECT id FROM vectors")}
    assert kept >= {i for (i,) in ids}, "nothing was embedded again"


def test_F64_a_model_that_is_gone_leaves_the_words_and_says_what_to_do(
    project: Path, tmp_path: Path
) -> None:
    session(project)
    found = session(project, str(tmp_path / "gone"))
    assert found["status"]["state"] == "lexical_only"
    sentence = found["status"]["sentence"]
    assert str(tmp_path / "gone") in sentence
    assert "wherein model use default" in sentence
    assert sentence.endswith(". Words still work")
    assert ".." not in sentence.replace("...", "")
    assert "meaning" not in via(found)
    assert found["answer"]["notes"]


def damaged(folder: Path, how: str) -> Path:
    """Write a model that was well, and is not any more."""
    zeros = {"embeddings": np.zeros((len(WORDS), 6), dtype=np.float32)}
    few = {"embeddings": np.ones((4, 6), dtype=np.float32)}
    write_static(folder, {"zeros": zeros, "few rows": few}.get(how))
    if how == "truncated":
        os.truncate(folder / "model.safetensors", 120)
    elif how == "garbage":
        (folder / "model.safetensors").write_bytes(b"not a model" * 100)
    elif how == "no tokenizer":
        (folder / "tokenizer.json").unlink()
    return folder


@pytest.mark.parametrize("how", ["truncated", "garbage", "no tokenizer", "few rows", "zeros"])
def test_F64_a_damaged_model_leaves_the_words_and_is_named(
    project: Path, tmp_path: Path, how: str
) -> None:
    """Every way in which one can be damaged: tests/unit/test_embedding_backend.py."""
    found = session(project, str(damaged(tmp_path / "own", how)))
    assert found["status"]["state"] == "lexical_only"
    assert re.search(r"\bown\b", found["status"]["sentence"])
    assert found["status"]["sentence"].endswith(". Words still work")
    assert found["status"]["vectors"] == 0
    assert "meaning" not in via(found)


def test_S15_a_damaged_package_is_named_and_words_answer(
    project: Path, tmp_path: Path, wherein_home: Path
) -> None:
    """One flipped byte in the model inside the package; the installed one is left alone."""
    copy = tmp_path / "site"
    shutil.copytree(Path(wherein.__file__).parent, copy / "wherein")
    weights = copy / "wherein" / "data" / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-c", COPY, str(copy), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    done = run("search", "blend", "--dir", str(project), "--json")
    assert done.returncode == 0, done.stderr
    hit = json.loads(done.stdout.splitlines()[0])
    assert hit["symbol"] == "blend"
    assert "meaning" not in hit["via"]
    assert f"{weights} is damaged" in done.stderr
    assert "Install wherein again" in done.stderr
    status = json.loads(run("status", "--dir", str(project), "--json").stdout)
    assert status["state"] == "lexical_only"
    assert str(weights) in status["sentence"]
    assert "Words still work" in status["sentence"]
    assert run("doctor").returncode == 1
    with serving((sys.executable, "-I", "-c", COPY, str(copy), "serve", "--stdio")) as client:
        client.initialize(project)
        until(lambda: row(client)["state"] == "lexical_only", what="told")
        assert client.ask("wherein/search", {"query": "blend"})["results"][0]["symbol"] == "blend"
        assert client.close() == 0
