"""Folders that come and go while the server runs (F79)."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.rpc import Client, serving
from support.waiting import until


def fds(client: Client) -> int:
    """Count the open files of the server."""
    return len(list(Path(f"/proc/{client.process.pid}/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("times", [3, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.timeout(3600)
def test_F79_folders_come_and_go(project: Path, tmp_path: Path, times: int) -> None:
    """Nested, twice, and by a link: each folder is there once, and nothing of it stays behind."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.py").write_text("def arrival(): pass\n")
    (tmp_path / "link").symlink_to(other)
    last = tmp_path / "last"
    last.mkdir()
    here = [other, other, tmp_path / "link", project / "net"]

    def change(**event: list[Path]) -> None:
        named = {
            key: [{"uri": path.as_uri(), "name": "x"} for path in event.get(key, [])]
            for key in ("added", "removed")
        }
        client.notify("workspace/didChangeWorkspaceFolders", {"event": named})

    def folders() -> list[str]:
        return [row["folder"] for row in client.ask("wherein/status")["folders"]]

    with serving() as client:
        client.initialize(project)
        client.ask("wherein/sync")
        change(added=here)
        until(lambda: len(folders()) == 3)
        client.ask("wherein/sync")
        change(removed=here)
        until(lambda: len(folders()) == 1)
        client.ask("wherein/sync")
        before = fds(client)
        for _ in range(times):
            change(added=here)
            change(removed=here)
        change(added=[last])  # one after the other: with this one all others are done
        until(lambda: last.as_uri() in folders(), timeout=100 + times * 30)
        change(removed=[last])
        until(lambda: len(folders()) == 1)
        client.ask("wherein/sync")
        until(lambda: fds(client) <= before + 2, what=f"{before} open files, as before")
        assert client.ask("wherein/search", {"query": "blend"})["results"]
        assert client.close() == 0
