"""Random input for what reads input: `make fuzz` gives each target a minute, the tests a moment.

Each target makes one example out of a random generator; an exception that is not the target's own
way to say no is a failure, and so is an example that takes a second of CPU time. A failure names
the seed of its example: WHEREIN_FUZZ_SEED=N runs that one alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import psutil
import pytest

from wherein.db_worker import lexical
from wherein.domain import Signature, Skip
from wherein.errors import UNREADABLE, UsageError
from wherein.indexing import chunker, reader
from wherein.indexing.ignore import IgnoreRules
from wherein.indexing.languages import LANGUAGES
from wherein.indexing.rulefile import RuleFile
from wherein.ipc import control, envelope, handshake
from wherein.ipc.operations import DATABASE_OPERATIONS, VECTORIZATION_OPERATIONS
from wherein.lsp.reading import MAX_BODY, BrokenStream, Frames, parse
from wherein.paths import from_uri, relative_to, to_uri
from wherein.ranking.words import tokens as split

SECONDS = float(os.environ.get("WHEREIN_FUZZ_SECONDS", "1.5"))
SEED = os.environ.get("WHEREIN_FUZZ_SEED")
SLOW_S = 3.0
GROWTH = 200 << 20
SAMPLES = sorted((Path(__file__).parents[1] / "workspaces" / "languages").iterdir())

Target = Callable[[random.Random], None]


def mangled(r: random.Random, data: bytes, pieces: tuple[bytes, ...] = ()) -> bytes:
    """Change a text here and there: cut, double, flip, and put pieces in."""
    out = bytearray(data)
    for _ in range(r.randrange(6)):
        at = r.randrange(len(out) + 1)
        to = min(len(out), at + r.randrange(40))
        kind = r.randrange(5)
        if kind == 0:
            del out[at:to]
        elif kind == 1:
            out[at:at] = out[at:to] * r.randrange(1, 4)
        elif kind == 2 and at < len(out):
            out[at] ^= 1 << r.randrange(8)
        elif kind == 3 and pieces:
            out[at:at] = r.choice(pieces) * r.choice((1, 1, 1, 50))
        else:
            out[at:at] = r.randbytes(r.randrange(8))
    return bytes(out)


def frame_reader(r: random.Random) -> None:
    """However a stream is cut up, it gives the same messages or the same refusal."""
    pieces = (b"Content-Length: ", b"\r\n", b"\n", b":", b"0", b"-", b"99999999999", b"X: y\r\n")
    body = mangled(r, b'{"jsonrpc":"2.0","id":1}', (b"[", b"{", b'"', b"\\u", b"1e999"))
    stream = mangled(r, b"Content-Length: %d\r\n\r\n%s" % (len(body), body), pieces)
    stream *= r.randrange(1, 4)

    def read(step: int) -> tuple[list[bytes], bool]:
        frames = Frames()
        bodies: list[bytes] = []
        try:
            for start in range(0, len(stream), step):
                bodies += frames.feed(stream[start : start + step])
        except BrokenStream:
            return bodies, True
        return bodies, False

    whole, refused = read(len(stream) or 1)
    cut, cut_refused = read(r.randrange(1, 9))
    assert refused == cut_refused
    assert cut[: len(whole)] == whole  # a refusal may swallow what the same piece held before it
    for found in cut:
        assert len(found) <= MAX_BODY
        with contextlib.suppress(ValueError):
            parse(found)


def uri_codec(r: random.Random) -> None:
    """Every path survives as a URI; every other text is read or refused."""
    path = b"/" + bytes(r.randrange(1, 256) for _ in range(r.randrange(40)))
    assert from_uri(to_uri(path)) == path
    pieces = ("%", "..", "/", "%2e", "%00", "file://", "\0", "\ud800", "é", "#", "?", "localhost")
    text = "file://" + "".join(r.choice((*pieces, chr(r.randrange(0x300)))) for _ in range(12))
    try:
        found = from_uri(r.choice((text, text[7:], text.upper())))
    except UsageError:
        return
    except UnicodeEncodeError:
        assert "\ud800" in text
        return
    assert b"\0" not in found
    inside = relative_to("/a/folder", found)
    assert inside is None or b".." not in inside.split(b"/")


def word_query(r: random.Random) -> None:
    """No text is an error of the word index, and none reaches its syntax."""
    pieces = (
        '"',
        "*",
        "NEAR(",
        ")",
        "AND",
        "OR",
        "-",
        "^",
        ":",
        "{",
        "a",
        "Ünï",
        "🦀",
        "\0",
        "'",
        " ",
    )
    count = r.randrange(60)
    text = "".join(r.choice((*pieces, chr(r.randrange(1, 0xD7FF)))) for _ in range(count))
    for tokens in (split(text), [text], text.split()):
        match = lexical.quoted(tokens)
        if match and "\0" not in match:
            _fts().execute("SELECT count(*) FROM f WHERE f MATCH ?", (match,)).fetchall()


_DATABASE: list[apsw.Connection] = []


def _fts() -> apsw.Connection:
    if not _DATABASE:
        _DATABASE.append(apsw.Connection(":memory:"))
        _DATABASE[0].execute("CREATE VIRTUAL TABLE f USING fts5(a, b)")
        _DATABASE[0].execute("INSERT INTO f VALUES ('a and b', 'near or not')")
    return _DATABASE[0]


def ignore_rules(r: random.Random) -> None:
    """No rule file is an error, none takes long, and a plain name rules out that name."""
    pieces = (
        b"*",
        b"**",
        b"/",
        b"!",
        b"[",
        b"]",
        b"?",
        b"\\",
        b"#",
        b" ",
        b"a",
        b".py",
        b"\n",
        b"[!a-",
    )
    data = b"".join(r.choice(pieces) for _ in range(r.randrange(120))) + r.randbytes(r.randrange(9))
    rules = RuleFile("x", data)
    for _ in range(20):
        path = b"/".join(
            bytes(r.choice(b"a.py*[!b") for _ in range(r.randrange(1, 40)))
            for _ in range(r.randrange(1, 6))
        )
        rules.match(path, path.rpartition(b"/")[2], bool(r.randrange(2)))
    assert RuleFile("x", data + b"\nplain\n").match(b"d/plain", b"plain", False) is not None
    braces = "".join(r.choice("{},*a/!") for _ in range(r.randrange(60)))
    IgnoreRules("/nonexistent", [braces]).is_ignored(b"a/b.py", False)


def chunkers(r: random.Random) -> None:
    """Whatever a file holds, its chunks lie in it and hold every line that is not blank."""
    sample = r.choice(SAMPLES)
    suffixes = [suffix for language in LANGUAGES for suffix in language.suffixes]
    name = (sample.name if r.randrange(4) else f"x{r.choice(suffixes)}").encode()
    pieces = (
        b"(",
        b"{",
        b"def ",
        b"class ",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"'''",
        b"/*",
        b"#",
        b"\t",
    )
    source = reader.from_bytes(name, mangled(r, sample.read_bytes(), pieces), Signature(1, 1, 1, 1))
    if isinstance(source, Skip):
        return
    parsed = chunker.parse(source)
    covered = bytearray(len(source.data))
    for chunk in parsed.chunks:
        assert 0 <= chunk.start_byte < chunk.end_byte <= len(source.data)
        assert 1 <= chunk.start_line <= chunk.end_line
        covered[chunk.start_byte : chunk.end_byte] = b"\1" * (chunk.end_byte - chunk.start_byte)
    left = bytes(b for b, c in zip(source.data, covered, strict=True) if not c)
    if not source.cells:
        assert not left.strip(), left[:60]


def wire_codec(r: random.Random) -> None:
    """Bytes on a local socket are a message or a refusal, never anything else."""
    kinds = [op.params for op in DATABASE_OPERATIONS.values()]
    kinds += [
        op.result for op in (*DATABASE_OPERATIONS.values(), *VECTORIZATION_OPERATIONS.values())
    ]
    kinds += [control.Up, control.Down, handshake.Hello, envelope.Reply, envelope.Request]
    seed = msgspec.msgpack.encode([1, "search", {"text": "x"}, None, b"\0" * 9, 1.5, [[]] * 3])
    data = mangled(r, seed, (b"\x91", b"\xdf\xff\xff\xff\xff", b"\xc6\x7f\xff\xff\xff", b"\xc1"))
    for kind in (r.choice(kinds), r.choice(kinds)):
        with contextlib.suppress(*UNREADABLE):
            msgspec.msgpack.decode(data, type=kind)
    with contextlib.suppress(*UNREADABLE):
        message = envelope.decode_request(data)
        assert isinstance(message, envelope.Request | envelope.Cancel)
    notebook = mangled(r, json.dumps({"cells": [{"cell_type": "code", "source": ["x"]}]}).encode())
    reader.from_bytes(b"x.ipynb", notebook, Signature(1, 1, 1, 1))


TARGETS: tuple[Target, ...] = (
    frame_reader, uri_codec, word_query, ignore_rules, chunkers, wire_codec,
)  # fmt: skip


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_fuzz(target: Target) -> None:
    target(random.Random(0))  # what is loaded at first use counts for nothing
    first = 1 if SECONDS < 10 else random.SystemRandom().randrange(1 << 40)
    seeds = iter([int(SEED)]) if SEED else iter(range(first, first + (1 << 30)))
    before = psutil.Process().memory_info().rss
    end = time.monotonic() + SECONDS
    tried = 0
    for seed in seeds:
        began = time.process_time()
        try:
            target(random.Random(seed))
        except Exception as error:
            raise AssertionError(f"{target.__name__}: WHEREIN_FUZZ_SEED={seed}") from error
        took = time.process_time() - began
        assert took < SLOW_S, f"{target.__name__}: WHEREIN_FUZZ_SEED={seed} took {took:.1f} s"
        tried += 1
        if time.monotonic() > end:
            break
    assert psutil.Process().memory_info().rss - before < GROWTH
    print(f"{target.__name__}: {tried:,} examples")  # noqa: T201 - `make fuzz` shows it
