"""No file grows past 400 lines: a module that does is two modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LIMIT = 400


def too_long(name: str, text: str) -> list[str]:
    """Complain about a file over the limit."""
    lines = len(text.splitlines())
    return [f"{name} has {lines} lines, at most {_LIMIT} are allowed"] if lines > _LIMIT else []


def _sources() -> Iterator[Path]:
    for folder, pattern in (
        ("server", "*.py"),
        ("tests", "*.py"),
        ("bench", "*.py"),
        ("client-ts/src", "*.ts"),
        ("client-ts/test", "*.ts"),
    ):
        yield from (_ROOT / folder).rglob(pattern)


def test_no_file_is_too_long() -> None:
    files = [p for p in _sources() if not {"workspaces", ".cache"} & set(p.parts)]
    assert len(files) > 20
    problems = [
        line
        for path in files
        for line in too_long(str(path.relative_to(_ROOT)), path.read_text(encoding="utf-8"))
    ]
    assert not problems, "\n".join(problems)


def test_a_long_file_is_found() -> None:
    assert too_long("x.py", "\n" * 400) == []
    assert too_long("x.py", "\n" * 401) == ["x.py has 401 lines, at most 400 are allowed"]
