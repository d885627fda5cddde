"""`make audit` passes only when it was told that there is nothing."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

PLACE = Path(__file__).parents[2] / "requirements" / "audit.py"


@pytest.fixture(scope="module")
def audit() -> Any:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("wherein_audit", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python(**package: object) -> str:
    """What pip-audit says of one package."""
    return json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": [], **package}]})


def npm(found: int) -> str:
    """What `npm audit` says."""
    metadata = {"vulnerabilities": {"total": found}, "dependencies": {"total": 9}}
    return json.dumps({"metadata": metadata, "vulnerabilities": {"b": {"severity": "high"}}})


HOLE = {"vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}


@pytest.mark.parametrize(
    ("said", "code", "line"),
    [
        (python(), 0, "Python: no known hole in 1 packages"),
        (python(**HOLE), 1, "a 1: PYSEC-1, mended in 2"),
        (python(skip_reason="not found on PyPI"), 2, "NOT AUDITED"),
        ('{"dependencies": []}', 2, "NOT AUDITED"),
        ("", 2, "the end of the world"),
    ],
)
def test_S16_python_passes_only_when_all_was_looked_at(
    audit: Any, said: str, code: int, line: str
) -> None:
    verdict = audit.of_python(said, "\nthe end of the world\n")
    assert verdict.code == code
    assert line in verdict.lines[-1]


@pytest.mark.parametrize(
    ("said", "code", "line"),
    [
        (npm(0), 0, "npm: no known hole in 9 packages"),
        (npm(2), 1, "b: high"),
        ('{"message": "405 Method Not Allowed", "error": {}}', 2, "405 Method Not Allowed"),
        ('{"error": {"summary": "no network"}}', 2, "no network"),
        ("no json", 2, "the end of the world"),
    ],
)
def test_S16_npm_passes_only_when_it_was_asked(audit: Any, said: str, code: int, line: str) -> None:
    verdict = audit.of_npm(said, "the end of the world")
    assert verdict.code == code
    assert line in verdict.lines[-1]


def test_S16_a_client_that_cannot_be_run_is_no_pass(audit: Any) -> None:
    said, error = audit.run(["/nowhere/pip-audit"])
    assert audit.of_python(said, error).code == 2
