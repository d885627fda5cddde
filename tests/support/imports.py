"""Reading from source text what a module uses, so that import rules can be checked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SERVER = Path(__file__).parents[2] / "server"


class Use(NamedTuple):
    """A dotted name that a module uses, and the line it stands on."""

    line: int
    name: str


def modules() -> list[tuple[str, str]]:
    """List every module of the package: its dotted name and its source."""
    found = []
    for path in sorted((SERVER / "wherein").rglob("*.py")):
        parts = path.relative_to(SERVER).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append((name, path.read_text(encoding="utf-8")))
    return found


def uses(source: str) -> list[Use]:
    """List the dotted names that the source imports or reaches through an import.

    `import a.b as x; x.c` uses a.b and a.b.c; `from a import b` uses a.b. Imports inside functions
    and under TYPE_CHECKING count. The package has no relative imports (ruff forbids them).
    """
    tree = ast.parse(source)
    aliases: dict[str, str] = {}
    found: list[Use] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                aliases[alias.asname or top] = alias.name if alias.asname else top
                found.append(Use(node.lineno, alias.name))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{'.' * node.level}{node.module or ''}.{alias.name}"
                aliases[alias.asname or alias.name] = name
                found.append(Use(node.lineno, name))
    found.extend(_attributes(tree, aliases))
    return sorted(set(found))


def _attributes(tree: ast.AST, aliases: dict[str, str]) -> Iterator[Use]:
    for node in ast.walk(tree):
        parts: list[str] = []
        here: ast.AST = node
        while isinstance(here, ast.Attribute):
            parts.append(here.attr)
            here = here.value
        if parts and isinstance(here, ast.Name) and here.id in aliases:
            yield Use(node.lineno, ".".join([aliases[here.id], *reversed(parts)]))


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    """Say whether a dotted name is one of the prefixes or lies below one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)
