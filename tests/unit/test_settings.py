"""Settings from a client: bad input gives the default and a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from wherein.settings import Settings, camel, read_settings, to_wire


def test_good_settings_are_taken() -> None:
    """Every kind of value."""
    raw = {"exclude": ["a/**"], "maxFileKib": 5, "executeCommands": False, "logLevel": "debug"}
    settings, messages = read_settings(raw)
    assert messages == []
    assert settings == Settings(
        exclude=("a/**",), max_file_kib=5, execute_commands=False, log_level="debug"
    )
    assert read_settings(to_wire(settings)) == (settings, [])


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"exclude": "a"}, "exclude"),
        ({"exclude": [1]}, "exclude"),
        ({"maxFileKib": True}, "maxFileKib"),
        ({"maxFileKib": 0}, "maxFileKib"),
        ({"maxFileKib": "7"}, "maxFileKib"),
        ({"model": 3}, "model"),
        ({"executeCommands": 1}, "executeCommands"),
        ({"logLevel": "loud"}, "logLevel"),
        ({"colour": "red"}, "colour"),
        ([1, 2], "initializationOptions"),
    ],
)
def test_bad_settings_are_defaults_with_a_sentence(raw: Any, named: str) -> None:
    """The rest of the settings is not lost for one bad value."""
    settings, messages = read_settings(raw)
    assert settings == Settings()
    (message,) = messages
    assert named in message


def test_nothing_sent_is_the_defaults() -> None:
    """No options, no messages."""
    assert read_settings(None) == (Settings(), [])


def test_names_on_the_wire() -> None:
    """Fields are camelCase there."""
    assert camel("max_file_kib") == "maxFileKib"
    assert camel("model") == "model"
