"""S18: on battery, a model that takes long waits for the plug; real processes, a battery of ours.

The battery is a directory, mounted over the kernel's in a namespace of the server's own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.oracle import settle
from faults.test_F44_following import row
from model_folders import WORDS, write_transformer
from support.command_line import run
from support.namespaces import can_mount
from support.rpc import SERVE, Client, serving
from support.waiting import until
from wherein.workers.mains import CHECK_S

KERNELS = "/sys/class/power_supply"
LONG = 60.0  # seconds
PATIENCE = LONG + 3 * CHECK_S  # seconds


def can_have_a_battery() -> bool:
    """Say whether a directory can be mounted over the kernel's batteries."""
    line = f"mount --bind /tmp {KERNELS}"
    return can_mount() and not subprocess.run(
        ["unshare", "-Urm", "sh", "-c", line], capture_output=True, check=False
    ).returncode  # fmt: skip


pytestmark = pytest.mark.skipif(
    not can_have_a_battery(), reason="no namespace here in which a battery could be mounted"
)


@pytest.fixture
def supply(tmp_path: Path) -> Path:
    """A battery, half full, and a plug that is out."""
    battery, plug = tmp_path / "supply" / "BAT0", tmp_path / "supply" / "AC0"
    battery.mkdir(parents=True)
    plug.mkdir()
    now = {"energy_now": 50, "energy_full": 100, "power_now": 10, "capacity": 50}
    for name, number in now.items():
        (battery / name).write_text(f"{number}\n", "ascii")
    (battery / "status").write_text("Discharging\n", "ascii")
    (plug / "online").write_text("0\n", "ascii")
    return tmp_path / "supply"


@pytest.fixture
def slow_model(tmp_path: Path) -> str:
    """A transformer; small, but one all the same."""
    folder = tmp_path / "transformer"
    folder.mkdir()
    write_transformer(folder)
    return str(folder)


def unplugged(supply: Path) -> tuple[str, ...]:
    """The command of a server on this battery."""
    return ("unshare", "-Urm", "sh", "-c", f'mount --bind {supply} {KERNELS}; exec "$@"', "sh",
            *SERVE)  # fmt: skip


@pytest.fixture
def waiting(project: Path, supply: Path, slow_model: str) -> Iterator[Client]:
    """A server on battery with a slow model, which has said that it waits."""
    with serving(unplugged(supply)) as client:
        client.initialize(project, initializationOptions={"model": slow_model})
        until(lambda: row(client)["state"] == "on_battery", LONG, "that it waits")
        yield client


def test_S18_a_slow_model_waits_for_the_plug(waiting: Client, supply: Path) -> None:
    """Words are complete, it is told what waits and for what; plugged in, it goes on by itself."""
    told = row(waiting)
    assert told["wordsPercent"] == 100
    assert told["vectors"] == 0
    assert "pauseOnBattery" in told["sentence"]
    (supply / "AC0" / "online").write_text("1\n", "ascii")
    until(lambda: row(waiting)["state"] == "ok", PATIENCE, "vectors after all")
    assert row(waiting)["meaningPercent"] == 100


def test_S18_a_question_is_answered_by_meaning_all_the_same(waiting: Client) -> None:
    """What words find is embedded for the question, and only that."""
    found = waiting.ask("wherein/search", {"query": f"{WORDS[1]} {WORDS[2]} {WORDS[3]}"})
    assert any("meaning" in result["via"] for result in found["results"])
    until(lambda: 0 < row(waiting)["vectors"] < row(waiting)["chunks"], LONG, "kept vectors")


def test_S18_the_setting_lets_it_go_on(waiting: Client) -> None:
    """Who says so has everything read on battery too."""
    wanted = {"pauseOnBattery": False}
    waiting.notify("workspace/didChangeConfiguration", {"settings": {"wherein": wanted}})
    until(lambda: row(waiting)["state"] == "ok", LONG, "vectors on battery")


def test_S18_the_model_of_the_package_does_not_wait(project: Path, supply: Path) -> None:
    """It reads a project in seconds of one core: no battery notices."""
    with serving(unplugged(supply)) as client:
        client.initialize(project)
        settle(client, LONG)
        assert row(client)["meaningPercent"] == 100


def test_S18_a_command_that_joins_does_not_wait_for_the_plug(
    waiting: Client, project: Path
) -> None:
    """It has the words, and says why meaning is to come."""
    assert row(waiting)["wordsPercent"] == 100
    done = run("index", str(project))
    assert done.returncode == 0
    assert "pauseOnBattery" in done.stderr
