"""Two editors on one folder: the second says who has the index, and takes over when it is free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.rpc import Client, Failed, serving
from support.waiting import until
from support.workspace import make_project


@pytest.fixture
def project(wherein_home: Path, tmp_path: Path) -> Path:
    """A small project, and a home for its index."""
    return make_project(tmp_path / "project")


def found(client: Client) -> list[dict[str, Any]] | None:
    """Search; None while another process owns the index."""
    try:
        results: list[dict[str, Any]] = client.ask("wherein/search", {"query": "blend"})["results"]
    except Failed as error:
        if error.code not in {-32803, -32050}:
            raise
        return None
    return results


@pytest.mark.parametrize("how", ["shutdown", "kill"])
def test_the_second_waits_and_takes_over(project: Path, how: str) -> None:
    with serving() as first:
        first.initialize(project)
        first.ask("wherein/sync")
        with serving() as second:
            second.initialize(project)
            for method, params in (
                ("wherein/search", {"query": "blend"}),
                ("wherein/sync", {}),
                ("wherein/reindex", {}),
                ("workspace/symbol", {"query": "blend"}),
            ):
                with pytest.raises(Failed, match=rf"process {first.process.pid}\b") as caught:
                    second.ask(method, params)
                assert caught.value.code == -32803
            (row,) = second.ask("wherein/status")["folders"]
            assert (row["state"], row["ownerPid"]) == ("busy", first.process.pid)
            assert second.ask("wherein/workers") == {"workers": []}
            assert found(first)

            if how == "shutdown":
                assert first.close() == 0
            else:
                first.process.kill()
                first.exit_code()
            until(lambda: found(second))
            (row,) = second.ask("wherein/status")["folders"]
            assert row["ownerPid"] is None
            assert second.close() == 0


def test_a_busy_folder_does_not_keep_the_others_from_answering(
    project: Path, tmp_path: Path
) -> None:
    other = make_project(tmp_path / "other")
    with serving() as first:
        first.initialize(project)
        first.ask("wherein/sync")
        with serving() as second:
            second.initialize(project, other)
            second.ask("wherein/sync", {"folder": other.as_uri()})
            answer = second.ask("wherein/search", {"query": "blend"})
            assert {hit["uri"].partition("colours")[0] for hit in answer["results"][:1]} == {
                other.as_uri() + "/"
            }
            assert any(str(first.process.pid) in note for note in answer["notes"])
            assert second.close() == 0
        assert first.close() == 0
