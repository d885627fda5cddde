"""The models a person can choose: the one inside the package, one known by name, or a folder.

Used by the vectorization worker (which loads the choice) and by `wherein model list` and `use`.
Imports nothing heavy; nothing here downloads anything (`install` does).

A static model is a folder with `model.safetensors` (a tensor `embeddings`, one row a token; or
rows shared through `mapping` and scaled by `weights`) and `tokenizer.json`: the layout that
model2vec writes. A transformer is a folder with `model.onnx` (or `onnx/model.onnx`),
`tokenizer.json` and `tokenizer_config.json`, as sentence-transformers exports it.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Literal

import attrs

from wherein.embedding.catalogue import KNOWN, KnownModel, find
from wherein.errors import ModelError
from wherein.paths import model_cache

DEFAULT = "default"
CHOICE_FILE = "model.json"
# In the folder of a model that wherein fetched: the name, and the sha256 of each file.
MANIFEST = "wherein.json"

_SAFETENSORS = "model.safetensors"
_TOKENIZER = "tokenizer.json"
_ONNX_PLACES = ("model.onnx", "onnx/model.onnx")
# Read with a transformer where they exist: they change its vectors. The last two are the names
# under which exporters put weights that do not fit into the ONNX file itself.
_TRANSFORMER_EXTRAS = (
    "config.json",
    "special_tokens_map.json",
    "1_Pooling/config.json",
    "config_sentence_transformers.json",
)
_EXTERNAL_DATA = ("_data", ".data")
_MAX_HEADER_BYTES = 16 << 20

_EMBEDDED_FOLDER = Path(__file__).parent.parent / "data" / "model"
_EMBEDDED_SHA256 = {
    _SAFETENSORS: "563e1ece717930455b8c3c00c65048700d4561ac74de612659236d0d7d18dc03",
    _TOKENIZER: "4f1d7418d3025883158cb2dda6c07588d80e69f3020248cadb4b4f1a5bfb040b",
}


@attrs.frozen
class ModelSpec:
    """A model that can be loaded.

    `choice` is what `resolve` understands: `default`, a name, or the absolute path of the folder.
    `files` are all files that decide its vectors, relative to `folder`; `weights` is the main one.
    `sha256` has the expected hash of each file, empty for a person's own folder; `remedy` says what
    to do when a file differs.
    """

    name: str
    choice: str
    kind: Literal["static", "transformer"]
    folder: Path
    weights: str
    files: tuple[str, ...]
    sha256: dict[str, str] = attrs.field(factory=dict)
    remedy: str = "Install wherein again: pip install --force-reinstall wherein"


@attrs.frozen
class ListedModel:
    """A line of `wherein model list`.

    `here` says whether it can be used without a download; `problem` is a sentence when it is here
    (or chosen) and cannot be loaded, else "".
    """

    name: str
    choice: str
    description: str
    chosen: bool
    problem: str = ""
    here: bool = True


def resolve(choice: str) -> ModelSpec:
    """Find the model of a choice: "" or `default`, a name of the catalogue, or a folder's path.

    Raises ModelError when a named model was not fetched yet, or the folder is missing or does not
    hold a model. The contents are checked when the model is loaded, except that the embedded
    model's files must be there.
    """
    if choice in {"", DEFAULT}:
        return _embedded()
    if known := find(choice):
        return _fetched(known)
    folder = Path(choice).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise ModelError(
            f"The model folder {choice} {what}. Give the path of a folder that holds a model, "
            f"or go back to the embedded one with `wherein model use {DEFAULT}`."
        )
    folder = folder.resolve()
    if _is_static(folder / _SAFETENSORS):
        return _local(folder, "static", _SAFETENSORS, (_SAFETENSORS, _TOKENIZER), ())
    for onnx in _ONNX_PLACES:
        if (folder / onnx).is_file():
            required = (onnx, _TOKENIZER, "tokenizer_config.json")
            return _local(folder, "transformer", onnx, required, _extras(folder, onnx))
    raise ModelError(
        f"The folder {folder} holds no model that wherein can load. It needs either "
        f"{_SAFETENSORS} with a tensor named `embeddings` and {_TOKENIZER} (a static model), or "
        f"model.onnx, {_TOKENIZER} and tokenizer_config.json (a transformer)."
    )


def list_models(choice: str = "") -> list[ListedModel]:
    """Describe the models a person can choose from, given the choice now in force."""
    chosen = find(choice)
    listed = [_embedded_description(chosen=choice in {"", DEFAULT})]
    listed += [_known_description(model, chosen=model is chosen) for model in KNOWN]
    if listed[0].chosen or chosen:
        return listed
    try:
        spec = resolve(choice)
    except ModelError as error:
        own = ListedModel(Path(choice).name, choice, "a folder of your own", True, str(error))
    else:
        own = ListedModel(spec.name, spec.choice, f"a {spec.kind} model of your own", True)
    return [*listed, own]


def is_here(model: KnownModel) -> bool:
    """Say whether the model was fetched; what is wrong with it shows when it is loaded."""
    return (model_cache() / model.directory / MANIFEST).is_file()


def read_choice(config_dir: Path) -> str:
    """Return the person's choice of model, "" when they never made one.

    Raises ModelError when the file cannot be read: guessing another model would silently compute
    every vector again.
    """
    path = config_dir / CHOICE_FILE
    try:
        choice = json.loads(path.read_bytes())["model"]
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(_unreadable_choice(path)) from error
    if not isinstance(choice, str):
        raise ModelError(_unreadable_choice(path))
    return choice


def write_choice(config_dir: Path, choice: str) -> ModelSpec:
    """Check that the choice names a model, keep it for the next start, and return the model.

    The file is replaced in one step and readable by its owner only. Raises ModelError for a choice
    that `resolve` refuses (the old choice stays), and OSError when the file cannot be written.
    """
    spec = resolve(choice)
    config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=config_dir, prefix=CHOICE_FILE)  # mkstemp makes it 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"model": spec.choice}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(config_dir / CHOICE_FILE)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return spec


def _embedded() -> ModelSpec:
    for name in _EMBEDDED_SHA256:
        if not (_EMBEDDED_FOLDER / name).is_file():
            raise ModelError(
                f"The embedded model is incomplete: {_EMBEDDED_FOLDER / name} is missing. "
                "Install wherein again: pip install --force-reinstall wherein"
            )
    return ModelSpec(
        name="wherein-code",
        choice=DEFAULT,
        kind="static",
        folder=_EMBEDDED_FOLDER,
        weights=_SAFETENSORS,
        files=tuple(_EMBEDDED_SHA256),
        sha256=_EMBEDDED_SHA256,
    )


def _fetched(model: KnownModel) -> ModelSpec:
    folder = model_cache() / model.directory
    if not is_here(model):
        raise ModelError(
            f"The model {model.name} is not here yet ({model.megabytes} MB). "
            f"Fetch it with `{model.command}`, or go back to the embedded one with "
            f"`wherein model use {DEFAULT}`."
        )
    remedy = f"Fetch the model again: {model.command}"
    try:
        found = resolve(str(folder))
        hashes = json.loads((folder / MANIFEST).read_bytes())["sha256"]
        expected = {name: str(hashes[name]) for name in found.files}
    except (ModelError, OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The model {model.name} in {folder} is damaged. {remedy}") from error
    return attrs.evolve(found, name=model.name, choice=model.name, sha256=expected, remedy=remedy)


def _known_description(model: KnownModel, *, chosen: bool) -> ListedModel:
    here, problem = is_here(model), ""
    if here or chosen:
        try:
            resolve(model.name)
        except ModelError as error:
            problem = str(error)
    description = model.description
    if not here:
        description += f"; not here, a download of {model.megabytes} MB"
    return ListedModel(model.name, model.name, description, chosen, problem, here)


def _embedded_description(*, chosen: bool) -> ListedModel:
    description = "the embedded code model: 9 MB, no download, thousands of functions a second"
    try:
        name, problem = _embedded().name, ""
    except ModelError as error:
        name, problem = DEFAULT, str(error)
    return ListedModel(name, DEFAULT, description, chosen, problem)


def _local(
    folder: Path,
    kind: Literal["static", "transformer"],
    weights: str,
    required: tuple[str, ...],
    extras: tuple[str, ...],
) -> ModelSpec:
    for name in required:
        if not (folder / name).is_file():
            raise ModelError(
                f"The {kind} model in {folder} has no {name}. Copy that file from where you got "
                "the model into the folder."
            )
    return ModelSpec(folder.name, str(folder), kind, folder, weights, required + extras)


def _extras(folder: Path, onnx: str) -> tuple[str, ...]:
    here = [name for name in _TRANSFORMER_EXTRAS if (folder / name).is_file()]
    here += [f"{onnx}{end}" for end in _EXTERNAL_DATA if (folder / f"{onnx}{end}").is_file()]
    return tuple(here)


def _is_static(path: Path) -> bool:
    """Tell a table of token vectors from a transformer's weights by the safetensors header."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _MAX_HEADER_BYTES:
                return False
            header = json.loads(file.read(size))
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model file {path} is damaged: its header cannot be read. Copy it again from "
            "where you got the model."
        ) from error
    return isinstance(header, dict) and "embeddings" in header


def _unreadable_choice(path: Path) -> str:
    return (
        f"The file {path}, which keeps your choice of model, cannot be read. "
        f"Choose again with `wherein model use {DEFAULT}`."
    )
