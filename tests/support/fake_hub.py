"""A Hugging Face hub on this machine: just as much of it as its library asks for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REVISION = hashlib.sha1(b"the only revision", usedforsecurity=False).hexdigest()


class FakeHub:
    """Serves one repository out of a folder, and remembers what it was asked for."""

    def __init__(self, repository: str, folder: Path) -> None:
        self.repository = repository
        self.folder = folder
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def answer(self, path: str) -> tuple[bytes, dict[str, str]] | None:
        """Return body and headers of a path, None where there is nothing."""
        api = f"/api/models/{self.repository}"
        if path in (api, f"{api}/revision/main", f"{api}/revision/{REVISION}"):
            siblings = [{"rfilename": name} for name in self._names()]
            return _json({"id": self.repository, "sha": REVISION, "siblings": siblings})
        if path.startswith(f"{api}/tree/"):
            return _json([self._entry(name) for name in self._names()])
        name = path.removeprefix(f"/{self.repository}/resolve/{REVISION}/")
        if name in self._names():
            data = (self.folder / name).read_bytes()
            oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
            return data, {"ETag": f'"{oid}"', "X-Repo-Commit": REVISION}
        return None

    def _names(self) -> list[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in files)

    def _entry(self, name: str) -> dict[str, Any]:
        data = (self.folder / name).read_bytes()
        oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        return {"type": "file", "path": name, "size": len(data), "oid": oid}


@contextlib.contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Serve on a free port of the loopback; `hub.url` is for HF_ENDPOINT."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            hub.asked.append((self.command, path))
            hub.headers.append(dict(self.headers))
            found = hub.answer(path)
            body, headers = found or (b"", {"X-Error-Code": "EntryNotFound"})
            self.send_response(200 if found else 404)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def _json(value: object) -> tuple[bytes, dict[str, str]]:
    return json.dumps(value).encode(), {"Content-Type": "application/json"}
