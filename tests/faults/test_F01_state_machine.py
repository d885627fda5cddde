"""Any order of edits, kills, restarts and failures ends in an index that equals a fresh rebuild.

The watcher's own code and the real engine in this process; a kill drops both without a word, in the
middle of a reconcile as well.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from faults.local import LocalIndex
from faults.oracle import assert_equal, embed_foreseeably
from wherein.errors import StorageError

NAMES = st.sampled_from(["a.py", "b.py", "pkg/a.py", "pkg/c.go", "pkg/deep/d.md", "e.txt"])
TEXTS = st.sampled_from([
    "", "def alpha(): pass\n", "def alpha():\n    return 1\n\n\ndef beta():\n    return alpha()\n",
    "class Gamma:\n    def delta(self): pass\n", "# Title\n\nwords and more words\n", "\0binary",
    "x = 1\n" * 300, "func epsilon() {}\n",
])  # fmt: skip


class Killed(Exception):
    """The process would be gone here."""


class Machine(RuleBasedStateMachine):
    """One folder, one index, and what may happen to them."""

    @initialize()
    def begin(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="machine-"))
        self.root = self.place / "root"
        self.root.mkdir()
        self.index: LocalIndex | None = None

    def teardown(self) -> None:
        if hasattr(self, "place"):
            if self.index is not None:
                self.index.close()
            shutil.rmtree(self.place, ignore_errors=True)

    def served(self) -> LocalIndex:
        """The index, opened when it is not."""
        if self.index is None:
            self.index = LocalIndex(self.place / "index", self.root)
        return self.index

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: str) -> None:
        path = self.root / name
        if path.parent.is_file():
            path.parent.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        path.write_text(text, encoding="utf-8")

    @rule(name=NAMES)
    def append(self, name: str) -> None:
        if (self.root / name).is_file():
            with (self.root / name).open("a", encoding="utf-8") as file:
                file.write("def zeta(): pass\n")

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    @rule(name=NAMES, other=NAMES)
    def rename(self, name: str, other: str) -> None:
        if (self.root / name).is_file():
            (self.root / other).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).replace(self.root / other)

    @rule()
    def delete_directory(self) -> None:
        shutil.rmtree(self.root / "pkg", ignore_errors=True)

    @rule(lines=st.sampled_from(["", "pkg/\n", "*.py\n!b.py\n", "e.txt\n"]))
    def ignore(self, lines: str) -> None:
        (self.root / ".gitignore").write_text(lines, encoding="ascii")

    @rule()
    def folder_goes_and_returns(self) -> None:
        away = self.root.with_name("away")
        self.root.rename(away)
        self.served().reconcile()
        away.rename(self.root)

    @rule(name=NAMES)
    def hint(self, name: str) -> None:
        with contextlib.suppress(StorageError):  # the watcher would try again
            self.served().indexer.update([name.encode()])

    @rule()
    def reconcile(self) -> None:
        self.served().reconcile()

    @rule()
    def embed(self) -> None:
        embed_foreseeably(self.served().index.writer)

    @rule()
    def tidy(self) -> None:
        self.served().index.maintain()

    @rule()
    def optimize(self) -> None:
        self.served().index.optimize_words()

    @rule()
    def reindex(self) -> None:
        self.served().reconcile(rebuild=True)

    @rule()
    def begin_a_rebuild_only(self) -> None:
        self.served().index.begin_rebuild()

    @rule()
    def close(self) -> None:
        if self.index is not None:
            self.index.close()
            self.index = None

    @rule(after=st.integers(0, 6))
    def kill(self, after: int) -> None:
        """Drop watcher and database after so many writes of a reconcile."""
        served = self.served()
        left = [after]
        real = served.index.write

        def write(operation: str, params: object) -> object:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return real(operation, params)

        served.index.write = write  # type: ignore[method-assign]
        with contextlib.suppress(Killed, StorageError):  # the watcher would try again
            served.indexer.reconcile()
        for engine in {served.index.live, served.index.writer}:
            engine._conn.close()
            engine._work._conn.close()
        self.index = None

    @rule()
    def mark_damaged(self) -> None:
        """A page is not what was written, and a question finds out."""
        served = self.served()
        if len(served.index._rebuilds) < 2:
            from wherein.errors import IndexDamaged

            served.index.trouble(served.index.live, IndexDamaged("a page"))

    @rule()
    def remove_the_index(self) -> None:
        """Somebody clears the cache while it is in use, or while it is not."""
        shutil.rmtree(self.place / "index", ignore_errors=True)

    @rule()
    def compare(self) -> None:
        served = self.served()
        with contextlib.suppress(StorageError):
            served.reconcile()
        served.settle(embed_foreseeably)
        assert served.state("rebuilding") == ""
        assert_equal(self.place / "index", self.root, embed_foreseeably)

    @invariant()
    def counts_agree(self) -> None:
        if getattr(self, "index", None) is not None and self.index is not None:
            stats = self.index.index.writer.stats()
            assert stats.vectors + stats.pending >= 0
            assert stats.files >= 0


class Compared(Machine):
    """Every run ends with the comparison."""

    def teardown(self) -> None:
        try:
            if hasattr(self, "place"):
                self.compare()
        finally:
            super().teardown()


def _examples(count: int) -> settings:
    return settings(
        max_examples=count, stateful_step_count=20, deadline=None, derandomize=count < 100,
        suppress_health_check=list(HealthCheck), print_blob=True,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink would take minutes
    )  # fmt: skip


TestF01StateMachine = Compared.TestCase
TestF01StateMachine.settings = _examples(10)
TestF01StateMachine.pytestmark = [pytest.mark.timeout(400)]


class _Long(Compared):
    """The same, many more times, with other dice each night."""


TestF01StateMachineLong = _Long.TestCase
TestF01StateMachineLong.settings = _examples(400)
TestF01StateMachineLong.pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]
