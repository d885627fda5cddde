"""The state of a folder in one word and one sentence: a pure function over known facts.

`root_missing > failed > rebuilding > read_only > paused > lexical_only > indexing > on_battery >
watch_polling > ok`: the first that holds is the state, all that hold are its reasons. Used in the
hosting process.
"""

from __future__ import annotations

import enum

import msgspec

from wherein.domain import IndexStats


class FolderState(str, enum.Enum):
    """All states, the worst first."""

    ROOT_MISSING = "root_missing"
    BUSY = "busy"  # a process that we cannot talk to owns the index
    FAILED = "failed"
    REBUILDING = "rebuilding"
    READ_ONLY = "read_only"
    PAUSED = "paused"
    LEXICAL_ONLY = "lexical_only"
    INDEXING = "indexing"
    ON_BATTERY = "on_battery"  # what a slow model has still to read waits for the plug
    WATCH_POLLING = "watch_polling"
    OK = "ok"


class Facts(msgspec.Struct, kw_only=True):
    """What is known about one folder: pushed by workers, or counted by the database."""

    troubles: dict[str, str] = msgspec.field(default_factory=dict)  # state name -> reason
    phase: str = "starting"  # of the watcher: starting, scanning, indexing, idle
    done: int = 0
    total: int = 0
    reconciled: bool = False
    model: str = ""  # the fingerprint of the model that is loaded, "" while none is
    stats: IndexStats | None = None
    stats_at: float = 0.0  # time.time() of the counters
    owner_pid: int | None = None  # of the other process, when this one has joined its index
    failed_workers: dict[str, str] = msgspec.field(default_factory=dict)
    left_out: list[str] = msgspec.field(default_factory=list)  # what killed a worker twice
    seconds_left: float | None = None

    def no_vectors(self) -> str:
        """Say why no vectors will come for now, "" where they will."""
        waits = (FolderState.PAUSED, FolderState.LEXICAL_ONLY, FolderState.ON_BATTERY)
        return next(filter(None, (self.troubles.get(state.value) for state in waits)), "")

    def forget_model(self) -> None:
        """Note that the vectorization worker begins anew, and with it what it said."""
        self.model = ""
        for state in (FolderState.LEXICAL_ONLY, FolderState.ON_BATTERY):
            self.troubles.pop(state.value, None)


class FolderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: `percent` of the work that the state is about, None where there is none."""

    state: str
    sentence: str
    reasons: list[str]
    words_percent: int
    meaning_percent: int
    percent: int | None


def describe(facts: Facts) -> FolderStatus:
    """Work out the state and its sentence."""
    stats = facts.stats
    words = _words_percent(facts)
    meaning = _meaning_percent(facts, words)
    held: dict[FolderState, str] = {}
    for name, reason in facts.troubles.copy().items():  # others write there meanwhile
        held[FolderState(name)] = reason
    if facts.failed_workers:
        worker, why = next(iter(facts.failed_workers.items()))
        held[FolderState.FAILED] = f"The {worker.replace('_', ' ')} worker {why}"
    waits = FolderState.LEXICAL_ONLY in held or FolderState.ON_BATTERY in held
    if words < 100 or stats is None or (meaning < 100 and not waits):
        held[FolderState.INDEXING] = _working(facts, words, meaning)
    ordered = [state for state in FolderState if state in held]
    state = ordered[0] if ordered else FolderState.OK
    joined = []
    if facts.owner_pid is not None and FolderState.BUSY not in held:
        joined = [f"Process {facts.owner_pid or 'of another'} keeps this index; this one shares it"]
    percent = None
    if state is FolderState.INDEXING:
        percent = words if words < 100 else meaning
    elif state is FolderState.REBUILDING:
        # The old index still answers with all its words: what counts is how far the disk is read.
        percent = words if facts.phase == "indexing" else 0
    return FolderStatus(
        state=state.value,
        sentence=held[state] if ordered else _fine(stats),
        reasons=[held[s] for s in ordered] + joined,
        words_percent=words,
        meaning_percent=meaning,
        percent=percent,
    )


def _words_percent(facts: Facts) -> int:
    # A later look at the disk is no work until it finds some.
    if facts.reconciled and facts.phase in ("idle", "scanning"):
        return 100
    # Never "done" before it is.
    return min(99, _percent(facts.done, facts.total)) if facts.total else 0


def _meaning_percent(facts: Facts, words: int) -> int:
    """100 only when the model that is loaded has given every chunk its vector."""
    stats = facts.stats
    if stats is None or (facts.model and facts.model != stats.fingerprint):
        return 0  # these are another model's vectors
    if not stats.chunks:
        return 100 if words == 100 and facts.model else 0
    done = _percent(stats.vectors, stats.chunks)
    return 100 if facts.model and not stats.pending else min(99, done)


def _percent(part: int, whole: int) -> int:
    return 100 * part // whole if whole else 100


def _working(facts: Facts, words: int, meaning: int) -> str:
    if facts.stats is not None and facts.stats.chunks and not (facts.reconciled or facts.total):
        return "Looking for what changed. You can search now"  # the index of the last time is there
    left = facts.seconds_left
    rest = f", about {left:.0f} s left" if left is not None and left >= 1 else ""
    return f"Words {words} %, meaning {meaning} %{rest}. You can search now"


def _fine(stats: IndexStats | None) -> str:
    if stats is None:
        return "Up to date"
    return f"{stats.files:,} files, {stats.chunks:,} chunks, up to date"
