"""From the result of a command to what goes over the wire. Runs in the server process, in a thread.

Every field is there, whatever its value; folders and files are named by URIs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherein.commands import reindex, search, status, symbols, sync
from wherein.lsp import convert
from wherein.lsp.convert import Places


def on_the_wire(result: msgspec.Struct, places: Places) -> Any:  # noqa: ANN401 - JSON
    """Write a result as plain JSON values. Reads the files that answers lie in."""
    if isinstance(result, search.Result):
        return msgspec.to_builtins(convert.search_reply(result, places))
    if isinstance(result, symbols.Result):
        return {
            "symbols": [msgspec.to_builtins(convert.symbol_item(f, places)) for f in result.found],
            "notes": result.notes,
        }
    wire = msgspec.to_builtins(result)
    if isinstance(result, status.Result | sync.Result):
        for row in wire["folders"]:
            row["folder"] = places.folder_uri(row["folder"])
    elif isinstance(result, reindex.Result):
        wire["folders"] = [places.folder_uri(root) for root in wire["folders"]]
    return wire
