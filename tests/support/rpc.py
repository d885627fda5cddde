"""A raw JSON-RPC client over pipes: it can send what a well-behaved client library cannot.

Every wait has a deadline. Replies are matched by id; requests of the server are answered with null.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

SERVE = (sys.executable, "-I", "-m", "wherein", "serve", "--stdio")
DEADLINE_S = 30.0


class Failed(Exception):
    """The server replied with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.error = error


class Client:
    """One server process and the conversation with it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.notifications: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.stray = b""  # bytes on stdout that are no message
        self._replies: dict[Any, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._last = 0
        threading.Thread(target=self._read, daemon=True).start()

    # -- saying something ------------------------------------------------------------------------

    def send_bytes(self, data: bytes) -> None:
        """Write bytes as they are."""
        stdin = self._pipe(self.process.stdin)
        stdin.write(data)
        stdin.flush()

    def send(self, message: Any) -> None:
        """Send any JSON value with a header."""
        body = json.dumps(message).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def start(self, method: str, params: Any = ..., **extra: Any) -> int:
        """Send a request and return its id; without params when none are given."""
        self._last += 1
        message = {"jsonrpc": "2.0", "id": self._last, "method": method, **extra}
        if params is not ...:
            message["params"] = params
        self.send(message)
        return self._last

    def notify(self, method: str, params: Any = ...) -> None:
        """Send a notification."""
        message = {"jsonrpc": "2.0", "method": method}
        self.send(message if params is ... else {**message, "params": params})

    # -- hearing something -----------------------------------------------------------------------

    def reply(self, request: Any, timeout: float = DEADLINE_S) -> Any:
        """Wait for the reply to a request. Raises Failed with the error that was sent."""
        self._wait(lambda: request in self._replies, timeout, f"the reply to {request}")
        message = self._replies.pop(request)
        if "error" in message:
            raise Failed(message["error"])
        return message["result"]

    def replied(self, request: Any) -> bool:
        """Say whether the reply to a request is there."""
        with self._changed:
            return request in self._replies

    def ask(self, method: str, params: Any = ..., timeout: float = DEADLINE_S) -> Any:
        """Send a request and wait for its result."""
        return self.reply(self.start(method, params), timeout)

    def notified(self, method: str, timeout: float = DEADLINE_S, count: int = 1) -> list[Any]:
        """Wait until so many notifications of this name came; return the params of all of them."""

        def found() -> list[Any]:
            return [m.get("params") for m in self.notifications if m["method"] == method]

        self._wait(lambda: len(found()) >= count, timeout, method)
        return found()

    def exit_code(self, timeout: float = DEADLINE_S) -> int:
        """Wait for the process to end."""
        return self.process.wait(timeout)

    def wait_end(self, timeout: float = DEADLINE_S) -> None:
        """Wait until stdout is closed: no process holds it any more."""
        self._wait(lambda: self._ended, timeout, "the end of stdout")

    # -- the usual conversation ------------------------------------------------------------------

    def initialize(self, *folders: Path, **params: Any) -> Any:
        """Do the handshake with these folders and return the server's capabilities."""
        asked = {
            "processId": None,
            "rootUri": None,
            "capabilities": {},
            "workspaceFolders": [{"uri": f.as_uri(), "name": f.name} for f in folders],
            **params,
        }
        result = self.ask("initialize", asked)
        self.notify("initialized", {})
        return result["capabilities"]

    def close(self) -> int:
        """Shut down and exit, as an editor does; return the exit code."""
        self.ask("shutdown")
        self.notify("exit")
        return self.exit_code()

    # -- inside ----------------------------------------------------------------------------------

    def _wait(self, ready: Any, timeout: float, what: str) -> None:
        until = time.monotonic() + timeout
        with self._changed:
            while not ready():
                left = until - time.monotonic()
                if self._ended and not ready():
                    raise AssertionError(f"the server has ended; waited for {what}")
                if left <= 0:
                    raise AssertionError(f"no answer within {timeout} s; waited for {what}")
                self._changed.wait(left)

    def _read(self) -> None:
        stdout = self._pipe(self.process.stdout)
        while message := self._next(stdout):
            with self._changed:
                if "method" not in message:
                    self._replies[message.get("id")] = message
                elif "id" in message:
                    self.requests.append(message)
                else:
                    self.notifications.append(message)
                self._changed.notify_all()
            if "method" in message and "id" in message:
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self, stdout: IO[bytes]) -> dict[str, Any] | None:
        length = 0
        while line := stdout.readline():
            if line == b"\r\n" and length:
                message: dict[str, Any] = json.loads(stdout.read(length))
                return message
            name, _, value = line.partition(b":")
            if name == b"Content-Length":
                length = int(value)
            elif name != b"Content-Type":
                self.stray += line
        return None

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


@contextmanager
def serving(command: tuple[str, ...] = SERVE, **options: Any) -> Iterator[Client]:
    """Start a server and kill it at the end if it still runs. Its stderr goes to ours."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
    client = Client(process)
    try:
        yield client
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
