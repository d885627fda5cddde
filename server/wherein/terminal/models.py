"""`wherein model list` and `wherein model use`."""

from __future__ import annotations

import sys
from pathlib import Path

from wherein.embedding.models import DEFAULT, list_models, read_choice, write_choice
from wherein.errors import StorageError
from wherein.paths import config_home
from wherein.terminal.streams import Style, write


def show_models() -> int:
    """List the models to choose from; the one in use is marked."""
    style = Style(sys.stdout)
    for model in list_models(read_choice(config_home())):
        mark = "*" if model.chosen else " "
        write(f"{mark} {style.bold(model.name)}  {model.description}")
        if model.choice != DEFAULT:
            write(f"    {model.choice}")
        if model.problem:
            write(f"    {style.alarm(model.problem)}")
    return 0


def use_model(choice: str) -> int:
    """Keep a choice of model. Raises ModelError when it names none."""
    if choice != DEFAULT:
        choice = str(Path(choice).expanduser().resolve())
    try:
        spec = write_choice(config_home(), choice)
    except OSError as error:
        raise StorageError(f"{config_home()} cannot be written: {error.strerror}") from error
    write(f"{spec.name} is used from now on. Each index is embedded again when it is next used")
    return 0
