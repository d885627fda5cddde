"""The measurements of speed and memory, one function each; `bench/run.py` prints their table.

Every figure is a median over several runs of real processes. `Row.target` is what issue or design
asks for, as text; nothing here judges.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from wherein.paths import index_paths

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from corpora import copy, tree  # noqa: E402 - found by the path above
from support.processes import RUN_ID, assert_none_left, new_run_id  # noqa: E402 - as above
from support.rpc import Client, serving  # noqa: E402 - found by the path above

RUNS = 3
QUESTIONS = [
    json.loads(line)["query"]
    for line in (ROOT / "bench/quality/django_questions.jsonl").read_text().splitlines()
]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    target: str


@contextmanager
def home() -> Iterator[None]:
    """A fresh WHEREIN_HOME, so that every run is cold; ends when no process of the run is left."""
    folder, mark = tempfile.mkdtemp(prefix="wh-"), new_run_id()
    with mock.patch.dict(os.environ, {"WHEREIN_HOME": folder, RUN_ID: mark}):
        try:
            yield
        finally:
            assert_none_left(mark)
            shutil.rmtree(folder, ignore_errors=True)


def wherein(*words: str) -> tuple[float, str]:
    """Run the command line; returns wall seconds of the whole process and its standard output."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-I", "-m", "wherein", *words],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return time.perf_counter() - began, done.stdout


def median(values: list[float]) -> float:
    """The median of some seconds."""
    return statistics.median(values)


def initialize(scratch: Path) -> list[Row]:
    """Seconds from starting the server to its reply, on a small and a large folder."""
    small, large = scratch / "ten", scratch / "twenty-thousand"
    seconds: dict[Path, list[float]] = {small: [], large: []}
    for _ in range(2 * RUNS + 1):
        for folder, found in seconds.items():
            with home():
                began = time.perf_counter()
                with serving() as client:
                    client.initialize(folder)
                    found.append(time.perf_counter() - began)
    ten, many = median(seconds[small]), median(seconds[large])
    return [
        Row("`initialize` reply, 10 files", f"{ten:.2f} s", "≤ 1.5 s"),
        Row("difference to 20,000 files", f"{1000 * (many - ten):+.0f} ms", "≤ 50 ms"),
    ]


def words(scratch: Path) -> list[Row]:
    """How fast two large trees become searchable by words, and a rescan that finds no change."""
    folder = copy("scipy", copy("django", scratch / "installed"))
    sources = copy("django-sources", scratch / "sources")
    rows, sizes = [], {}
    for tree_, what in (sources, "django's source archive"), (
        folder, "django and scipy as installed, larger files",
    ):  # fmt: skip
        seconds = []
        for _ in range(RUNS):
            with home():
                found = json.loads(wherein("index", str(tree_), "--json")[1])
                seconds.append(found["lexical_seconds"])
                sizes = _on_disk(tree_)
        rate = found["files"] / median(seconds)
        megabytes = sizes["text"] / 1e6
        rows.append(Row(
            f"words searchable: {what}, {found['files']:,} text files, {megabytes:.0f} MB, "
            f"{found['chunks']:,} chunks",
            f"{rate:,.0f} files/s, {megabytes / median(seconds):.1f} MB/s",
            "≥ 500 files/s",
        ))  # fmt: skip
    many = scratch / "twenty-thousand"
    with home():
        wherein("index", str(many), "--json")
        rescans = [json.loads(wherein("index", str(many), "--json")[1]) for _ in range(RUNS)]
    rescan = median([r["lexical_seconds"] for r in rescans])
    return [
        *rows,
        Row(
            f"index on disk for these, {sizes['text'] / 1e6:.0f} MB of text",
            f"{found['index_bytes'] / sizes['text']:.2f} x, without symbol vectors "
            f"{(found['index_bytes'] - sizes['symbols']) / sizes['text']:.2f} x",
            "≤ 1.6 x, ≤ 1.2 x",
        ),
        Row(
            "rescan of 20,000 files, no change, process start included", f"{rescan:.2f} s", "≤ 1 s"
        ),
    ]


def _on_disk(folder: Path) -> dict[str, float]:
    """Bytes of text that an index is of, and what the vectors of its symbols take on disk."""
    (database,) = Path(index_paths(str(folder)).directory).glob("gen-*/index.db")
    conn = sqlite3.connect(database)
    (text,) = conn.execute("SELECT value FROM meta WHERE key = 'text_bytes'").fetchone()
    (vectors,) = conn.execute("SELECT count(*) FROM vectors").fetchone()
    (symbols,) = conn.execute(
        "SELECT count(*) FROM vectors WHERE key IN (SELECT key FROM symbols)"
    ).fetchone()
    (pages,) = conn.execute(
        "SELECT sum(pgsize) FROM dbstat WHERE name IN ('vectors', 'vectors_key')"
    ).fetchone()
    conn.close()
    return {"text": text, "symbols": pages * symbols / max(1, vectors)}


def django(scratch: Path) -> list[Row]:
    """A cold process to the first full answer on django, and a second one with the index there."""
    folder = copy("django", scratch / "python", "*.py")
    count = sum(1 for _ in folder.rglob("*.py"))
    cold, warm = [], []
    for _ in range(RUNS):
        with home():
            cold.append(wherein("search", QUESTIONS[0], "--dir", str(folder))[0])
            warm += [wherein("search", QUESTIONS[0], "--dir", str(folder))[0] for _ in range(2)]
    return [
        Row(
            f"django ({count} files), cold process to the first full answer",
            f"{median(cold):.1f} s",
            "≤ 6 s",
        ),
        Row("the same with an index there", f"{median(warm):.2f} s", "≤ 2.5 s"),
    ]


