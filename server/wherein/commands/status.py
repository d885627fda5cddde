"""The command `wherein/status`: the state of each folder, within 80 ms. Runs in the server.

The database has 60 ms for its counters; after that the last known ones are given with their time.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from wherein.commands.context import CommandContext, CommandFolder, chosen
from wherein.status import describe

_STATS_S: Final = 0.06  # leaves 20 ms of the 80 for everything else


class Params(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The folder's URI; all folders without one."""

    folder: str | None = None


class FolderRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One folder. `as_of` is the unix time of the counters, None while there are none.

    `left_out` names what killed a worker twice and is not touched until it changes.
    `owner_pid` is the process that owns the index when this one has joined it, 0 when not known.
    """

    folder: str
    state: str
    sentence: str
    reasons: list[str]
    files: int
    chunks: int
    vectors: int
    pending: int
    skipped: dict[str, int]
    left_out: list[str]
    percent: int | None
    words_percent: int
    meaning_percent: int
    owner_pid: int | None
    as_of: float | None


class Result(msgspec.Struct, frozen=True):
    """A row for each folder."""

    folders: list[FolderRow]


async def run(context: CommandContext, params: Params) -> Result:
    """Describe the folders, all at once."""
    folders = chosen(context, params.folder)
    return Result(list(await asyncio.gather(*(_row(folder) for folder in folders))))


async def _row(folder: CommandFolder) -> FolderRow:
    facts = await folder.look(_STATS_S)
    status = describe(facts)
    known = facts.stats
    return FolderRow(
        folder=folder.root,
        state=status.state,
        sentence=status.sentence,
        reasons=status.reasons,
        files=known.files if known else 0,
        chunks=known.chunks if known else 0,
        vectors=known.vectors if known else 0,
        pending=known.pending if known else 0,
        skipped=known.skipped if known else {},
        left_out=facts.left_out,
        percent=status.percent,
        words_percent=status.words_percent,
        meaning_percent=status.meaning_percent,
        owner_pid=facts.owner_pid,
        as_of=facts.stats_at if known else None,
    )
