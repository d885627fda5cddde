"""`wherein status`: what the index of a folder holds, and what is wrong, without changing it.

Starts a database worker and nothing else, so nothing is scanned or embedded. Where another process
owns the index, its counters are asked for over its own socket.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from wherein.database.db_worker_manager import DBWorkerManager
from wherein.domain import IndexStats, Verdict
from wherein.embedding.fingerprint import hash_files
from wherein.embedding.models import ModelSpec, read_choice, resolve
from wherein.errors import IndexBusy, ModelError, WhereinError, WorkerUnavailable
from wherein.folder import Folder
from wherein.logs import shown
from wherein.ownership.lock import read_owner
from wherein.paths import IndexPaths, check_folder, config_home, index_paths
from wherein.settings import Settings
from wherein.status import Facts, describe
from wherein.terminal import signals
from wherein.terminal.streams import Json, counted, human_bytes, write, write_json
from wherein.workers.database_starter import DatabaseStarter
from wherein.workers.manager import WorkerManager
from wherein.workers.unread import Unread

NO_INDEX = "no_index"
STATS_S = 5.0


@attrs.frozen
class Report:
    """What is known about one index. `owner` is the pid of another process that owns it."""

    root: str
    directory: str
    state: str
    sentence: str
    reasons: list[str]
    stats: IndexStats | None
    owner: int | None
    verdict: Verdict | None = None  # of the full check, when it was asked for


def show_status(folder: str, settings: Settings, *, json: bool) -> int:
    """Print the state of a folder's index."""
    report = look(check_folder(folder), settings)
    if json:
        write_json(_object(report), flush=True)
        return 0
    write(shown(os.fsencode(report.root)))
    write(report.sentence)
    for reason in report.reasons:
        if reason != report.sentence:
            write(reason)
    stats = report.stats
    if stats is not None:
        write(
            f"{counted(stats.files, 'file')}, {counted(stats.chunks, 'chunk')}, "
            f"{counted(stats.vectors, 'vector')}, {human_bytes(stats.index_bytes)} "
            f"in {report.directory}"
        )
        if stats.skipped:
            each = (f"{n:,} {reason.replace('_', ' ')}" for reason, n in stats.skipped.items())
            write(f"skipped: {', '.join(each)}")
    return 0


def look(root: str, settings: Settings, *, check: bool = False) -> Report:
    """Find out about the index of a canonical folder; `check` reads all of it, for the doctor.

    Raises WhereinError if it is not readable.
    """
    paths = index_paths(root)
    if not (Path(paths.directory) / "CURRENT").is_file():
        return Report(
            root=paths.root,
            directory=paths.directory,
            state=NO_INDEX,
            sentence="This folder has no index yet. A search makes one, and so does wherein index",
            reasons=[],
            stats=None,
            owner=None,
        )
    unread = Unread(paths).left
    facts = Facts(phase="idle", reconciled=not unread)
    verdict: Verdict | None = None
    with _reading(paths, settings) as (folder, owner):
        if owner is None:
            facts.stats = folder.database.stats(STATS_S).result()
            facts.model = facts.stats.fingerprint
        else:
            facts = _joined(folder)
        if check and facts.stats is not None:
            verdict = folder.database.verify().result()
    problem = model_problem()[1]
    if problem:
        works = "" if "Words still work" in problem else ". Words still work"
        facts.troubles["lexical_only"] = problem.rstrip(".") + works
    described = describe(facts)
    sentence = described.sentence
    stats = facts.stats
    if owner is None and not problem and stats is not None:
        sentence = (
            f"Meaning is there for {described.meaning_percent} %. A search completes it"
            if described.meaning_percent < 100
            else "Complete as of the last search. A search looks for changes first"
        )
        if unread:
            sentence = "Not all files were read the last time. A search completes the index"
        if stats.rebuilding:
            sentence = stats.recovered or "The index is not complete. A search completes it"
    return Report(
        root=paths.root,
        directory=paths.directory,
        state=described.state,
        sentence=sentence,
        reasons=described.reasons,
        stats=stats,
        owner=owner,
        verdict=verdict,
    )


def model_problem() -> tuple[ModelSpec | None, str]:
    """Check the chosen model as the worker would: return it, and what is wrong with it or ""."""
    try:
        spec = resolve(read_choice(config_home()))
    except ModelError as error:
        return None, str(error)
    try:
        found = hash_files(spec.folder, spec.files)
    except OSError as error:
        return spec, f"The model in {spec.folder} cannot be read: {error.strerror}"
    for name, wanted in spec.sha256.items():
        if found.get(name) != wanted:
            return spec, (
                f"The model could not be loaded: {spec.folder / name} is damaged (hash differs). "
                f"Words still work. {spec.remedy}"
            )
    return spec, ""


def _joined(folder: Folder) -> Facts:
    """Ask the process that owns an index; where it does not answer, say who that is."""
    folder.became_anothers()
    try:
        counting = folder.database.stats(STATS_S)
        folder.ask_facts(STATS_S).result()
        folder.count(counting.result(), time.time())
    except IndexBusy as problem:
        folder.refused(problem)
    except WhereinError:
        who = folder.facts.owner_pid or "another"
        folder.facts.troubles["busy"] = f"Process {who} owns the index and does not answer"
    return folder.facts


@contextmanager
def _reading(paths: IndexPaths, settings: Settings) -> Iterator[tuple[Folder, int | None]]:
    """Give the folder of an index, and the pid of the other process that owns it."""
    token = secrets.token_bytes(32)
    folder = Folder(paths, brief=True)
    lock, database = folder.lock, folder.database
    manager = WorkerManager.get_instance()
    try:
        if lock.acquire(token):
            starter = DatabaseStarter(manager, {paths.directory: paths}, token, settings)
            DBWorkerManager.configure(start=starter)
            with signals.held():
                database.stats()  # starts the worker on a thread that Ctrl-C does not reach
            yield folder, None
            return
        owner = read_owner(paths)
        DBWorkerManager.configure(start=_attach(owner.database if owner else ""))
        yield folder, owner.pid if owner else 0
    finally:
        signals.ignore()
        manager.stop_all_workers()
        database.close()
        lock.release()


def _attach(endpoint: str) -> Callable[[str], str]:
    """Make the way to an owner's database worker: its endpoint, nothing is started."""

    def find(_db_path: str) -> str:
        if not endpoint:
            raise WorkerUnavailable("The owner has not said where its database worker is")
        return endpoint

    return find


def _object(report: Report) -> Json:
    stats = report.stats
    known: Json = (
        {}
        if stats is None
        else {
            "files": stats.files,
            "chunks": stats.chunks,
            "vectors": stats.vectors,
            "pending": stats.pending,
            "skipped": stats.skipped,
            "model": stats.fingerprint,
            "index_bytes": stats.index_bytes,
        }
    )
    return {
        "root": os.fspath(report.root),
        "state": report.state,
        "sentence": report.sentence,
        "reasons": report.reasons,
        "owner": report.owner,
        "index": report.directory,
        **known,
    }
