"""Which model a choice names, how it is kept, and which sentence a broken one gives."""

from __future__ import annotations

import hashlib
import json
import stat
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fastembed import TextEmbedding

from model_folders import table, write_safetensors, write_static, write_transformer
from wherein.embedding import models
from wherein.embedding.catalogue import KNOWN, MINILM, find
from wherein.embedding.fastembed_backend import load_embedder
from wherein.embedding.fingerprint import fingerprint, hash_files
from wherein.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from wherein.embedding.catalogue import KnownModel


@pytest.mark.parametrize("choice", ["", "default"])
def test_the_default_is_the_model_inside_the_package(choice: str) -> None:
    spec = models.resolve(choice)
    assert (spec.kind, spec.choice) == ("static", "default")
    assert hash_files(spec.folder, spec.files) == spec.sha256


def test_a_folder_with_a_table_is_a_static_model(tmp_path: Path) -> None:
    spec = models.resolve(str(write_static(tmp_path / "mine")))
    assert (spec.name, spec.kind, spec.sha256) == ("mine", "static", {})
    assert spec.files == ("model.safetensors", "tokenizer.json")
    assert spec.choice == str((tmp_path / "mine").resolve())


@pytest.mark.parametrize("onnx", ["model.onnx", "onnx/model.onnx"])
def test_a_folder_with_an_onnx_file_is_a_transformer(tmp_path: Path, onnx: str) -> None:
    folder = write_transformer(tmp_path, onnx=onnx)
    (folder / f"{onnx}_data").write_bytes(b"weights")
    # transformers keep their own weights under the same name as a static model's table
    write_safetensors(folder / "model.safetensors", {"encoder.layer.0": table(2)})
    spec = models.resolve(str(folder))
    assert (spec.kind, spec.weights) == ("transformer", onnx)
    assert {onnx, f"{onnx}_data", "tokenizer.json", "config.json"} <= set(spec.files)
    assert "model.safetensors" not in spec.files


def test_a_table_is_preferred_to_its_onnx_export(tmp_path: Path) -> None:
    write_transformer(tmp_path)
    write_static(tmp_path)
    assert models.resolve(str(tmp_path)).kind == "static"


def test_a_path_may_start_with_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_static(tmp_path / "mine")
    assert models.resolve("~/mine").name == "mine"


