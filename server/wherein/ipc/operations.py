"""The operations that cross a local socket: one row each, with types, deadline, and retry rule.

Imported by both ends: the driver's proxy and the vectorization client on one side, the database
worker and the vectorization worker on the other.
"""

from __future__ import annotations

from typing import Final

import msgspec

from wherein import domain as d
from wherein.asking import AskOwner, OwnerSays


class Operation(msgspec.Struct, frozen=True):
    """One request: `deadline_s` bounds the asker's wait; `retry` says it is safe to send twice."""

    name: str
    params: type
    result: type
    deadline_s: float
    retry: bool = True


_DATABASE = (
    Operation("stats", d.Empty, d.IndexStats, 5.0),
    Operation("list_files", d.Empty, d.FileList, 30.0),
    Operation("find_file", d.FileQuery, d.FileState, 5.0),
    Operation("replace_file", d.FileUpdate, d.Written, 60.0),
    Operation("remove_files", d.RemoveFiles, d.Written, 60.0),
    Operation("touch_files", d.TouchFiles, d.Written, 60.0),
    Operation("search", d.SearchQuery, d.SearchResponse, 10.0),
    Operation("similar", d.SimilarQuery, d.SearchResponse, 10.0),
    Operation("find_symbols", d.SymbolQuery, d.SymbolList, 5.0),
    # Not sent again: on a new connection the driver sends what is wanted by then.
    Operation("put_overlay", d.Overlay, d.Empty, 5.0, retry=False),
    Operation("next_batch", d.BatchRequest, d.EmbedBatch, 40.0),
    Operation("put_vectors", d.VectorBatch, d.Written, 60.0),
    Operation("begin_rebuild", d.Empty, d.Generation, 60.0),
    Operation("finish_rebuild", d.Generation, d.Empty, 60.0),
    Operation("purge", d.Empty, d.Purged, 600.0),
    Operation("verify", d.Empty, d.Verdict, 300.0),
    Operation("ask_owner", AskOwner, OwnerSays, 130.0),
    Operation("wait_vectors", d.WaitFor, d.IndexStats, 40.0),
)

_VECTORIZATION = (
    Operation("embed_query", d.QueryText, d.QueryVector, 0.5),
    Operation("embed_now", d.EmbedNow, d.VectorBatch, 10.0),
)

DATABASE_OPERATIONS: Final = {op.name: op for op in _DATABASE}
VECTORIZATION_OPERATIONS: Final = {op.name: op for op in _VECTORIZATION}
