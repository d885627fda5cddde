"""The line that stands in front of a chunk when a model reads it, and the key of what it reads.

Used by the database worker (vectors are kept under these keys) and by tests; no tree-sitter here.
"""

from __future__ import annotations

import xxhash


def model_header(path: bytes, symbol: str) -> str:
    """Write the header of a chunk: its path, and the qualified name it is or lies in."""
    shown = path.decode("utf-8", "replace")
    return f"{shown} {symbol}" if symbol else shown


def input_key(header: str, text: str) -> bytes:
    """Hash exactly what the model reads, xxh3_128 of header, a newline, and text (16 bytes)."""
    whole = f"{header}\n{text}".encode("utf-8", "surrogatepass")
    return xxhash.xxh3_128_digest(whole)
