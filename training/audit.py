"""Writes the table of all packages with their licences, and why each was taken or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from training.extract import Report

_HEAD = """\
# Licences of the packages that the model was trained on

Made by `make model`; do not edit. {kept:,} packages of {all:,} were taken, {pairs:,} pairs before
cleaning. Declared: what the package's metadata says. Found: what its licence files show. Files that
a package puts under another licence than its own, and files with such a notice at their head, are
not read at all.

| package | version | registry | declared | found in its files | verdict | pairs |
|---|---|---|---|---|---|--:|
"""
_LONGEST = 80


def table(reports: list[Report]) -> str:
    """Return the table as Markdown, taken packages first."""
    rows = []
    for one in sorted(reports, key=lambda one: (not one.verdict.kept, one.registry, one.name)):
        told = "taken" if one.verdict.kept else f"dropped: {one.verdict.reason}"
        cells = (one.name, one.version, one.registry, one.verdict.declared, one.verdict.found, told)
        clean = [" ".join(cell.replace("|", "/").split())[:_LONGEST] for cell in cells]
        rows.append(f"| {' | '.join(clean)} | {sum(one.counts.values()):,} |")
    kept = [one for one in reports if one.verdict.kept]
    pairs = sum(sum(one.counts.values()) for one in kept)
    return _HEAD.format(kept=len(kept), all=len(reports), pairs=pairs) + "\n".join(rows) + "\n"


def write(path: Path, reports: list[Report]) -> None:
    """Write the table to a file."""
    path.write_text(table(reports), encoding="utf-8")
