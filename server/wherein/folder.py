"""One workspace folder as its hosting process sees it: owned, joined, or not usable."""

from __future__ import annotations

import msgspec

from wherein.asking import AskOwner, OwnerSays
from wherein.database.code_database import CodeDatabase
from wherein.database.drivers.base import DriverConfig
from wherein.domain import IndexStats
from wherein.errors import IndexBusy, StorageError
from wherein.ipc import control
from wherein.ipc.pending import Pending
from wherein.ownership.lock import OwnerLock, read_owner
from wherein.paths import IndexPaths
from wherein.status import Facts
from wherein.workers.handle import WorkerStatus

_facts = msgspec.msgpack.Decoder(Facts).decode
_workers = msgspec.msgpack.Decoder(list[WorkerStatus]).decode
_commit = msgspec.msgpack.Decoder(int).decode


class Folder:
    """One workspace folder. `owned` says whether this process runs its workers.

    Where another process owns the index this one has joined it: `database` leads to the owner's
    database worker, which passes on what the owner itself is asked.
    """

    def __init__(self, paths: IndexPaths, *, brief: bool = False) -> None:
        self.paths = paths
        self.lock = OwnerLock(paths, brief=brief)
        self.facts = Facts()
        self.unusable = ""  # why the index's directory cannot be used
        self._paused: bool | None = None  # what the owner was last known to do
        self.rests_until = 0.0  # time.monotonic() before which it is left to others
        self.database = CodeDatabase(DriverConfig("sqlite", paths.directory))

    @property
    def root(self) -> str:
        """The folder's canonical path."""
        return self.paths.root

    @property
    def owned(self) -> bool:
        """True when this process owns the index."""
        return self.lock.held

    def require(self) -> CodeDatabase:
        """Return the database, our own or the owner's. Raises StorageError when there is none."""
        if self.unusable and not self.owned:
            raise StorageError(self.unusable)
        return self.database

    def became_ours(self) -> None:
        """Forget what the last owner said."""
        self.unusable = ""
        self._paused = None
        self.facts = Facts()

    def became_anothers(self) -> None:
        """Note who owns the index now."""
        owner = read_owner(self.paths)
        self.unusable = ""
        self.facts.troubles.pop("read_only", None)
        self.facts.owner_pid = owner.pid if owner is not None else 0

    def ask_facts(self, deadline_s: float) -> Pending[Facts]:
        """Ask the owner for what it knows; the answer is kept as this folder's facts."""
        asked = self.database.ask_owner(AskOwner("facts"), deadline_s)
        return asked.then(self._heard)

    def ask_workers(self, deadline_s: float) -> Pending[list[WorkerStatus]]:
        """Ask the owner for its workers."""
        asked = self.database.ask_owner(AskOwner("workers"), deadline_s)
        return asked.then(lambda said: _workers(said.body))

    def ask_sync(
        self, paths: tuple[bytes, ...], deadline_s: float, *, rebuild: bool
    ) -> Pending[int]:
        """Ask the owner to bring the index up to the disk; the answer is the commit number."""
        asked = AskOwner("sync", paths, rebuild, wait_s=deadline_s)
        said = self.database.ask_owner(asked, deadline_s)
        return said.then(lambda said: _commit(said.body))

    def refused(self, problem: IndexBusy) -> None:
        """Note that the owner does not talk to this process."""
        self.facts.troubles["busy"] = str(problem)

    def mark_paused(self, *, paused: bool) -> None:
        """Note whether background work is held."""
        if paused:
            self.facts.troubles["paused"] = "Paused by you"
        else:
            self.facts.troubles.pop("paused", None)

    def ask_pause(self, *, paused: bool) -> None:
        """Ask the owner to hold background work, or to go on."""
        self._paused = paused
        self.mark_paused(paused=paused)  # until its own facts come
        self.database.ask_owner(AskOwner("pause" if paused else "resume"))

    def paused_elsewhere(self, default: bool) -> bool:
        """Say whether the owner before held background work; `default` where nothing is known."""
        return default if self._paused is None else self._paused

    def count(self, stats: IndexStats, now: float) -> None:
        """Keep newer counters from the database, with their time."""
        self.facts.stats, self.facts.stats_at = stats, now

    def note(self, message: control.Up) -> None:
        """Keep what a worker of ours said of this folder, or of all of them."""
        self.lock.catch_up()
        facts = self.facts
        if isinstance(message, control.ModelReady):
            facts.forget_model()
            facts.model = message.fingerprint
        elif isinstance(message, control.State) and message.root in ("", self.paths.id):
            if message.reason:
                facts.troubles[message.name] = message.reason
            else:
                facts.troubles.pop(message.name, None)
        elif isinstance(message, control.Progress) and message.root == self.paths.id:
            facts.phase, facts.reconciled = message.phase, message.reconciled
            facts.done, facts.total = message.done, message.total

    def _heard(self, said: OwnerSays) -> Facts:
        facts = _facts(said.body)
        if self.owned:  # elected meanwhile, by others' deaths: our own workers know better
            return self.facts
        owner = read_owner(self.paths)
        facts.owner_pid = owner.pid if owner is not None else 0
        if self.facts.stats_at > facts.stats_at:
            facts.stats, facts.stats_at = self.facts.stats, self.facts.stats_at
        self.facts = facts
        self._paused = "paused" in facts.troubles
        return facts
