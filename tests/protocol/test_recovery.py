"""A server that is killed in the middle of its first index: nothing left, nothing lost or wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.processes import assert_none_left
from support.rpc import Client, serving
from support.waiting import until
from support.workspace import contents, indexed_paths, make_project, rows
from wherein.paths import index_paths

FILES = 400
SOURCE = """
class Part{n}:
    def first_{n}(self, upload):
        return self.retry(upload, {n})

    def second_{n}(self, colour):
        return colour + {n}


def helper_{n}(paint, brush):
    return [paint] * {n} + [brush]
"""


@pytest.fixture
def project(wherein_home: Path, tmp_path: Path) -> Path:
    """A project whose first index takes a second or two."""
    root = make_project(tmp_path / "project")
    for number in range(FILES):
        directory = root / f"part{number % 20}"
        directory.mkdir(exist_ok=True)
        text = "".join(SOURCE.format(n=number * 10 + each) for each in range(10))
        (directory / f"module{number}.py").write_text(text, encoding="utf-8")
    return root


def finish(client: Client, project: Path) -> None:
    """Open the project, wait until all is indexed, and leave."""
    client.initialize(project)
    finish_started(client)


def finish_started(client: Client) -> None:
    """Wait until all is indexed, and leave."""
    until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok", timeout=60)
    assert client.close() == 0


@pytest.mark.parametrize("stage", ["words", "meaning"])
def test_a_first_index_that_is_killed_goes_on_to_what_a_fresh_one_is(
    project: Path, run_id: str, stage: str
) -> None:
    with serving() as client:
        client.initialize(project)

        def under_way() -> bool:
            (row,) = client.ask("wherein/status")["folders"]
            assert row["state"] != "ok", "too quick to be killed in the middle"
            return bool(row["files"] if stage == "words" else row["vectors"])

        until(under_way, what=f"some {stage}")
        client.process.kill()
        client.exit_code()
        assert_none_left(run_id, timeout=2.0)
    if stage == "words":
        assert len(indexed_paths(project)) < FILES
    with serving() as client:
        finish(client, project)
    recovered = contents(project)
    assert len(recovered["files"]) == FILES + 4
    shutil.rmtree(index_paths(str(project)).directory)
    with serving() as client:
        finish(client, project)
    fresh = contents(project)
    for table, right in fresh.items():
        assert recovered[table] == right, table


def test_a_restart_writes_and_embeds_nothing(project: Path) -> None:
    with serving() as client:
        finish(client, project)
    # A row that is written again gets another id.
    written = "SELECT 'chunk', id FROM chunks UNION SELECT 'vector', id FROM vectors ORDER BY 1, 2"
    before = contents(project), rows(project, written)
    assert len(before[1]) > 2 * FILES
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        finish_started(client)
    assert (contents(project), rows(project, written)) == before
