"""One state and one sentence from facts, in the order of the design."""

from __future__ import annotations

import threading

import msgspec
import pytest

from wherein.domain import IndexStats
from wherein.status import Facts, FolderState, describe

STATS = IndexStats(
    files=1204, chunks=9310, vectors=9310, pending=0, failed_vectors=0, skipped={}, commit=7,
    chunks_written=0, vectors_written=0, fingerprint="f", generation=1, index_bytes=1, text_bytes=1,
)  # fmt: skip


def facts(**changes: object) -> Facts:
    """Facts of a folder that is fine, changed here and there."""
    fine = Facts(phase="idle", reconciled=True, stats=STATS, model="f")
    for name, value in changes.items():
        setattr(fine, name, value)
    return fine


def test_fine() -> None:
    """Nothing wrong: counts, and no percentage."""
    status = describe(facts())
    assert (status.state, status.percent) == ("ok", None)
    assert status.sentence == "1,204 files, 9,310 chunks, up to date"


def test_never_done_before_it_is() -> None:
    """While the watcher works, words stay under 100 %."""
    status = describe(facts(phase="indexing", done=500, total=500))
    assert (status.state, status.percent) == ("indexing", 99)
    half = msgspec.structs.replace(STATS, vectors=4655, pending=4655)
    status = describe(facts(stats=half, seconds_left=6.2))
    assert (status.state, status.percent) == ("indexing", 50)
    assert status.sentence == "Words 100 %, meaning 50 %, about 6 s left. You can search now"


def test_a_rebuild_says_how_far_it_is_and_is_never_done_before_it_is() -> None:
    """The old index is complete, so its own numbers say nothing of the new one."""
    rebuilding = {"rebuilding": "The index was damaged and is being rebuilt"}
    for changes, percent in (
        ({"phase": "idle"}, 0),
        ({"phase": "scanning"}, 0),
        ({"phase": "indexing", "done": 1, "total": 8}, 12),
        ({"phase": "indexing", "done": 8, "total": 8}, 99),
    ):
        status = describe(facts(troubles=rebuilding, **changes))
        assert (status.state, status.percent) == ("rebuilding", percent)


def test_before_anything_is_known_it_is_indexing() -> None:
    """No counters yet is not "ok"."""
    assert describe(Facts()).state == "indexing"


def test_without_its_model_loaded_a_complete_index_is_not_ok_yet() -> None:
    """After a restart: all vectors are there, and no question can be compared with them."""
    status = describe(facts(model=""))
    assert (status.state, status.meaning_percent) == ("indexing", 99)


def test_vectors_of_another_model_count_for_nothing() -> None:
    """The model was changed and has not asked for work yet."""
    status = describe(facts(model="another"))
    assert (status.state, status.words_percent, status.meaning_percent) == ("indexing", 100, 0)


def test_nothing_is_100_percent_of_an_index_that_is_not_there_yet() -> None:
    """No chunk, because none was read yet."""
    none = msgspec.structs.replace(STATS, files=0, chunks=0, vectors=0)
    status = describe(facts(stats=none, phase="scanning", reconciled=False))
    assert (status.state, status.words_percent, status.meaning_percent) == ("indexing", 0, 0)
    assert describe(facts(stats=none)).state == "ok"  # an empty folder


def test_an_index_that_is_there_already_is_not_said_to_be_empty() -> None:
    status = describe(facts(phase="scanning", reconciled=False, total=0))
    assert (status.state, status.sentence) == (
        "indexing", "Looking for what changed. You can search now",
    )  # fmt: skip


def test_looking_again_is_not_indexing() -> None:
    """Every few minutes the disk is compared with the index; mostly there is nothing to do."""
    assert describe(facts(phase="scanning")).state == "ok"
    status = describe(facts(phase="indexing", done=1, total=4))
    assert (status.state, status.percent) == ("indexing", 25)


@pytest.mark.parametrize(
    "state",
    [s for s in FolderState if s not in (FolderState.OK, FolderState.INDEXING, FolderState.BUSY)],
)
def test_the_worst_state_wins_and_all_are_reasons(state: FolderState) -> None:
    """Each trouble is told in its own words, the first of the precedence is the state."""
    status = describe(facts(troubles={"watch_polling": "limit", state.value: "because"}))
    assert status.state == state.value
    assert status.sentence == "because"
    assert status.reasons[0] == "because"
    if state is not FolderState.WATCH_POLLING:
        assert status.reasons == ["because", "limit"]


def test_facts_that_change_meanwhile_are_described_all_the_same() -> None:
    """Workers' threads write the troubles while a client's question is answered."""
    live = facts()

    class Name(str):
        """The name of a state; when it is looked up, another thread just gets its turn."""

        def __hash__(self) -> int:
            writing = threading.Thread(target=live.troubles.setdefault, args=("read_only", "full"))
            writing.start()
            writing.join()
            return super().__hash__()

    live.troubles[Name("watch_polling")] = "limit"
    del live.troubles["read_only"]
    assert describe(live).state == "watch_polling"
    assert describe(live).state == "read_only"


def test_a_model_that_cannot_be_used_is_not_indexing_for_ever() -> None:
    """Words only: what has no vector will not get one, and that is not progress."""
    bare = msgspec.structs.replace(STATS, vectors=0, pending=9310)
    status = describe(facts(stats=bare, troubles={"lexical_only": "The model is damaged"}))
    assert status.state == "lexical_only"
    assert status.reasons == ["The model is damaged"]


def test_failed_workers_and_other_owners_are_named() -> None:
    """A worker that was given up, and a folder that somebody else has."""
    failed = describe(facts(failed_workers={"file_watcher": "stopped too often"}))
    assert failed.state == "failed"
    assert failed.sentence == "The file watcher worker stopped too often"
    joined = describe(facts(owner_pid=4711))
    assert joined.state == "ok"
    assert any("4711" in reason for reason in joined.reasons)
    busy = describe(facts(owner_pid=4711, troubles={"busy": "Process 4711 is of another version"}))
    assert busy.state == "busy"
    assert busy.reasons == ["Process 4711 is of another version"]
