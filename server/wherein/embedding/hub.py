"""Downloads a model from the Hugging Face hub, as fastembed does. Runs in `wherein model use`.

Everywhere else HF_HUB_OFFLINE=1 keeps the hub's library from the network. Here it works in a folder
that is deleted afterwards, sends no token, and counts nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wherein.errors import ModelError

if TYPE_CHECKING:
    from wherein.embedding.catalogue import KnownModel

_TOKENIZER_FILES = ("tokenizer.json", "special_tokens_map.json", "config.json")


def download(model: KnownModel, folder: Path, work: Path) -> None:
    """Download into `work` and put the files that decide the vectors into `folder`.

    Raises ModelError when the hub cannot be reached or lacks a file.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelError(
            f"{model.name} was not downloaded, because HF_HUB_OFFLINE is set. Unset it and try "
            "again."
        )
    # The library reads them once, when it is imported.
    os.environ |= {
        "HF_HOME": str(work / "home"),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_SHARED_BLOBS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    from fastembed.common.model_management import ModelManagement

    try:
        snapshot = ModelManagement[Any].download_files_from_huggingface(
            model.repository, cache_dir=str(work / "hub"), extra_patterns=[model.weights]
        )
    except Exception as error:  # OSError, ValueError, and the errors of two HTTP libraries
        raise ModelError(
            f"{model.name} could not be downloaded from {model.source}: {_reason(error)} "
            "Check the network and try again."
        ) from error
    _arrange(model, Path(snapshot), folder)


def _arrange(model: KnownModel, snapshot: Path, folder: Path) -> None:
    """Copy what is used, under the names that `models.resolve` knows, and say how it is used."""
    weights = "model.safetensors" if model.kind == "static" else "model.onnx"
    for name, kept in ((model.weights, weights), ("tokenizer.json", "tokenizer.json")):
        if not (snapshot / name).is_file():
            raise ModelError(f"{model.source} has no {name}, so {model.name} cannot be used.")
        shutil.copyfile(snapshot / name, folder / kept)
    if model.kind == "static":
        return
    for name in _TOKENIZER_FILES:
        if (snapshot / name).is_file():
            shutil.copyfile(snapshot / name, folder / name)
    limits = _read(snapshot / "tokenizer_config.json")
    longest = limits.get("model_max_length")
    shorter = longest if isinstance(longest, int) and 0 < longest < model.max_tokens else None
    limits["model_max_length"] = shorter or model.max_tokens
    limits.pop("max_length", None)
    _write(folder / "tokenizer_config.json", limits)
    (folder / "1_Pooling").mkdir()
    _write(folder / "1_Pooling/config.json", {"pooling_mode_cls_token": model.pooling == "CLS"})
    if model.query_prompt:
        prompts = {"prompts": {"query": model.query_prompt}}
        _write(folder / "config_sentence_transformers.json", prompts)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"The downloaded {path.name} cannot be read as JSON.") from error
    return value if isinstance(value, dict) else {}


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _reason(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if line.endswith(".") else f"{line}."
