"""The models that are compared: folders as given, and the baselines, each made once.

starter     the model that the work on our own began with, out of this repository's history
minilm      all-MiniLM-L6-v2, int8, as `wherein model build` makes it
wordllama   the 256-dimensional table of its PyPI package
default     whatever this tree ships
bm25        no model: the words of the engine
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from unittest import mock

from sources import ROOT

from wherein.embedding import install, models
from wherein.embedding.catalogue import MINILM

CACHE = ROOT / "bench/.cache/models"
BM25 = "bm25"
BASELINES = ("starter", "minilm", "wordllama", BM25)

#: What the starter was trained on, of the evaluation packages: its own lists of packages name them.
#: It remembers them, so models that never saw them are compared with it on the others.
LEARNT_BY_STARTER = frozenset(
    ("starlette", "pytest", "axios", "zod", "clap", "redis", "jackson-databind")
)

_STARTER_COMMIT = "874fe78"
_STARTER = {
    "model.safetensors": "7b8bc457a6412e73ffdfce1b51655de73ace08809ed0451f9dbd321ba885bc57",
    "tokenizer.json": "ff41914041796ff4775670a844b915f86ffa576e51e69ee2736131d8e8322650",
}
_WORDLLAMA = "wordllama==0.4.0.post1"
_WORDLLAMA_SHA256 = "42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97"


def folder(name: str) -> Path:
    """Return the folder of a model, made if need be; a name that is no baseline is a folder."""
    makers = {"starter": _starter, "minilm": _minilm, "wordllama": _wordllama}
    if name in makers:
        return makers[name]()
    if name == "default":
        return models.resolve("").folder
    return models.resolve(str(Path(name).resolve())).folder


def _starter() -> Path:
    target = CACHE / "starter"
    target.mkdir(parents=True, exist_ok=True)
    for name, expected in _STARTER.items():
        if not (target / name).is_file():
            place = f"{_STARTER_COMMIT}:server/wherein/data/model/{name}"
            git = ["git", "-C", str(ROOT), "show", place]
            (target / name).write_bytes(subprocess.run(git, check=True, capture_output=True).stdout)
        if hashlib.sha256((target / name).read_bytes()).hexdigest() != expected:
            raise SystemExit(f"{target / name} is not the file that was pinned")
    return target


def _minilm() -> Path:
    with mock.patch.dict(os.environ, {"WHEREIN_HOME": str(CACHE / "home")}):
        if not models.is_here(MINILM):
            install.install(MINILM)
        return models.resolve(MINILM.name).folder


def _wordllama() -> Path:
    target = CACHE / "wordllama"
    if (target / "tokenizer.json").is_file():
        return target
    target.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    where = ["--platform", "manylinux2014_x86_64", "--python-version", "3.11"]
    subprocess.run([*pip, *where, "--dest", str(target), _WORDLLAMA], check=True)
    (wheel,) = target.glob("wordllama-*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != _WORDLLAMA_SHA256:
        raise SystemExit(f"{wheel.name} is not the file that was pinned")
    with zipfile.ZipFile(wheel) as archive:
        table = archive.read("wordllama/weights/l2_supercat_256.safetensors")
        words = archive.read("wordllama/tokenizers/l2_supercat_tokenizer_config.json")
    # The same bytes under the name that fastembed looks for; the header is padded with blanks.
    renamed = table.replace(b'"embedding.weight"', b'"embeddings"      ', 1)
    (target / "model.safetensors").write_bytes(renamed)
    wheel.unlink()
    (target / "tokenizer.json").write_bytes(words)
    return target
