"""Answers as lines: JSON objects for programs, ranked places with their code for people."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence

from wherein.domain import SearchHit, SearchResponse
from wherein.logs import shown
from wherein.terminal.streams import Json, Style, is_terminal, printable, write

SNIPPET_LINES = 4
_INDENT = " " * 7
_PIPED_WIDTH = 160
_MAX_PLACE, _MAX_SYMBOL = 60, 40  # columns wider than this are not padded


def hit_object(hit: SearchHit) -> Json:
    """Describe one answer the way scripts rely on."""
    return {
        "path": os.fsdecode(hit.path),
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "symbol": hit.symbol,
        "kind": hit.kind.value,
        "language": hit.language,
        "score": round(hit.score, 4),
        "via": list(hit.via),
    }


def write_hits(hits: Sequence[SearchHit]) -> None:
    """Write ranked answers for people to stdout: place, symbol, kind, score, why, and the code."""
    style = Style(sys.stdout)
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else _PIPED_WIDTH
    places = [f"{shown(hit.path)}:{hit.start_line}-{hit.end_line}" for hit in hits]
    symbols = [printable(hit.symbol) or "-" for hit in hits]
    place_width = min(_MAX_PLACE, max(map(len, places), default=0))
    symbol_width = min(_MAX_SYMBOL, max(map(len, symbols), default=0))
    kind_width = max((len(hit.kind.value) for hit in hits), default=0)
    rank_width = len(str(len(hits)))
    for rank, (hit, place, symbol) in enumerate(zip(hits, places, symbols, strict=True), 1):
        path, _, lines = place.rpartition(":")
        columns = (
            style.bold(f"{rank:>{rank_width}}"),
            style.place(path) + f":{lines}" + " " * (place_width - len(place)),
            style.bold(symbol) + " " * (symbol_width - len(symbol)),
            f"{hit.kind.value:<{kind_width}}",
            f"{hit.score:.2f}",
            style.dim(" ".join(hit.via)),
        )
        write("  ".join(columns).rstrip())
        for line in snippet_lines(hit.snippet, max(40, width) - len(_INDENT)):
            write(_INDENT + line if line else "")


def snippet_lines(snippet: str, width: int) -> list[str]:
    """Cut the code of an answer to a few lines of this width, its indentation moved left."""
    lines = textwrap.dedent(snippet.expandtabs(4)).splitlines()[:SNIPPET_LINES]
    while lines and not lines[-1].strip():
        lines.pop()
    cut = []
    for line in lines:
        clean = printable(line.rstrip())
        cut.append(clean if len(clean) <= width else clean[: width - 1] + "…")
    return cut


def why_nothing(response: SearchResponse) -> str:
    """Say in one sentence why there is no answer; never an empty list without a reason."""
    if response.notes:
        return " ".join(response.notes)
    if not response.coverage.files:
        return "Nothing is indexed in this folder: it holds no file that wherein reads"
    return f"Nothing found in {response.coverage.files:,} files. Ask with other words"
