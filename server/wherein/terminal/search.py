"""`wherein search` and `wherein index`: bring an index up to date, then answer. Hosting process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, Literal

import attrs

from wherein.domain import Mode, Quality, SearchQuery
from wherein.embedding.models import read_choice, resolve
from wherein.errors import IndexBusy, ModelError, WhereinError
from wherein.ownership.indexes import bytes_on_disk
from wherein.paths import check_folder, config_home, index_paths
from wherein.settings import Settings
from wherein.terminal import batch
from wherein.terminal.render import (
    SNIPPET_LINES,
    hit_object,
    why_nothing,
    write_hits,
)
from wherein.terminal.session import Session
from wherein.terminal.streams import counted, human_bytes, say, write, write_json

Wait = Literal["none", "lexical", "full"]

# The whole process takes a second to start: a query's vector may take a moment too, here.
BUDGET_MS: Final = 1000
EMBED_MS: Final = 400  # for vectors that candidates lack
QUALITY_MS: Final = 10_000  # who asks for it in a terminal waits for the second model to be loaded
MODEL_S: Final = 10.0  # for a slow model to be loaded, so that the vectors that are there count


@attrs.frozen(kw_only=True)
class SearchOptions:
    """What was asked for. Exactly one of `query` and `batch` (a file, or `-`) is set."""

    folder: str
    query: str | None
    batch: str | None
    limit: int
    paths: tuple[str, ...]
    languages: tuple[str, ...]
    kinds: tuple[str, ...]
    mode: Mode
    wait: Wait | None  # None: full, or lexical with a model that may be slow
    json: bool
    quality: bool = False

    def question(self, text: str, *, snippets: bool = False) -> SearchQuery:
        """Make the query of a text with these filters."""
        return SearchQuery(
            text=text,
            limit=self.limit,
            paths=self.paths,
            languages=self.languages,
            kinds=self.kinds,
            mode=self.mode,
            budget_ms=BUDGET_MS,
            embed_ms=QUALITY_MS if self.quality else EMBED_MS,
            quality=Quality.ON if self.quality else Quality.OFF,
            snippet_lines=SNIPPET_LINES if snippets else 0,
        )


def index(
    folder: str, settings: Settings, started: float, *, json: bool, purge: bool = False
) -> int:
    """Bring a folder's index up to date, vectors included, and print its counters.

    `started` is the time.monotonic() at which the process began. `purge` then leaves nothing on
    disk of what was deleted.
    """
    root = check_folder(folder)
    with Session(root, settings) as session:
        session.wait_words()
        lexical_seconds = time.monotonic() - started
        trouble = session.wait_vectors()
        if purge:
            session.wait(session.database.purge().future)
        stats = session.count()
        session.show_done()
        total_seconds = time.monotonic() - started
    if trouble:
        say(trouble)
    # Now that it is closed: while it is open, a log is beside it that is not part of it.
    size = bytes_on_disk(Path(index_paths(root).directory))
    if json:
        write_json(
            {
                "files": stats.files,
                "chunks": stats.chunks,
                "vectors": stats.vectors,
                "skipped": stats.skipped,
                "lexical_seconds": round(lexical_seconds, 3),
                "total_seconds": round(total_seconds, 3),
                "index_bytes": size,
            },
            flush=True,
        )
        return 0
    write(
        f"{counted(stats.files, 'file')}, {counted(stats.chunks, 'chunk')}, "
        f"{counted(stats.vectors, 'vector')}, {human_bytes(size)}: "
        f"words in {lexical_seconds:.1f} s, all in {total_seconds:.1f} s"
    )
    if stats.skipped:
        reasons = ", ".join(
            f"{number:,} {reason.replace('_', ' ')}"
            for reason, number in sorted(stats.skipped.items(), key=lambda item: -item[1])
        )
        write(f"skipped: {reasons}")
    if purge:
        write("Nothing of what was deleted is left in the index")
    return 0


def search(options: SearchOptions, settings: Settings) -> int:
    """Answer one question or a batch; returns the exit code."""
    root = check_folder(options.folder)
    if options.batch not in (None, "-") and not Path(options.batch).is_file():
        say(f"{options.batch} is not a file. Name a file of questions, or - for standard input")
        return 2
    with Session(root, settings) as session:
        _get_ready(session, options)
        if options.batch is not None:
            session.show_done()
            batch.answer_all(session, options)
            return 0
        pending = session.database.search(
            options.question(options.query or "", snippets=not options.json)
        )
        response = session.wait(pending.future)
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


def _get_ready(session: Session, options: SearchOptions) -> None:
    """Wait for as much of the index as the answer is to be made of."""
    wait = _wait(options)
    if wait != "none" and not _words_are_there(session):
        return
    if wait == "full":
        trouble = session.wait_vectors()
        if trouble:
            say(trouble)
    elif options.wait is None and options.mode is not Mode.LEXICAL:
        session.wait_model(MODEL_S)


def _words_are_there(session: Session) -> bool:
    """Wait for words; False, having said why, where what is there must do."""
    try:
        session.wait_words()
    except IndexBusy:
        raise
    except WhereinError as error:
        if not session.count().files:
            raise
        say(str(error))
        return False
    return True


def _wait(options: SearchOptions) -> Wait:
    if options.wait != "full" and options.wait is not None:
        return options.wait
    if options.mode is Mode.LEXICAL:
        return "lexical"  # vectors take no part in the answer
    if options.wait is None and not has_fast_model():
        return "lexical"
    return "full"


def has_fast_model() -> bool:
    """Say whether the model in use embeds a project in seconds: static ones do."""
    try:
        return resolve(read_choice(config_home())).kind == "static"
    except ModelError:
        return False  # the vectorization worker says what is wrong with it