def search(scratch: Path) -> list[Row]:
    """Warm searches over LSP on some 20,000 chunks, and what the way between processes costs."""
    part = copy("django", scratch / "part")
    with home(), serving() as client:
        client.initialize(part)
        stats = _settled(client)
        asks, inside = [], []
        for round_ in range(6):
            for question in QUESTIONS:
                began = time.perf_counter()
                found = client.ask("wherein/search", {"query": question})
                seconds = time.perf_counter() - began
                if round_:
                    asks.append(seconds)
                    inside.append(found["timingsUs"]["total"] / 1e6)
        saves = [_save(client, part) for _ in range(7)]
        memory = {w["type"]: w["rss"] / 1e6 for w in client.ask("wherein/workers", {})["workers"]}
        memory["server"] = psutil.Process(client.process.pid).memory_info().rss / 1e6
    ways = [ask - work for ask, work in zip(asks, inside, strict=True)]
    return [
        Row(
            f"search over LSP, warm, {stats['chunks']:,} chunks, query embedded, p50",
            f"{1000 * median(asks):.1f} ms",
            "≤ 10 ms",
        ),
        Row(
            "of it: outside the database worker, p50 (LSP, JSON, two sockets)",
            f"{1000 * median(ways):.1f} ms",
            "",
        ),
        Row("save → found by words, p50", f"{median(saves):.2f} s", "≤ 0.7 s"),
        Row(
            "memory, MB resident: " + ", ".join(memory),
            ", ".join(f"{size:.0f}" for size in memory.values()),
            "vectorization ≤ 250",
        ),
    ]


def frames() -> list[Row]:
    """The round trip of one search-sized frame over the local socket, with no work at its end."""
    from wherein import domain as d
    from wherein.ipc.client import Client as Socket
    from wherein.ipc.operations import DATABASE_OPERATIONS
    from wherein.ipc.service import Service

    hit = d.SearchHit(
        path=b"contrib/auth/hashers.py", start_byte=1, end_byte=2, start_line=1, end_line=2,
        symbol="BasePasswordHasher.verify", kind=d.Kind.METHOD, language="python", score=1.5,
        via=("words", "meaning"), rules=("file name",), terms=("password",), snippet="x" * 300,
    )  # fmt: skip
    answer = d.SearchResponse(
        hits=[hit] * 10, coverage=d.Coverage(files=1, chunks=1, vectors=1), commit=1, notes=[],
        timings_us={"total": 1},
    )  # fmt: skip
    with home():
        service = Service("b.db", b"t", DATABASE_OPERATIONS, lambda call: call.reply(answer))
        client = Socket(service.endpoint, b"t", DATABASE_OPERATIONS)
        took = []
        for _ in range(500):
            began = time.perf_counter()
            client.submit("search", d.SearchQuery(text=QUESTIONS[0])).result()
            took.append(time.perf_counter() - began)
        client.close()
        service.close()
    return [
        Row(
            "one search frame there and back, no work, p50",
            f"{1000 * median(took):.2f} ms",
            "≤ 1 ms",
        )
    ]


def splitting() -> list[Row]:
    """Identifiers into words, on django's Python files: seen for the first time, and again."""
    from wherein.ranking import words

    texts = [p.read_text(encoding="utf-8") for p in sorted(tree("django").rglob("*.py"))]
    size = sum(len(text) for text in texts) / 1e6
    first, known = [], []
    for _ in range(3):
        words.forget()
        for rates in (first, known):
            began = time.process_time()
            for text in texts:
                words.token_text(text)
            rates.append(size / (time.process_time() - began))
    return [
        Row(
            f"splitting identifiers, django's {size:.0f} MB of Python, one thread, "
            "the first time and again",
            f"{median(first):.0f} and {median(known):.0f} MB/s",
            "≥ 40 MB/s",
        )
    ]


def _settled(client: Client) -> dict[str, Any]:
    """Wait until everything has its vector; returns the folder's status."""
    client.ask("wherein/sync", {}, 120)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        (folder,) = client.ask("wherein/status", {})["folders"]
        if folder["state"] == "ok":
            return folder  # type: ignore[no-any-return] # JSON
        time.sleep(0.1)
    raise SystemExit(f"the index did not become complete: {folder['sentence']}")


def _save(client: Client, folder: Path) -> float:
    """Seconds from a save until its new word, which occurs nowhere else, is found."""
    word = "".join(secrets.choice("bcdfghjklmnpqrstvwxz") for _ in range(12))
    (folder / "saved.py").write_text(f"def {word}():\n    return 1\n", encoding="utf-8")
    began = time.perf_counter()
    while time.perf_counter() - began < 30:
        found = client.ask("wherein/search", {"query": word, "mode": "lexical"})
        if found["results"]:
            return time.perf_counter() - began
        time.sleep(0.005)
    raise SystemExit("a saved file was not found within 30 s")


def many_files(scratch: Path) -> None:
    """Write the folders of 10 and of 20,000 tiny files."""
    for name, count in (("ten", 10), ("twenty-thousand", 20_000)):
        _tiny_files(scratch / name, count)


def _tiny_files(folder: Path, count: int) -> None:
    for number in range(count):
        place = folder / f"d{number // 100}" / f"f{number}.py"
        if not number % 100:
            place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"def f{number}():\n    return {number}\n", encoding="utf-8")
