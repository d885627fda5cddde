"""A pair: something a person could ask, and the code or text that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from wherein.embedding.pooling import split_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# As much of an answer as a chunk of the index holds.
MAX_CODE = 1500
MAX_REST = 600


class Pair(msgspec.Struct, array_like=True):
    """`query` is answered by `code`, which the index would show under `file` and `name`.

    `rest` is the part of the documentation that is not the query. `kind` says where it is from:
    doc, detail, comment, name, file, error, test, readme, prose, or written and sought (see
    `written`).
    """

    kind: str
    language: str
    package: str
    file: str
    name: str
    query: str
    code: str
    rest: str = ""

    @property
    def header(self) -> str:
        """The line that stands above the code when a model reads it."""
        return f"{self.file} {self.name}" if self.name else self.file

    @property
    def place(self) -> str:
        """The part of the header that says where the code lies."""
        return split_header(self.header)[0]

    @property
    def own_name(self) -> str:
        """The last name of the header."""
        return split_header(self.header)[1]


def write(path: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs to a file, one a line."""
    encoder = msgspec.json.Encoder()
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        for pair in pairs:
            file.write(encoder.encode(pair) + b"\n")
    fresh.replace(path)


def read(path: Path) -> Iterator[Pair]:
    """Yield the pairs of a file."""
    decoder = msgspec.json.Decoder(Pair)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
