"""Bytes on stdin that are no messages (F69) and messages that are no requests (F70)."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.rpc import Failed, serving

STATUS = b'{"jsonrpc":"2.0","id":7,"method":"wherein/status"}'

# The server cannot know where the next message begins: it ends with 1, and the editor starts anew.
BROKEN = {
    "negative": b"Content-Length: -5\r\n\r\n{}",
    "4 GB": b"Content-Length: 4294967296\r\n\r\n",
    "just too long": b"Content-Length: %d\r\n\r\n" % ((64 << 20) + 1),
    "plus": b"Content-Length: +5\r\n\r\n{}   ",
    "exponent": b"Content-Length: 1e3\r\n\r\n",
    "hexadecimal": b"Content-Length: 0x10\r\n\r\n",
    "a text": b"Content-Length: many\r\n\r\n",
    "5,000 digits": b"Content-Length: " + b"1" * 5000 + b"\r\n\r\n",
    "duplicate": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "missing": b"Content-Type: application/json\r\n\r\n{}",
    "no colon": b"Content-Length 2\r\n\r\n{}",
    "1 MB header": b"X: " + b"x" * (1 << 20),
    "a header that never ends": b"X: y\r\n" * 2000,
    "no header": STATUS + b"\r\n\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}

# Unusual, and understood all the same.
SOUND = {
    "lower case": b"content-length: %d\r\n\r\n",
    "upper case": b"CONTENT-LENGTH:%d\r\n\r\n",
    "line feeds alone": b"Content-Length: %d\n\n",
    "other headers": b"X-Trace: 1\r\nContent-Length: %d\r\nContent-Type: a; charset=utf-8\r\n\r\n",
    "blanks": b"Content-Length:    %d  \r\n\r\n",
    "leading zeros": b"Content-Length: 000%d\r\n\r\n",
}

# The server, with one second instead of thirty for a message that has begun.
IMPATIENT = """
import sys
import wherein.lsp.reading
assert wherein.lsp.reading.FRAME_S == 30
wherein.lsp.reading.FRAME_S = 1
sys.argv = ["wherein", "serve", "--stdio"]
from wherein.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_F69_a_broken_stream_ends_the_server(wherein_home: Path, sent: bytes) -> None:
    with serving() as client:
        client.initialize()
        with suppress(BrokenPipeError):  # it may have seen enough before the end
            client.send_bytes(sent)
        assert client.exit_code() == 1
        client.wait_end()
        assert client.stray == b""


@pytest.mark.parametrize("header", SOUND.values(), ids=SOUND)
def test_F69_headers_are_read_as_they_come(wherein_home: Path, header: bytes) -> None:
    with serving() as client:
        client.initialize()
        client.send_bytes(header % len(STATUS) + STATUS)
        assert client.reply(7) == {"folders": []}
        assert client.close() == 0


def test_F69_bytes_may_come_one_by_one(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        for byte in b"Content-Length: %d\r\n\r\n%s" % (len(STATUS), STATUS):
            client.send_bytes(bytes([byte]))
        assert client.reply(7) == {"folders": []}


@pytest.mark.parametrize("sent", [b"Content-Le", b"Content-Length: 50\r\n\r\n{"])
def test_F69_an_end_within_a_message_is_an_end(wherein_home: Path, sent: bytes) -> None:
    with serving() as client:
        client.initialize()
        client.send_bytes(sent)
        assert client.process.stdin
        client.process.stdin.close()
        assert client.exit_code() == 1


def test_F69_a_message_that_stops_halfway_ends_the_server(wherein_home: Path) -> None:
    with serving((sys.executable, "-I", "-c", IMPATIENT)) as client:
        client.initialize()
        client.send_bytes(b"Content-Length: 50\r\n\r\n{")  # and stdin stays open
        assert client.exit_code() == 1


def refused(client: Any, body: bytes) -> int:
    """Send a body that must be answered with an error to nobody; return the code."""
    client.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    with pytest.raises(Failed) as caught:
        client.reply(None)
    assert set(caught.value.error) == {"code", "message"}
    code: int = caught.value.code
    return code


def request(number: str, params: str = "{}") -> bytes:
    """Write a request with this JSON as its id."""
    text = '{"jsonrpc":"2.0","id":%s,"method":"wherein/status","params":%s}'
    return (text % (number, params)).encode()


def test_F70_what_is_no_json_is_answered(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        deep = b"[" * 100_000 + b"]" * 100_000
        bodies = [b"{", b"\xff\xfe", b"\0", deep, b'{"a":' * 100_000, request("9" * 5000)]
        assert [refused(client, body) for body in bodies] == [-32700] * len(bodies)
        assert client.ask("wherein/status") == {"folders": []}
        assert client.notifications == []


def test_F70_what_is_no_message_is_answered(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        batch = b"[%s,%s]" % (STATUS, STATUS)
        bodies = [batch, b"[]", b"3", b"null", b'"x"', b"{}", b"NaN", STATUS.replace(b"2.0", b"1")]
        bodies += [request(number) for number in ("null", "1.5", "{}", "[]", "true", "NaN", "1e3")]
        bodies.append(STATUS.replace(b'"wherein/status"', b"3"))
        codes = [refused(client, body) for body in bodies[:-1]]
        assert codes == [-32600] * len(codes)
        client.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(bodies[-1]), bodies[-1]))
        with pytest.raises(Failed) as caught:  # its id is good, so it is answered by it
            client.reply(7)
        assert caught.value.code == -32600
        assert client.ask("wherein/status") == {"folders": []}


def test_F70_odd_json_is_a_message_all_the_same(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        for number in ("0", "-1", str(2**63), "1" * 300, '""', '"\\ud800"', '"\\u0000"'):
            body = request(number)
            client.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            assert client.reply(json.loads(number)) == {"folders": []}
        twice = request("40", '{"nonsense":1},"params":{}')
        client.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(twice), twice))
        assert client.reply(40) == {"folders": []}
        for limit in ("NaN", "Infinity", "1e400", "1.5"):
            body = request("41", f'{{"query":"x","limit":{limit}}}')
            body = body.replace(b"status", b"search")
            client.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            with pytest.raises(Failed) as caught:
                client.reply(41)
            assert (caught.value.code, caught.value.message[:6]) == (-32602, "limit:")
        for surrogate in ("\ud800", "a\udfffb"):
            for method in ("wherein/search", "workspace/symbol"):
                with pytest.raises(Failed) as caught:
                    client.ask(method, {"query": surrogate})
                assert (caught.value.code, caught.value.message[:6]) == (-32602, "query:")


def test_F70_large_messages_leave_no_memory_behind(wherein_home: Path) -> None:
    with serving() as client:
        client.initialize()
        server = psutil.Process(client.process.pid)
        body = b'{"jsonrpc":"2.0","id":1.5,"method":"x","x":"%s"}' % (b"x" * (8 << 20))
        assert refused(client, body) == -32600
        before = server.memory_info().rss
        for _ in range(10):
            assert refused(client, body) == -32600
        assert server.memory_info().rss - before < 24 << 20
