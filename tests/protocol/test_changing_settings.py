"""Settings, folders and files that change while the server runs, as an editor tells them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from support.rpc import Client, serving
from support.waiting import until

MISSING_MODEL = "no-such-model"


def configure(client: Client, **settings: Any) -> None:
    """Send settings as most editors do: all of them, under our name."""
    client.notify("workspace/didChangeConfiguration", {"settings": {"wherein": settings}})


def paths(client: Client, query: str = "colours") -> set[str]:
    """Return the files that answer a question by words."""
    asked = {"query": query, "mode": "lexical", "snippetLines": 0}
    return {result["path"] for result in client.ask("wherein/search", asked)["results"]}


def worker(client: Client, kind: str) -> int:
    """Return the pid of a worker."""
    (pid,) = [w["pid"] for w in client.ask("wherein/workers")["workers"] if w["type"] == kind]
    assert isinstance(pid, int)
    return pid


def test_excludes_count_at_once_both_ways(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        assert "colours.py" in paths(client)
        embedding = worker(client, "vectorization")
        configure(client, exclude=["colours.py"])
        until(lambda: "colours.py" not in paths(client))
        assert (
            "setting exclude"
            in client.ask("wherein/why", {"uri": (project / "colours.py").as_uri()})["sentence"]
        )
        configure(client, exclude=[])
        until(lambda: "colours.py" in paths(client))
        assert worker(client, "vectorization") == embedding, "the model was loaded anew for nothing"


def test_a_setting_that_is_not_sent_again_is_as_initialize_had_it(project: Path) -> None:
    with serving() as client:
        client.initialize(project, initializationOptions={"exclude": ["net/**"]})
        client.ask("wherein/sync")
        assert "net/upload.py" not in paths(client, "uploader")
        configure(client, exclude=[])
        until(lambda: "net/upload.py" in paths(client, "uploader"))
        configure(client, maxFileKib=512)
        until(lambda: "net/upload.py" not in paths(client, "uploader"))


def test_the_limit_of_size_counts_for_files_that_are_known(project: Path) -> None:
    (project / "long.py").write_text("colours = 1\n" * 400)
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        assert "long.py" in paths(client)
        configure(client, maxFileKib=2)
        until(lambda: "long.py" not in paths(client))
        configure(client, maxFileKib=1024)
        until(lambda: "long.py" in paths(client))


def test_S02_a_model_counts_from_initialize_only(project: Path) -> None:
    """A folder's own settings, which come this way too, do not choose what is loaded."""

    def state(client: Client) -> Any:
        return client.ask("wherein/status")["folders"][0]["state"]

    with serving() as client:
        client.initialize(project)
        until(lambda: state(client) == "ok")
        embedding = worker(client, "vectorization")
        configure(client, model=MISSING_MODEL, exclude=["net/**"])
        until(lambda: "net/upload.py" not in paths(client, "uploader"))
        until(lambda: state(client) == "ok")
        assert worker(client, "vectorization") == embedding
    with serving() as client:
        client.initialize(project, initializationOptions={"model": MISSING_MODEL})
        until(lambda: state(client) == "lexical_only")
        assert paths(client)


def test_a_client_that_sends_nothing_is_asked(project: Path) -> None:
    with serving() as client:
        client.initialize(project, capabilities={"workspace": {"configuration": True}})
        client.notify("workspace/didChangeConfiguration", {"settings": None})
        until(lambda: [m for m in client.requests if m["method"] == "workspace/configuration"])
        (asked,) = [m for m in client.requests if m["method"] == "workspace/configuration"]
        assert asked["params"] == {"items": [{"section": "wherein"}]}
        client.ask("wherein/sync")  # null came back: nothing changed, nobody died


def test_pausing_by_a_setting(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        configure(client, paused=True)
        until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "paused")
        configure(client, paused=False)
        until(lambda: client.ask("wherein/status")["folders"][0]["state"] == "ok")


def test_bad_settings_are_told_once(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        for _ in range(2):
            configure(client, colour="red")
        client.ask("wherein/sync")
        told = [m["message"] for m in client.notified("window/logMessage")]
        assert len([line for line in told if "colour" in line]) == 1


def test_folders_come_and_go(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "chess.py").write_text("def zugzwang():\n    return 1\n")
    one, two = ({"uri": p.as_uri(), "name": p.name} for p in (project, other))
    with serving() as client:
        client.initialize(project)
        change = {"event": {"added": [two], "removed": []}}
        client.notify("workspace/didChangeWorkspaceFolders", change)
        until(lambda: paths(client, "zugzwang"))
        change = {"event": {"added": [], "removed": [one]}}
        client.notify("workspace/didChangeWorkspaceFolders", change)
        until(lambda: len(client.ask("wherein/status")["folders"]) == 1)
        assert paths(client, "zugzwang")
        assert not paths(client)


def test_a_file_that_the_client_saw_change_is_looked_at(project: Path) -> None:
    files = {"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}}
    with serving() as client:
        client.initialize(project, capabilities=files)
        until(lambda: [m for m in client.requests if m["method"] == "client/registerCapability"])
        (asked,) = [m for m in client.requests if m["method"] == "client/registerCapability"]
        (registration,) = asked["params"]["registrations"]
        assert registration["method"] == "workspace/didChangeWatchedFiles"
        client.ask("wherein/sync")
        # Its own watch is blind while the folder is excluded from it; a hint needs no watch.
        hidden = project / "late.py"
        hidden.write_text("def zugzwang():\n    return 1\n")
        change = {"changes": [{"uri": hidden.as_uri(), "type": 1}]}
        client.notify("workspace/didChangeWatchedFiles", change)
        until(lambda: paths(client, "zugzwang"))


def test_a_client_without_the_capability_is_not_asked_to_watch(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        assert [m for m in client.requests if m["method"] == "client/registerCapability"] == []


def test_commands_are_not_advertised_to_a_client_that_has_its_own(project: Path) -> None:
    with serving() as client:
        off = client.initialize(project, initializationOptions={"executeCommands": False})
        assert "executeCommandProvider" not in off or off["executeCommandProvider"] == {
            "commands": []
        }
    with serving() as client:
        on = client.initialize(project)
        assert "wherein.pause" in on["executeCommandProvider"]["commands"]


def test_settings_that_change_while_a_worker_is_away(project: Path) -> None:
    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        os.kill(worker(client, "file_watcher"), signal.SIGKILL)
        configure(client, exclude=["colours.py"])
        until(lambda: "colours.py" not in paths(client))
        kinds = [w["type"] for w in client.ask("wherein/workers")["workers"]]
        assert sorted(kinds) == ["database", "file_watcher", "vectorization"]
