"""What the documents say is so: modules exist, make targets exist, settings agree everywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs

from wherein.settings import Settings, camel

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "server" / "wherein"

# Settings of one side only: who starts or installs the server is no setting of it, and a client
# that brings its own commands always switches the server's off and has one for pausing.
_CLIENT_ONLY = {"interpreter", "wheels"}
_SERVER_ONLY = {"executeCommands", "paused"}


def missing_modules(text: str) -> list[str]:
    """List the files and folders named in backticks that do not exist.

    Looked up from the package, from the repository, and as a dotted module name.
    """
    paths = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|ts|toml))`", text)
    dotted = re.findall(r"`wherein\.([a-z_]+(?:\.[a-z_]+)+)`", text)
    return [
        *(p for p in paths if not ((_PACKAGE / p).exists() or (_ROOT / p).exists())),
        *(f"wherein.{name}" for name in dotted if not _is_module(name)),
    ]


def _is_module(name: str) -> bool:
    path = _PACKAGE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def missing_targets(text: str, makefile: str) -> list[str]:
    """List the make targets that code in the text names and the Makefile does not have."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    code = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    named = {name for part in code for name in re.findall(r"\bmake ([a-z][a-z-]*)", part)}
    return sorted(named - targets)


def undocumented(names: set[str], text: str) -> list[str]:
    """List the settings that the text does not name in backticks, with or without `wherein.`."""
    return sorted(n for n in names if not re.search(rf"`(?:wherein\.)?{re.escape(n)}`", text))


def _read(name: str) -> str:
    return (_ROOT / name).read_text(encoding="utf-8")


def _package_settings() -> dict[str, dict[str, Any]]:
    raw = json.loads(_read("package.json"))["contributes"]["configuration"]["properties"]
    assert all(key.startswith("wherein.") for key in raw)
    return {key.removeprefix("wherein."): value for key, value in raw.items()}


def _server_settings() -> dict[str, Any]:
    return {camel(field.name): field.default for field in attrs.fields(Settings)}


def test_every_module_that_the_architecture_names_exists() -> None:
    text = _read("ARCHITECTURE.md")
    assert "`" in text
    assert missing_modules(text) == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    text = _read("README.md")
    assert "make search" in text
    assert "make test" in text
    assert missing_targets(text, _read("Makefile")) == []


def test_the_editor_offers_exactly_the_settings_of_the_server() -> None:
    assert set(_package_settings()) - _CLIENT_ONLY == set(_server_settings()) - _SERVER_ONLY


def test_the_editor_shows_the_defaults_of_the_server() -> None:
    ours = _server_settings()
    shown = {n: v["default"] for n, v in _package_settings().items() if n in ours}
    assert shown == {
        n: list(v) if isinstance(v, tuple) else v for n, v in ours.items() if n in shown
    }


def test_every_setting_is_in_the_readme() -> None:
    assert undocumented({*_package_settings(), *_server_settings()}, _read("README.md")) == []


def test_the_two_packages_have_one_version() -> None:
    version = re.search(r'__version__ = "([^"]+)"', _read("server/wherein/__init__.py"))
    assert version is not None
    assert json.loads(_read("package.json"))["version"] == version[1]


def test_a_module_that_is_not_there_is_found() -> None:
    assert missing_modules("`ipc/frames.py`, `ipc/`, `wherein.ipc.frames`, `a.b`, `x`") == []
    assert missing_modules("`ipc/nowhere.py` `nowhere.py`") == ["ipc/nowhere.py", "nowhere.py"]
    assert missing_modules("`wherein.ipc.nowhere`") == ["wherein.ipc.nowhere"]


def test_a_target_that_is_not_there_is_found() -> None:
    assert missing_targets("`make a`, make sure", "a: b\n") == []
    assert missing_targets("```\nmake c\n```", "a: b\n") == ["c"]


def test_a_setting_that_is_not_written_about_is_found() -> None:
    assert undocumented({"model", "exclude"}, "`wherein.model`, exclude") == ["exclude"]


def test_every_test_that_the_page_on_vs_code_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", _read("docs/editors/vscode.md")))
    files = (_ROOT / "tests" / "editors" / "vscode").glob("test_*.py")
    there = {name for f in files for name in re.findall(r"^def (test_\w+)", f.read_text(), re.M)}
    assert len(named) > 20
    assert named <= there
