"""The settings a person can change: bad input gives the default and a message, never a crash.

They arrive in the editor's `initializationOptions` (camelCase), or from the command line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_type_hints

import attrs


@attrs.frozen(kw_only=True)
class Settings:
    """What can be set; each has its row in package.json and in the README."""

    exclude: tuple[str, ...] = ()
    """Globs of files to keep out of the index, beside the ignore files."""

    max_file_kib: int = 1024
    """Files larger than this many KiB are skipped."""

    model: str = ""
    """A name of `wherein model list`, or a folder with a fastembed model; empty: the embedded."""

    answer_budget_ms: int = 400
    """Milliseconds in which a question has vectors made for what it finds without; 0: none."""

    quality: str = "off"
    """When a second model orders the best answers anew: off, on, or idle (nothing to embed)."""

    quality_model: str = ""
    """The second model: a name of `wherein model list`, or a folder; empty: all-MiniLM-L6-v2."""

    execute_commands: bool = True
    """Advertise the requests as workspace/executeCommand commands too."""

    paused: bool = False
    """Begin with background work held; what is indexed can be searched."""

    pause_on_battery: bool = True
    """On battery, a model that takes long reads only what a question asks for."""

    log_level: str = "warning"
    """How much is logged: error, warning, info or debug."""


# Where a folder's own settings reach the editor's, they must not choose these: only what a client
# sends with `initialize` counts. package.json gives them the scope `machine`.
MACHINE = frozenset({"model", "quality_model"})

MOST_FILE_KIB = 64 * 1024
_LIMITS = {"max_file_kib": (1, MOST_FILE_KIB), "answer_budget_ms": (0, 10_000)}
_CHOICES = {
    "log_level": ("error", "warning", "info", "debug"),
    "quality": ("off", "on", "idle"),
}


def camel(name: str) -> str:
    """Write a field's name as it stands on the wire and in package.json."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def read_settings(raw: object) -> tuple[Settings, list[str]]:
    """Make Settings of what a client sent, and a sentence for each thing that was ignored."""
    messages: list[str] = []
    if raw is None:
        return Settings(), messages
    if not isinstance(raw, Mapping):
        return Settings(), ["initializationOptions is not an object; the defaults are used"]
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    known = {camel(field.name): field.name for field in attrs.fields(Settings)}
    for key, value in raw.items():
        name = known.get(str(key))
        if name is None:
            messages.append(f"The setting {key!s:.60} is not known and was ignored")
            continue
        problem = _problem(name, value, hints[name])
        if problem:
            messages.append(f"The setting {key} {problem}; the default is used")
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    return Settings(**values), messages


def _problem(name: str, value: object, hint: object) -> str:
    """Say what is wrong with a value, as the end of a sentence; "" when nothing is."""
    number = isinstance(value, int) and not isinstance(value, bool)
    low, high = _LIMITS.get(name, (-math.inf, math.inf))
    texts = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    checks = (
        (hint is bool and not isinstance(value, bool), "must be true or false"),
        (hint is str and not isinstance(value, str), "must be a text"),
        (hint is int and not number, "must be a whole number"),
        (hint == tuple[str, ...] and not texts, "must be a list of texts"),
        (
            name in _CHOICES and value not in _CHOICES[name],
            f"must be one of {', '.join(_CHOICES.get(name, ()))}",
        ),
        (
            isinstance(value, int) and not low <= value <= high,
            f"must lie between {low} and {high}",
        ),
    )
    return next((problem for wrong, problem in checks if wrong), "")


def to_wire(settings: Settings) -> dict[str, Any]:
    """Write settings the way a client would send them."""
    return {camel(k): v for k, v in attrs.asdict(settings).items()}
