"""F45: the system's limits of watching are reached, at the start or later; real processes.

That polling finds what no event told is in `test_F44_following.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import sources
from faults.oracle import assert_true, settle
from faults.test_F44_following import LONG, finds, row
from support.namespaces import needs_limits
from support.rpc import SERVE, Client, serving
from support.waiting import until


@pytest.fixture
def root(wherein_home: Path, tmp_path: Path) -> Path:
    """A folder of five directories and itself, and a home for its index."""
    return sources.make_tree(tmp_path / "root", 60)


def limited(**limits: int) -> tuple[str, ...]:
    """The command of a server whose system gives no more than this."""
    lines = [f"echo {most} > /proc/sys/user/max_inotify_{what}" for what, most in limits.items()]
    return ("unshare", "-Ur", "sh", "-c", "; ".join([*lines, 'exec "$@"']), "sh", *SERVE)


def told(client: Client) -> str:
    """What the status says of the limit, "" for nothing."""
    return next((reason for reason in row(client)["reasons"] if "watch limit" in reason), "")


@needs_limits
def test_F45_without_an_instance_it_is_told_and_the_index_is_right(root: Path) -> None:
    """Other programs have all instances: not one directory can be watched."""
    with serving(limited(instances=0)) as client:
        client.initialize(root)
        assert "max_user_instances" in until(lambda: told(client), what="told")
        settle(client, LONG)
        assert row(client)["state"] == "watch_polling"
    assert_true(root)


@needs_limits
def test_F45_a_limit_that_is_reached_later_is_told_and_nothing_is_missed(root: Path) -> None:
    """The watches were enough for the folder as it was; then it grew."""
    with serving(limited(watches=12)) as client:
        client.initialize(root)
        settle(client, LONG)
        assert told(client) == ""
        for number in range(20):
            place = root / f"grown{number}" / "inner.py"
            place.parent.mkdir()
            place.write_text(f"def axolotl_{number}(): pass\n", encoding="ascii")
        assert "max_user_watches" in until(lambda: told(client), what="told")
        until(finds(client, "axolotl_19", "grown19/inner.py"), LONG, "found with no sync")
        settle(client, LONG)
    assert_true(root)
