"""Workspace folders as clients send them: bad ones, two names of one, and what changes under us."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.rpc import Client, Failed, serving
from support.waiting import until


def folders(client: Client) -> list[dict[str, Any]]:
    found = client.ask("wherein/status")["folders"]
    assert isinstance(found, list)
    return found


def change(client: Client, added: tuple[Path, ...] = (), removed: tuple[Path, ...] = ()) -> None:
    event = {
        "added": [{"uri": path.as_uri(), "name": path.name} for path in added],
        "removed": [{"uri": path.as_uri(), "name": path.name} for path in removed],
    }
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})


def found(client: Client, query: str) -> list[Any]:
    results = client.ask("wherein/search", {"query": query, "mode": "lexical"})["results"]
    assert isinstance(results, list)
    return results


@pytest.mark.parametrize("bad", ["file:///tmp/" + "a" * 300, "file:///tmp/\ud800x", "file://["])
def test_a_folder_that_cannot_be_opened_leaves_the_others(project: Path, bad: str) -> None:
    with serving() as client:
        both = [{"uri": bad, "name": "bad"}, {"uri": project.as_uri(), "name": "good"}]
        client.ask("initialize", {"capabilities": {}, "processId": None, "workspaceFolders": both})
        client.notify("initialized", {})
        client.ask("wherein/sync")
        assert found(client, "blend")


def test_a_folder_of_two_names_is_open_until_both_are_closed(project: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(project)
    with serving() as client:
        client.initialize(link)
        change(client, added=(project,))
        client.ask("wherein/sync")
        change(client, removed=(link,))
        client.ask("wherein/sync")
        (hit,) = found(client, "blend")
        assert hit["uri"].startswith(project.as_uri())
        change(client, removed=(project,))
        until(lambda: folders(client) == [])


def test_S02_settings_of_a_folder_choose_no_second_model(project: Path) -> None:
    evil = project / "evil"
    evil.mkdir()
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        mine = {"qualityModel": str(evil), "model": str(evil), "quality": "on"}
        client.notify("workspace/didChangeConfiguration", {"settings": {"wherein": mine}})
        client.ask("wherein/sync")
        notes = client.ask("wherein/search", {"query": "blend colours"})["notes"]
        assert not [note for note in notes if "evil" in note]


def test_a_place_beyond_all_lines_is_refused_by_its_field(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        end = {"line": 2**63 - 1, "character": 0}
        asked = {"uri": (project / "colours.py").as_uri(), "range": {"start": end, "end": end}}
        with pytest.raises(Failed) as refused:
            client.ask("wherein/similar", asked)
        assert (refused.value.code, refused.value.message[:6]) == (-32602, "range:")


def test_the_folder_of_a_reindex_is_looked_at_while_another_runs(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        first = client.start("wherein/reindex", {})
        with pytest.raises(Failed) as refused:
            client.ask("wherein/reindex", {"folder": "file:///nope"})
        assert (refused.value.code, refused.value.message[:7]) == (-32602, "folder:")
        assert client.reply(first)["started"]


def test_windows_that_joined_each_other_pause_once(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "net.py").write_text("def upload():\n    return 1\n")
    with serving() as one, serving() as two:
        one.initialize(project)
        two.initialize(other)
        one.ask("wherein/sync")
        two.ask("wherein/sync")
        change(one, added=(other,))
        change(two, added=(project,))
        until(lambda: all(len(folders(client)) == 2 for client in (one, two)))
        two.ask("wherein/pause")
        until(lambda: all(f["state"] == "paused" for c in (one, two) for f in folders(c)))
        before = [_cpu(client) for client in (one, two)]
        time.sleep(3)  # nothing goes on between them: asking in turn takes .3 s of each second
        spent = [_cpu(client) - then for client, then in zip((one, two), before, strict=True)]
        assert max(spent) < 0.2
        two.ask("wherein/resume")
        until(lambda: all(f["state"] == "ok" for c in (one, two) for f in folders(c)))


def _cpu(client: Client) -> float:
    times = psutil.Process(client.process.pid).cpu_times()
    return float(times.user + times.system)


def test_who_is_elected_goes_on_as_the_owner_last_did(project: Path) -> None:
    with serving() as owner:
        owner.initialize(project)
        owner.ask("wherein/sync")
        with serving() as joined:
            joined.initialize(project)
            until(lambda: folders(joined)[0]["ownerPid"] == owner.process.pid)
            joined.ask("wherein/pause")
            until(lambda: folders(owner)[0]["state"] == "paused")
            owner.ask("wherein/resume")
            until(lambda: folders(joined)[0]["state"] == "ok")
            owner.process.kill()
            until(lambda: folders(joined)[0]["ownerPid"] is None)
            until(lambda: folders(joined)[0]["state"] == "ok")


def test_a_death_in_one_folder_is_not_told_of_another(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "net.py").write_text("def upload():\n    return 1\n")
    with serving() as client:
        client.initialize(project)
        change(client, added=(other,))
        until(lambda: len(folders(client)) == 2)
        client.ask("wherein/sync")

        def state(folder: Path) -> str:
            (one,) = [f for f in folders(client) if f["folder"] == folder.as_uri()]
            return str(one["state"])

        def kill() -> bool:
            ids = {w["index"] for w in _databases(client)}
            assert len(ids) == 2
            for worker in _databases(client):
                if worker["pid"] and worker["index"] == victim:
                    os.kill(worker["pid"], signal.SIGKILL)
            return state(project) == "failed"

        victim = _index_of(client, project)
        until(kill, 60)
        assert state(other) != "failed"
        until(lambda: state(other) == "ok")


def _databases(client: Client) -> list[dict[str, Any]]:
    return [w for w in client.ask("wherein/workers")["workers"] if w["type"] == "database"]


def _index_of(client: Client, folder: Path) -> str:
    from wherein.paths import index_paths

    return index_paths(str(folder)).id


def test_an_index_that_was_removed_is_made_anew_and_kept(project: Path, wherein_home: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        (index,) = [path for path in (wherein_home / "index").iterdir() if path.is_dir()]
        index.rename(wherein_home / "removed")  # at once: what is written meanwhile is no matter
        until(lambda: client.ask("wherein/status") and (index / "token").exists())
        for worker in _databases(client):
            os.kill(worker["pid"], signal.SIGKILL)
        until(lambda: found(client, "blend"))
        with serving() as second:
            second.initialize(project)
            until(lambda: folders(second)[0]["ownerPid"] == client.process.pid)
            assert found(second, "blend")


def test_of_two_owners_one_gives_way(project: Path, wherein_home: Path) -> None:
    with serving() as first:
        first.initialize(project)
        first.ask("wherein/sync")
        (index,) = [path for path in (wherein_home / "index").iterdir() if path.is_dir()]
        os.kill(first.process.pid, signal.SIGSTOP)  # it does not see that its lock is gone
        until(lambda: psutil.Process(first.process.pid).status() == psutil.STATUS_STOPPED)
        index.rename(wherein_home / "removed")
        with serving() as second:
            second.initialize(project)
            second.ask("wherein/sync")
            os.kill(first.process.pid, signal.SIGCONT)
            until(lambda: folders(first)[0]["ownerPid"] == second.process.pid)
            (project / "new.py").write_text("def zugzwang():\n    return 1\n")
            first.ask("wherein/sync")
            assert [found(client, "zugzwang")[0]["symbol"] for client in (first, second)] == [
                "zugzwang"
            ] * 2
            first.close()
            assert (index / "owner.json").exists()


def test_a_stop_does_not_wait_for_a_change_of_settings(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        for worker in client.ask("wherein/workers")["workers"]:
            os.kill(worker["pid"], signal.SIGSTOP)
        louder = {"settings": {"wherein": {"logLevel": "error"}}}
        client.notify("workspace/didChangeConfiguration", louder)
        time.sleep(0.1)  # it is at work
        began = time.monotonic()
        client.ask("shutdown")
        assert time.monotonic() - began < 2.3  # 1.2 s on a machine that is free; it was 2.6
        client.notify("exit")
        assert client.exit_code() == 0


def test_a_folder_that_is_there_again_is_looked_at(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        project.rename(project.with_name("gone"))
        until(lambda: folders(client)[0]["state"] == "root_missing")
        project.mkdir()
        (project / "new.py").write_text("def zugzwang():\n    return 1\n")
        until(lambda: folders(client)[0]["state"] == "ok", 15)
        assert found(client, "zugzwang")
        assert found(client, "blend") == []
