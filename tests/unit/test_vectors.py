"""The matrix of vectors: what is stored, what is scanned, and that a snapshot never changes."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_samples import (
    DIM,
    FINGERPRINT,
    ask,
    embed_all,
    embedder,
    filled,
    found_paths,
    stored,
    update,
    vector_of,
    write,
)  # fmt: skip
from wherein.db_worker import pending
from wherein.db_worker.codec import decode, encode
from wherein.db_worker.engine import Engine
from wherein.db_worker.scan import scan
from wherein.db_worker.symbols import TAIL, SymbolVectors, weight_of
from wherein.db_worker.vectors import Matrix
from wherein.domain import BatchRequest, EmbedItem, Kind, Mode, SearchQuery, Symbol

FOUR = "def one(): cats\n\ndef two(): dogs\n\ndef three(): birds\n\ndef four(): fish\n"


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_stored_form_keeps_the_direction(dim: int, seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((5, dim)).astype("<f4")
    back = decode([s for s in encode(rows.tobytes(), dim) if s], dim)
    cosines = (rows * back).sum(1) / np.linalg.norm(rows, axis=1) / np.linalg.norm(back, axis=1)
    assert cosines.min() > 0.999


def test_what_is_no_vector_has_no_stored_form() -> None:
    rows = np.array([[1, 0], [0, 0], [np.nan, 1], [np.inf, 1]], "<f4")
    assert [s is not None for s in encode(rows.tobytes(), 2)] == [True, False, False, False]


def test_the_base_is_sorted_by_path_and_by_id_within() -> None:
    matrix, _ = filled(100)
    rank = np.array([5, 3, 1, 9, 7, 0, 2, 4, 6, 8])
    matrix.merge(rank)
    base = matrix.snapshot.base
    order = list(zip(rank[base.files].tolist(), base.ids.tolist(), strict=True))
    assert order == sorted(order)
    assert len(matrix.snapshot.tail) == 0


def test_a_snapshot_does_not_change() -> None:
    matrix, rows = filled(50)
    matrix.merge(np.arange(10))
    matrix.append([60, 61], [1, 1], ["text", "text"], stored(rows[:2]))
    before = matrix.snapshot
    seen = scan(before, rows[3], 0.7).top(100)
    matrix.remove(60, 61)
    matrix.append(
        list(range(100, 5_000)),
        [1] * 4_900,
        ["text"] * 4_900,
        stored(np.tile(rows[:1], (4_900, 1))),
    )
    matrix.remove(0, 4_000)
    matrix.merge(np.arange(10))
    assert scan(before, rows[3], 0.7).top(100) == seen
    assert matrix.snapshot.live == 1_000


def test_readers_see_whole_snapshots_beside_a_writer() -> None:
    """Vectors carry their id, so a row torn between two writes would show."""
    matrix = Matrix("m", 4)
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            snapshot = matrix.snapshot
            for block in (snapshot.base, snapshot.tail):
                lengths = {len(rows) for rows in vars(block).values()} - {2}  # the bits have two
                vectors = block.floats(slice(None))[:, 0]
                if len(lengths) > 1 or not np.allclose(vectors, block.ids + 1, rtol=1e-4):
                    wrong.append(lengths)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(400):
        ids = list(range(i * 20, i * 20 + 20))
        matrix.append(
            ids,
            [i % 9] * 20,
            ["text"] * 20,
            stored(np.repeat(np.array(ids, np.float32)[:, None] + 1, 4, 1)),
        )
        matrix.remove(i * 20 - 30, i * 20 - 20)
        if i % 50 == 49:
            matrix.merge(np.arange(9))
    stop.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []
    assert matrix.snapshot.live == 8_000 - 398 * 10


def test_vectors_of_two_models_are_never_compared(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "a.py", FOUR)
    assert len(embed_all(engine, "old")) == 4
    batch = engine.lease("w", BatchRequest("new", DIM, 1, 0.0))  # one of four, then look
    assert (engine.stats().fingerprint, engine.stats().vectors, batch.pending) == ("new", 0, 8)
    reader = engine.reader()

    def by_meaning(fingerprint: str) -> tuple[int, list[str]]:
        query = SearchQuery(text="dogs", mode=Mode.SEMANTIC)
        answer = reader.search(query, embedder(fingerprint), lambda: False)
        return len(answer.hits), answer.notes

    assert by_meaning("old")[0] == 0
    assert "no vectors of this model yet" in by_meaning("new")[1][0]
    engine.release("w")
    embed_all(engine, "new")
    assert by_meaning("new") == (4, [])
    assert by_meaning("old")[0] == 0
    engine.lease("w", BatchRequest("old", DIM, 1, 0.0))
    assert engine.stats().vectors == 4  # kept, so going back embeds nothing
    reader.close()
    engine.close()


def test_the_model_is_known_after_a_restart(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "a.py", FOUR)
    embed_all(engine)
    before = ask(engine, "dogs", model=True)
    engine.close()
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    assert (engine.stats().vectors, engine.stats().fingerprint) == (4, FINGERPRINT)
    after = ask(engine, "dogs", model=True)
    assert [(h.symbol, h.score) for h in after.hits] == [(h.symbol, h.score) for h in before.hits]
    engine.close()


def test_a_damaged_vector_is_made_again(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "a.py", FOUR)
    embed_all(engine)
    engine._conn.execute("UPDATE vectors SET crc = crc + 1 WHERE id = 2")
    engine._conn.execute("UPDATE vectors SET data = x'00' WHERE id = 3")
    engine.close()
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    assert (engine.stats().vectors, engine.stats().pending) == (2, 2)
    assert len(embed_all(engine)) == 2
    engine.close()


def test_a_lease_is_for_one_owner_until_it_is_gone(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "a.py", FOUR)
    request = BatchRequest(FINGERPRINT, DIM, 3, 0.0)
    first = engine.lease("one", request)
    second = engine.lease("two", request)
    assert (len(first.items), len(second.items)) == (3, 1)
    names = engine.lease("three", BatchRequest(FINGERPRINT, DIM, 9, 0.0))
    assert [i.header for i in names.items] == [""] * 4  # symbols come when no chunk is free
    assert engine.lease("four", request).items == []
    engine.release("one")
    assert {i.key for i in engine.lease("three", request).items} == {i.key for i in first.items}
    assert engine.stats().pending == 8
    engine.close()


def test_the_best_symbol_of_a_chunk_counts() -> None:
    symbols = SymbolVectors(2)
    rows = np.array([[1, 0], [0, 1], [-1, 0]], "<f4")
    one, other, against = (s for s in encode(rows.tobytes(), 2) if s)
    symbols.add([(3, 1.0, one), (5, 1.0, against), (3, 0.5, other)])
    best = symbols.best([5, 3, 9], np.array([0.6, 0.8], np.float32))
    assert best.tolist() == pytest.approx([0, 0.6, 0], abs=1e-3)
    symbols.load([(3, 1.0, one)])
    assert symbols.best([5, 3], np.array([0.6, 0.8], np.float32)).tolist() == pytest.approx(
        [0, 0.6], abs=1e-3
    )


def test_many_symbols_are_found_whenever_they_came_and_removed_ones_give_their_room_back() -> None:
    random = np.random.default_rng(1)
    rows = random.standard_normal((3 * TAIL, 4)).astype("<f4")
    forms = [data for data in encode(rows.tobytes(), 4) if data]
    chunks = random.integers(0, TAIL, len(forms)).tolist()
    weights = random.uniform(0.1, 1, len(forms)).astype(np.float32).tolist()
    question = random.standard_normal(4).astype(np.float32)
    cosines = decode(forms, 4) @ question * np.array(weights, np.float32)
    expected = [0.0] * TAIL
    for chunk, cosine in zip(chunks, cosines.tolist(), strict=True):
        expected[chunk] = max(expected[chunk], cosine)
    symbols = SymbolVectors(4)
    all_rows = list(zip(chunks, weights, forms, strict=True))
    symbols.load(all_rows[:TAIL])
    for start in range(TAIL, len(all_rows), 100):
        symbols.add(all_rows[start : start + 100])
    assert symbols.best(range(TAIL), question).tolist() == pytest.approx(expected, abs=1e-5)
    for chunk in range(0, TAIL, 2):
        symbols.remove(chunk, chunk + 1)
    symbols.add([(TAIL + i, 1.0, forms[i]) for i in range(TAIL + 200)])
    assert len(symbols) < 0.6 * len(all_rows) + TAIL + 201
    even = [0.0 if chunk % 2 == 0 else value for chunk, value in enumerate(expected)]
    assert symbols.best(range(TAIL), question).tolist() == pytest.approx(even, abs=1e-5)


@pytest.mark.parametrize(
    ("signature", "size", "weight"),
    [
        ("def retry(self):", 400, 1.0),
        ("x" * 50, 100, 1.0),
        ("x" * 75, 100, 0.5),
        ("int f();", 8, 0),
    ],
)
def test_a_symbol_that_is_all_signature_counts_for_nothing(
    signature: str, size: int, weight: float
) -> None:
    symbol = Symbol("f", "f", Kind.FUNCTION, 1, 1, 10, 10 + size, signature)
    assert weight_of(symbol) == weight


def test_a_symbol_of_no_weight_is_not_embedded(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    (tmp_path / "a.h").write_text("class A")
    u = update("a.h", "class A")
    symbols = (msgspec.structs.replace(u.symbols[0], signature="class A"),)
    engine.replace_file(msgspec.structs.replace(u, symbols=symbols))
    assert engine.stats().pending == 1
    assert len(embed_all(engine)) == 1
    assert engine.stats().pending == 0
    engine.close()


def test_a_name_that_means_the_question_leads_to_its_chunk(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    filler = " ".join(f"word{i}" for i in range(60))
    write(tmp_path, engine, "a.py", f"def retry_upload(): {filler}\n")
    write(tmp_path, engine, "b.py", f"def zoo(): upload {filler}\n")
    embed_all(engine)
    found = ask(engine, "def retry_upload", model=True, mode=Mode.SEMANTIC)
    assert found_paths(found)[0] == "a.py"
    chunk, other = (c for (c,) in engine._conn.execute("SELECT id FROM chunks ORDER BY id"))
    best = engine._matrix.snapshot.symbols.best([chunk, other], vector_of("def retry_upload"))
    assert best[0] > 0.9 > best[1]
    engine.close()


def test_near_files_come_first(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    for name in ("a.py", "b.py", "c.py"):
        write(tmp_path, engine, name, f"def in_{name[0]}(): pass\n")
    near = BatchRequest(FINGERPRINT, DIM, 2, 0.0, (b"c.py", b"nowhere.py"))
    assert [i.header for i in engine.lease("w", near).items] == ["c.py in_c", "a.py in_a"]
    engine.close()


def test_text_is_read_again_when_it_is_not_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "CACHE_BYTES", 0)
    monkeypatch.setattr(pending.TextCache.__init__, "__defaults__", (0,))
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "a.py", FOUR)
    write(tmp_path, engine, "b.py", "def later(): pass\n")
    (tmp_path / "b.py").write_text("def changed(): pass\n")
    write(tmp_path, engine, "c.py", "def gone(): pass\n")
    (tmp_path / "c.py").unlink()
    batch = engine.lease("w", BatchRequest(FINGERPRINT, DIM, 10, 0.0))
    assert [i.text.strip() for i in batch.items] == [p.strip() for p in FOUR.split("\n\n")]
    engine.release("w")
    assert len(embed_all(engine)) == 4
    assert engine.stats().pending == 2  # they wait for the watcher to bring the new text
    (tmp_path / "c.py").write_text("def gone(): pass\n")
    assert embed_all(engine) == []
    engine.maintain()  # the file may come back as it was, and then nobody writes it again
    assert len(embed_all(engine)) == 1
    engine.replace_file(update("b.py", "def changed(): pass\n"))
    assert len(embed_all(engine)) == 1
    engine.close()


def test_work_is_found_behind_files_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending.TextCache.__init__, "__defaults__", (0,))
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "a.py", "def first(): pass\n")
    write(tmp_path, engine, "b.py", "def second(): pass\n")
    (tmp_path / "a.py").write_text("changed\n")
    batch = engine.lease("w", BatchRequest(FINGERPRINT, DIM, 1, 0.0))
    assert [i.header for i in batch.items] == ["b.py second"]
    engine.close()


def test_the_text_cache_keeps_the_oldest_and_forgets_the_done() -> None:
    cache = pending.TextCache(2_000)
    items = [EmbedItem(bytes([i]), "h", "x" * 500) for i in range(4)]
    for item in items:
        cache.put(item)
    assert set(cache.find({i.key: 0 for i in items})) == {b"\0", b"\1"}
    cache.drop(b"\0")
    cache.put(items[3])
    assert set(cache.find({i.key: 0 for i in items})) == {b"\1", b"\3"}


def test_an_edit_moves_only_its_own_vectors(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, engine, "a.py", FOUR)
    write(tmp_path, engine, "b.py", "def other(): horses\n")
    embed_all(engine)
    engine.maintain()
    write(tmp_path, engine, "a.py", FOUR.replace("dogs", "wolves"))
    assert (engine.stats().vectors, engine.stats().pending) == (4, 1)
    assert found_paths(ask(engine, "horses", model=True, mode=Mode.SEMANTIC))[0] == "b.py"
    assert engine._matrix.snapshot.commit == engine.stats().commit
    engine.close()
