"""Writes to an index: replaced in one piece, repeated without effect, counted exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine_samples import (
    DIM,
    FINGERPRINT,
    TWO,
    ask,
    embed_all,
    found_paths,
    request_id,
    skipped,
    update,
    vector_of,
    write,
)  # fmt: skip
from wherein.db_worker.engine import Engine
from wherein.db_worker.store import REMEMBERED_REPLIES
from wherein.domain import (
    BatchRequest,
    KnownFile,
    RemoveFiles,
    SearchResponse,
    Signature,
    Skip,
    TouchFiles,
    VectorBatch,
)  # fmt: skip
from wherein.errors import InvalidParams, ModelError, StorageError
from wherein.ranking import words


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path / "root"))
    yield opened
    opened.close()


def rows(engine: Engine) -> tuple[Counter, Counter, list]:
    """What the index holds, without the ids: chunks with their words, vectors in memory, files."""
    conn = engine._conn
    chunks = Counter(
        conn.execute(
            """SELECT f.path, c.ordinal, c.start_byte, c.end_byte, c.symbol, c.definitions, c.key
            FROM chunks c JOIN files f ON f.id = c.file"""
        ).fetchall()
    )
    paths = dict(conn.execute("SELECT id, path FROM files").fetchall())
    matrix = Counter()
    for block in (engine._matrix.snapshot.base, engine._matrix.snapshot.tail):
        for i in range(len(block)):
            if block.alive[i]:
                vector = block.floats(slice(i, i + 1)).tobytes() + block.bits[:, :, i].tobytes()
                matrix[paths[int(block.files[i])], vector] += 1
    files = conn.execute("SELECT path, size, hash, language, skip FROM files ORDER BY path")
    return chunks, matrix, files.fetchall()


def check_counters(engine: Engine) -> None:
    """The counters equal what counting gives."""
    conn, stats = engine._conn, engine.stats()

    def count(sql: str, *bindings: object) -> int:
        return conn.execute(sql, bindings).fetchall()[0][0]

    assert stats.chunks == count("SELECT count(*) FROM chunks")
    assert stats.chunks == count("SELECT count(*) FROM words")
    assert stats.files == count("SELECT count(*) FROM files WHERE skip IS NULL")
    assert sum(stats.skipped.values()) == count("SELECT count(*) FROM files WHERE skip NOTNULL")
    with_vector = count(
        """SELECT count(*) FROM chunks c JOIN vectors v ON v.key = c.key
        JOIN models m ON m.id = v.model WHERE m.fingerprint = ? AND v.data NOTNULL""",
        stats.fingerprint,
    )
    assert stats.vectors == with_vector == engine._matrix.snapshot.live
    waiting = """SELECT count(*) FROM {} x WHERE NOT EXISTS (SELECT 1 FROM vectors v
        JOIN models m ON m.id = v.model WHERE v.key = x.key AND m.fingerprint = ?)"""
    chunks = count(waiting.format("chunks"), stats.fingerprint)
    named = count(waiting.format("symbols") + " AND x.weight > 0", stats.fingerprint)
    assert stats.pending == chunks + named
    assert stats.failed_vectors == stats.chunks - with_vector - chunks
    check_symbols(engine)


def check_symbols(engine: Engine) -> None:
    """Each symbol is with the chunk that it starts in, and memory has the vectors of the disk."""
    conn = engine._conn
    (lost,) = conn.execute(
        """SELECT count(*) FROM symbols s LEFT JOIN chunks c ON c.id = s.chunk AND c.file = s.file
        AND c.start_byte <= s.start_byte AND s.start_byte < c.end_byte WHERE c.id IS NULL"""
    ).fetchall()
    assert lost == (0,)
    stored: Counter[tuple[int, float, bytes]] = Counter()
    rows = conn.execute(
        """SELECT s.chunk, s.weight, v.data FROM symbols s JOIN vectors v ON v.key = s.key
        JOIN models m ON m.id = v.model
        WHERE m.fingerprint = ? AND v.data NOTNULL AND s.weight > 0""",
        (engine.stats().fingerprint,),
    )
    for chunk, weight, data in rows:
        stored[chunk, float(np.float32(weight)), data] += 1
    symbols = engine._matrix.snapshot.symbols
    held = Counter(
        (int(chunk), float(weight), row.tobytes())
        for part in symbols._parts
        for row, chunk, weight in zip(*part, strict=True)
        if not any(first <= chunk < end for first, end in symbols._gone)
    )
    assert held == stored


def test_a_file_is_replaced_whole(engine: Engine) -> None:
    assert engine.replace_file(update("a.py", TWO)).changed
    assert engine.stats().chunks == 2
    engine.replace_file(update("a.py", "def gamma():\n    pass\n"))
    assert engine.stats().chunks == 1
    assert found_paths(ask(engine, "gamma")) == ["a.py"]
    assert ask(engine, "alpha").hits == []
    check_counters(engine)


def test_the_same_content_only_takes_the_signature(engine: Engine) -> None:
    first = update("a.py", TWO)
    engine.replace_file(first)
    written = engine.stats().chunks_written
    again = update("a.py", TWO)
    newer = Signature(9, 8, 7, 2**64 - 1)  # an inode that SQLite has no integer for
    again = type(again)(
        **{f: getattr(again, f) for f in again.__struct_fields__} | {"signature": newer}
    )
    assert not engine.replace_file(again).changed
    assert engine.stats().chunks_written == written
    reader = engine.reader()
    assert reader.list_files().files == [KnownFile(b"a.py", newer, first.content_hash)]
    reader.close()


def test_a_repeated_request_has_one_effect_and_the_same_reply(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    u, other = update("a.py", TWO), update("a.py", "def later(): pass\n")
    first = engine.replace_file(u)
    engine.replace_file(other)
    assert engine.replace_file(u) == first  # late duplicate: must not bring the old text back
    assert found_paths(ask(engine, "later")) == ["a.py"]
    gone = RemoveFiles([b"a.py"], request_id())
    removed = engine.remove_files(gone)
    touched = TouchFiles([(b"a.py", Signature(1, 1, 1, 1))], request_id())
    reply = engine.touch_files(touched)
    engine.close()
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    assert engine.remove_files(gone) == removed
    assert engine.touch_files(touched) == reply
    assert engine.replace_file(u) == first
    assert engine.stats().files == 1
    engine.close()


def test_replies_are_trimmed(engine: Engine) -> None:
    engine.replace_file(update("a.py", TWO))
    engine._conn.execute("UPDATE applied SET id = id + ?", (REMEMBERED_REPLIES,))
    engine.replace_file(update("a.py", "def new(): pass"))
    engine.replace_file(update("b.py", "def new(): pass"))
    engine._conn.execute("UPDATE applied SET id = 1 WHERE id = (SELECT min(id) FROM applied)")
    engine.maintain()
    assert len(engine._conn.execute("SELECT id FROM applied").fetchall()) == 2


def test_skipped_files_keep_their_reason(engine: Engine) -> None:
    engine.replace_file(update("a.py", TWO))
    engine.replace_file(skipped("a.py", Skip.BINARY))
    engine.replace_file(skipped("b.bin", Skip.TOO_LARGE))
    stats = engine.stats()
    assert (stats.files, stats.chunks, stats.skipped) == (0, 0, {"binary": 1, "too_large": 1})
    reader = engine.reader()
    assert [f.skip for f in reader.list_files().files] == [Skip.BINARY, Skip.TOO_LARGE]
    reader.close()
    engine.replace_file(update("b.bin", TWO))
    assert engine.stats().skipped == {"binary": 1}
    engine.remove_files(RemoveFiles([b"a.py"], request_id()))
    assert engine.stats().skipped == {}
    check_counters(engine)


def test_names_need_not_be_text(engine: Engine) -> None:
    engine.replace_file(update(b"dir/\xff\xfe.py", "def odd_name(): pass\n"))
    assert ask(engine, "odd name").hits[0].path == b"dir/\xff\xfe.py"
    assert ask(engine, "odd name", paths=("dir/**",)).hits


def test_there_and_back_again_embeds_nothing(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    a, b = TWO, TWO.replace("one", "uno")
    write(tmp_path, engine, "x.py", a)
    assert len(embed_all(engine)) == 2
    write(tmp_path, engine, "x.py", b)
    assert engine.stats().pending == 1  # the other function and both names are untouched
    assert len(embed_all(engine)) == 1
    write(tmp_path, engine, "x.py", a)
    assert (engine.stats().pending, engine.stats().vectors) == (0, 2)
    engine.remove_files(RemoveFiles([b"x.py"], request_id()))
    engine.maintain()
    write(tmp_path, engine, "x.py", b)
    assert embed_all(engine) == []
    check_counters(engine)
    engine.close()


def test_unused_vectors_are_collected_beyond_the_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wherein.db_worker.engine.KEPT_VECTORS", 1)
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    for i in range(6):
        write(tmp_path, engine, "x.py", f"def name{i}(): return {i}\n")
        embed_all(engine)
    engine.maintain()  # of a chunk and its symbol in use, and as many unused
    assert engine._conn.execute("SELECT count(*) FROM vectors").fetchall() == [(4,)]
    check_counters(engine)
    engine.close()


def test_failed_chunks_are_not_asked_for_again(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "x.py", TWO)
    batch = engine.lease("w", BatchRequest(FINGERPRINT, DIM, 10, 0))
    good, bad = (item.key for item in batch.items)
    engine.put_vectors(VectorBatch(FINGERPRINT, DIM, [good], vector_of("x").tobytes(), [bad]))
    for _ in range(2):
        stats = engine.stats()
        assert (stats.vectors, stats.pending, stats.failed_vectors) == (1, 2, 1)
        names = engine.lease("w", BatchRequest(FINGERPRINT, DIM, 10, 0)).items
        assert [i.text for i in names] == ["alpha def alpha", "beta def beta"]
        engine.close()
        engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.close()


def test_vectors_that_are_no_numbers_count_as_failed(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "x.py", TWO)
    keys = [i.key for i in engine.lease("w", BatchRequest(FINGERPRINT, DIM, 9, 0)).items]
    broken = vector_of("x") * float("nan")
    engine.put_vectors(
        VectorBatch(FINGERPRINT, DIM, keys, broken.tobytes() + vector_of("y").tobytes(), [])
    )
    assert (engine.stats().vectors, engine.stats().failed_vectors) == (1, 1)
    with pytest.raises(InvalidParams):
        engine.put_vectors(VectorBatch(FINGERPRINT, DIM, keys, b"short", []))
    with pytest.raises(ModelError):
        engine.put_vectors(VectorBatch(FINGERPRINT, 1, keys[:1], b"\0\0\x80?", []))
    with pytest.raises(ModelError):
        engine.lease("w", BatchRequest(FINGERPRINT, DIM + 1, 9, 0))
    engine.close()


def test_the_index_is_private(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.replace_file(update("a.py", TWO))
    for path in (tmp_path / "index").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.name == "CURRENT", path
    engine.close()


def test_a_closed_engine_says_so(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    engine.close()
    engine.close()
    with pytest.raises(StorageError):
        engine.replace_file(update("a.py", TWO))


def test_a_failed_write_leaves_nothing_behind(engine: Engine) -> None:
    engine.replace_file(update("a.py", TWO))
    before, stats = rows(engine), engine.stats()
    engine._conn.execute(
        """CREATE TEMP TRIGGER refuse BEFORE INSERT ON symbols
        BEGIN SELECT RAISE(ABORT, 'no'); END"""
    )
    with pytest.raises(StorageError):
        engine.replace_file(update("a.py", "def other(): pass\n"))
    engine._conn.execute("DROP TRIGGER refuse")
    assert rows(engine) == before
    assert engine.stats() == stats
    engine.replace_file(update("a.py", "def other(): pass\n"))
    check_counters(engine)


_TEXTS = [
    "def alpha(): return 1\n\ndef beta(): return 2\n",
    "def alpha(): return 1\n\ndef beta(): return 3\n",
    "def alpha(): return 1\n\n\ndef alpha(): return 1\n\n\n",
    "",
    "plain words only\n",
]
_step = st.one_of(
    st.tuples(st.just("replace"), st.integers(0, 3), st.integers(0, len(_TEXTS) - 1)),
    st.tuples(st.just("remove"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("skip"), st.integers(0, 3), st.just(0)),
    st.tuples(st.sampled_from(["embed", "maintain", "merge", "reopen"]), st.just(0), st.just(0)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_step, max_size=14))
@example(  # copies: their cosines differ in the last bit, by where their rows are
    steps=[("replace", 0, 0), ("replace", 2, 0), ("replace", 1, 0), ("replace", 0, 4)]
)
def test_any_history_equals_a_fresh_build(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    engine = Engine.open(folder / "index", str(folder))
    state: dict[str, str | Skip] = {}
    for step in steps:
        engine = _do(engine, folder, state, step)
        check_counters(engine)
    embed_all(engine)
    fresh = Engine.open(folder / "fresh", str(folder))
    for path, content in state.items():
        if isinstance(content, Skip):
            fresh.replace_file(skipped(path, content))
        else:
            write(folder, fresh, path, content)
    embed_all(fresh)
    assert rows(engine) == rows(fresh)
    assert engine.stats().text_bytes == fresh.stats().text_bytes
    for question in ("alpha", "plain words", "return 3"):
        one, two = ask(engine, question, model=True), ask(fresh, question, model=True)
        assert _shown(one) == _shown(two)
    engine.close()
    fresh.close()


def _shown(response: SearchResponse) -> list[tuple[bytes, int, float, tuple[str, ...]]]:
    return [(h.path, h.start_byte, round(h.score, 4), h.via) for h in response.hits]


def _do(
    engine: Engine, folder: Path, state: dict[str, str | Skip], step: tuple[str, int, int]
) -> Engine:
    """Take one step of a history; returns the engine, a new one after a reopen."""
    what, path, text = step[0], f"dir{step[1] % 2}/f{step[1]}.py", _TEXTS[step[2]]
    if what == "replace":
        write(folder, engine, path, text)
        state[path] = text
    elif what == "remove":
        engine.remove_files(RemoveFiles([path.encode()], request_id()))
        state.pop(path, None)
    elif what == "skip":
        engine.replace_file(skipped(path, Skip.BUSY))
        state[path] = Skip.BUSY
    elif what == "embed":
        embed_all(engine)
    elif what == "maintain":
        engine.maintain()
    elif what == "merge":
        engine._merge_if(wanted=True)
    else:
        engine.close()
        return Engine.open(folder / "index", str(folder))
    return engine


def test_a_first_index_gives_its_memory_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    monkeypatch.setattr("wherein.db_worker.engine._MUCH_WRITTEN", 50)
    for number in range(60):
        write(
            tmp_path,
            engine,
            f"f{number}.py",
            f"def some_function_{number}():\n    return {number}\n",
        )
    used = engine._conn.status(apsw.SQLITE_DBSTATUS_CACHE_USED)[0]
    assert words._remembered
    engine.maintain()
    assert not words._remembered
    assert engine._conn.status(apsw.SQLITE_DBSTATUS_CACHE_USED)[0] < used / 2
    write(tmp_path, engine, "one.py", "def one_more():\n    return 1\n")
    engine.maintain()
    assert words._remembered, "one saved file is not worth it"
    engine.close()
