"""`wherein similar PATH:LINE[-LINE]`: code like that of a place. Hosting process."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import attrs

from wherein.domain import SearchQuery, SimilarQuery
from wherein.errors import UsageError
from wherein.paths import check_folder, relative_to
from wherein.settings import Settings
from wherein.terminal.render import SNIPPET_LINES, hit_object, why_nothing, write_hits
from wherein.terminal.search import BUDGET_MS, MODEL_S, has_fast_model
from wherein.terminal.session import Session
from wherein.terminal.streams import say, write_json

_PLACE: Final = re.compile(r"(?P<path>.+?)(?::(?P<start>[0-9]{1,9})(?:-(?P<end>[0-9]{1,9}))?)?\Z")


@attrs.frozen(kw_only=True)
class SimilarOptions:
    """What was asked for: `place` is PATH, PATH:LINE or PATH:LINE-LINE."""

    folder: str
    place: str
    limit: int
    paths: tuple[str, ...]
    languages: tuple[str, ...]
    kinds: tuple[str, ...]
    json: bool


def similar(options: SimilarOptions, settings: Settings) -> int:
    """Print what is like a place; returns the exit code."""
    root = check_folder(options.folder)
    path, start, end, around = _place(root, options.place)
    query = SimilarQuery(
        search=SearchQuery(
            text="",
            limit=options.limit,
            paths=options.paths,
            languages=options.languages,
            kinds=options.kinds,
            budget_ms=BUDGET_MS,
            snippet_lines=0 if options.json else SNIPPET_LINES,
        ),
        path=path,
        start_line=start,
        end_line=end,
        around=around,
    )
    with Session(root, settings) as session:
        session.wait_words()
        if not has_fast_model():
            session.wait_model(MODEL_S)
        elif trouble := session.wait_vectors():
            say(trouble)
        response = session.wait(session.database.similar(query).future)
        session.show_done()
        if not response.hits:
            say(why_nothing(response))
            return 1
        if options.json:
            for hit in response.hits:
                write_json(hit_object(hit))
        else:
            write_hits(response.hits)
        for note in response.notes:
            say(note)
        return 0


def _place(root: str, place: str) -> tuple[bytes, int, int, bool]:
    """Read a place: its path as the index has it, first and last line, and if one line was named.

    A path is looked for below the folder first, then from where the person is.
    """
    match = _PLACE.match(place)
    if match is None or "\0" in place:
        raise UsageError("Name a place: wherein similar PATH:LINE or PATH:LINE-LINE")
    start, end = int(match["start"] or 0), int(match["end"] or match["start"] or 0)
    if match["start"] and not 1 <= start <= end:
        raise UsageError(f"{place}: lines are counted from 1, and the first one comes first")
    named = match["path"]
    below = os.fsencode(os.path.realpath(Path(root, named)))
    here = os.fsencode(os.path.realpath(named))
    inside = [p for p in (below, here) if Path(os.fsdecode(p)).is_file() and relative_to(root, p)]
    if not inside:
        raise UsageError(f"{named} is not a file in {root}")
    path = relative_to(root, inside[0]) or b""
    return path, start, end, bool(match["start"]) and not match["end"]