def test_what_is_no_model_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere does not exist"):
        models.resolve(str(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="is a file, not a folder"):
        models.resolve(str(tmp_path / "file"))
    with pytest.raises(ModelError, match="holds no model that wherein can load"):
        models.resolve(str(tmp_path))
    static = write_static(tmp_path / "static")
    (static / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"static model in .* has no tokenizer\.json"):
        models.resolve(str(static))
    transformer = write_transformer(tmp_path / "transformer")
    (transformer / "tokenizer_config.json").unlink()
    with pytest.raises(ModelError, match=r"has no tokenizer_config\.json"):
        models.resolve(str(transformer))


@pytest.mark.parametrize(
    "content", [b"", b"\xff", (50).to_bytes(8, "little") + b"{", b"\x02" + bytes(7) + b"\xff\xff"]
)
def test_a_table_whose_header_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    write_static(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged"):
        models.resolve(str(tmp_path))


def test_an_absurd_header_size_is_not_read(tmp_path: Path) -> None:
    write_static(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(ModelError, match="holds no model"):
        models.resolve(str(tmp_path))


@pytest.mark.usefixtures("wherein_home")
def test_an_incomplete_installation_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_EMBEDDED_FOLDER", tmp_path)
    with pytest.raises(ModelError, match=r"model\.safetensors is missing.*force-reinstall"):
        models.resolve("")
    listed = models.list_models()
    assert "is missing" in listed[0].problem


def test_the_choice_survives_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    config = tmp_path / "config" / "wherein"
    assert models.read_choice(config) == ""
    folder = write_static(tmp_path / "mine")
    assert models.write_choice(config, str(folder)).name == "mine"
    assert models.read_choice(config) == str(folder.resolve())
    if sys.platform != "win32":
        assert stat.S_IMODE((config / models.CHOICE_FILE).stat().st_mode) == 0o600
        assert stat.S_IMODE(config.stat().st_mode) == 0o700
    models.write_choice(config, "")
    assert models.read_choice(config) == "default"
    assert [path.name for path in config.iterdir()] == [models.CHOICE_FILE]


def test_a_refused_choice_leaves_the_old_one(tmp_path: Path) -> None:
    models.write_choice(tmp_path, "default")
    with pytest.raises(ModelError):
        models.write_choice(tmp_path, str(tmp_path / "nowhere"))
    assert models.read_choice(tmp_path) == "default"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"model": 3}', "null"])
def test_a_damaged_choice_is_said_and_not_guessed(tmp_path: Path, content: str) -> None:
    (tmp_path / models.CHOICE_FILE).write_text(content)
    with pytest.raises(
        ModelError, match=r"model\.json, which keeps your choice.*model use default"
    ):
        models.read_choice(tmp_path)


@pytest.mark.usefixtures("wherein_home")
def test_the_list_shows_the_embedded_model_and_the_chosen_folder(tmp_path: Path) -> None:
    default, *known = models.list_models()
    assert (default.choice, default.chosen, default.problem) == ("default", True, "")
    assert [model.name for model in known] == [model.name for model in KNOWN]
    assert not any(model.chosen or model.here or model.problem for model in known)
    folder = write_transformer(tmp_path / "mine")
    default, *_, own = models.list_models(str(folder))
    assert (default.chosen, own.chosen, own.name) == (False, True, "mine")
    assert own.description == "a transformer model of your own"
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer.json" in models.list_models(str(folder))[-1].problem


def keep(home: Path, model: KnownModel) -> Path:
    """Put a small model where a fetched one is kept."""
    folder = write_transformer(home / "models" / model.directory)
    names = [path.name for path in folder.iterdir()]
    manifest = {"name": model.name, "sha256": hash_files(folder, names)}
    (folder / models.MANIFEST).write_text(json.dumps(manifest))
    return folder


def listed(choice: str, name: str) -> models.ListedModel:
    return next(model for model in models.list_models(choice) if model.name == name)


def test_a_fetched_model_is_found_by_its_name_and_checked_by_its_hashes(wherein_home: Path) -> None:
    folder = keep(wherein_home, MINILM)
    for choice in (
        "all-MiniLM-L6-v2",
        "ALL-minilm-l6-V2",
        "sentence-transformers/all-MiniLM-L6-v2",
    ):
        spec = models.resolve(choice)
        assert (spec.name, spec.choice, spec.folder) == (MINILM.name, MINILM.name, folder.resolve())
        assert set(spec.sha256) == set(spec.files)
    assert load_embedder(spec).fingerprint == load_embedder(models.resolve(str(folder))).fingerprint
    assert listed(MINILM.name, MINILM.name) == models.ListedModel(
        MINILM.name, MINILM.name, MINILM.description, chosen=True
    )
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"?")
    with pytest.raises(ModelError, match=r"damaged.*Fetch the model again: wherein model b"):
        load_embedder(models.resolve(MINILM.name))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sha256": {"model.onnx": "0"}}'])
def test_a_fetched_model_without_its_hashes_is_damaged(wherein_home: Path, content: str) -> None:
    folder = keep(wherein_home, MINILM)
    (folder / models.MANIFEST).write_text(content)
    with pytest.raises(ModelError, match=r"all-MiniLM-L6-v2 in .* is damaged\. Fetch"):
        models.resolve(MINILM.name)
    assert "is damaged" in listed("", MINILM.name).problem


@pytest.mark.usefixtures("wherein_home")
@pytest.mark.parametrize("model", KNOWN, ids=lambda model: model.name)
def test_a_known_model_that_is_not_here_names_the_command_that_fetches_it(
    model: KnownModel, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=rf"{model.name} is not here yet.*`{model.command}`"):
        models.resolve(model.name)
    with pytest.raises(ModelError):
        models.write_choice(tmp_path, model.name)
    assert f"a download of {model.megabytes} MB" in listed("", model.name).description
    assert "not here yet" in listed(model.name, model.name).problem


def test_the_catalogue_says_of_hub_models_what_fastembed_says() -> None:
    theirs = {model["model"]: model for model in TextEmbedding.list_supported_models()}
    for model in KNOWN:
        if model.origin == "hub":
            listed = theirs[model.name]
            assert model.repository == listed["sources"]["hf"]
            assert model.weights == listed["model_file"]
            assert listed["additional_files"] == []
            assert model.megabytes == round(listed["size_in_GB"] * 1000)


def test_a_path_is_not_a_name() -> None:
    assert find("./all-MiniLM-L6-v2") is None
    assert find("/models/all-MiniLM-L6-v2") is None
    assert find("") is find("default") is None
    assert len({model.directory for model in KNOWN}) == len(KNOWN)


def test_the_fingerprint_follows_the_files_and_the_recipe_and_not_the_place(tmp_path: Path) -> None:
    def of(name: str, recipe: str = "static", factor: float = 1.0) -> str:
        rows = (table(4) * factor).astype(np.float32)
        spec = models.resolve(str(write_static(tmp_path / name, {"embeddings": rows})))
        return fingerprint(hash_files(spec.folder, spec.files), recipe)

    first = of("a")
    assert len(bytes.fromhex(first)) == 8
    assert of("b") == first
    assert of("c", recipe="other") != first
    assert of("d", factor=2.0) != first


def test_hashes_are_sha256_of_the_whole_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8192  # two blocks of the reader
    (tmp_path / "big").write_bytes(data + b"end")
    assert hash_files(tmp_path, ["big"]) == {"big": hashlib.sha256(data + b"end").hexdigest()}


def test_the_choice_file_is_plain_json(tmp_path: Path) -> None:
    models.write_choice(tmp_path, "default")
    assert json.loads((tmp_path / models.CHOICE_FILE).read_text()) == {"model": "default"}
