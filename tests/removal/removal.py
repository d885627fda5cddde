"""What a safeguard's row says."""

from __future__ import annotations

from typing import NamedTuple


class Removal(NamedTuple):
    """One safeguard: what it is, the file below `server/wherein`, the edit, and its test."""

    name: str
    file: str
    old: str
    new: str
    test: str
