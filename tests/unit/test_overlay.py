"""Unsaved text in the database engine: it counts as if it had been saved, for its own client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from engine_samples import FINGERPRINT, embed_all, embedder, request_id, vector_of
from wherein.db_worker import lexical, overlay
from wherein.db_worker.engine import Engine
from wherein.db_worker.overlay import Overlays, Unsaved
from wherein.db_worker.unsaved import Typed, bm25, statistics
from wherein.domain import (
    EmbedItem,
    FileUpdate,
    Mode,
    Overlay,
    SearchHit,
    SearchQuery,
    SearchResponse,
    Signature,
    SymbolQuery,
    VectorBatch,
)
from wherein.indexing.chunker import parse
from wherein.indexing.reader import Source, from_bytes

UPLOAD = '''"""Sending files."""


class Uploader:
    """Sends one file in parts."""

    def retry(self, attempt):
        """Send the part again, waiting longer each time."""
        self.clock.sleep(2 ** attempt)


def checksum(data):
    """Digest of a part."""
    return digest(data).hexdigest()
'''
ZOO = "def zoo():\n    return lions + tigers + bears\n"
CHANGED = UPLOAD.replace("def checksum(data)", "def fingerprint(data, salted)")


def store(folder: Path, engine: Engine, path: str, text: str) -> None:
    """Put a file on disk and, cut as the watcher cuts it, into the index."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    source = from_bytes(path.encode(), text.encode(), Signature(len(text), 1, 1, 1))
    assert isinstance(source, Source)
    found = parse(source)
    engine.replace_file(
        FileUpdate(
            source.path, source.signature, source.content_hash, found.language, found.chunks,
            found.symbols, request_id(),
        )
    )  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    store(tmp_path, opened, "net/upload.py", UPLOAD)
    store(tmp_path, opened, "zoo.py", ZOO)
    embed_all(opened)
    yield opened
    opened.close()


def embed_now(items: Sequence[EmbedItem], _: int) -> Future[VectorBatch]:
    """Embed at once."""
    done: Future[VectorBatch] = Future()
    rows = [vector_of(item.text) for item in items]
    keys = [item.key for item in items]
    data = b"".join(row.tobytes() for row in rows)
    done.set_result(VectorBatch(FINGERPRINT, len(rows[0]), keys, data, []))
    return done


def ask(engine: Engine, text: str, *buffers: Unsaved, **more: object) -> SearchResponse:
    """Search once with these buffers, with the model unless the mode says otherwise."""
    reader = engine.reader()
    try:
        query = SearchQuery(text=text, **more)  # type: ignore[arg-type]
        return reader.search(query, embedder(), lambda: False, None, Typed(buffers, embed_now))
    finally:
        reader.close()


def names(hits: list[SearchHit]) -> list[str]:
    return [hit.symbol for hit in hits]


def buffer(text: str, path: str = "net/upload.py") -> Unsaved:
    return Unsaved(path.encode(), 1, text.encode())


def test_what_is_typed_is_found_and_what_it_replaced_is_not(engine: Engine) -> None:
    assert "checksum" in names(ask(engine, "checksum").hits)
    found = ask(engine, "fingerprint salted", buffer(CHANGED), snippet_lines=1).hits
    assert found[0].symbol == "fingerprint"
    assert found[0].snippet == "def fingerprint(data, salted):"
    assert found[0].terms == ("fingerprint", "salted")
    assert not found[0].stale
    assert "checksum" not in names(ask(engine, "checksum", buffer(CHANGED)).hits)
    assert "checksum" in names(ask(engine, "checksum").hits), "another client sees the disk"


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("text", ["send the part again", "checksum", "digest of a salted part"])
def test_unsaved_text_ranks_as_if_it_were_saved(
    tmp_path: Path, engine: Engine, text: str, mode: Mode
) -> None:
    typed = UPLOAD.replace("Digest of a part.", "Digest of a salted part.")
    unsaved = ask(engine, text, buffer(typed), mode=mode).hits
    store(tmp_path, engine, "net/upload.py", typed)
    embed_all(engine)
    saved = ask(engine, text, mode=mode).hits
    assert [(h.path, h.symbol, h.start_line) for h in unsaved] == [
        (h.path, h.symbol, h.start_line) for h in saved
    ]
    for one, other in zip(unsaved, saved, strict=True):
        assert one.score == pytest.approx(other.score, abs=0.15)


def test_a_buffer_scores_by_words_exactly_as_the_index_does(engine: Engine) -> None:
    reader = engine.reader()
    conn = reader._conn
    parsed = buffer(UPLOAD).parsed()
    assert parsed is not None
    rows, average = statistics(conn)
    assert rows == engine.stats().chunks
    for terms in (["send", "part"], ["digest"], ["upload"], ["clock", "sleep", "attempt"]):
        counts = engine._frequencies.of(conn, terms)
        stored = lexical.search(conn, terms, 50, filtered=False)
        ours = [bm25(piece, counts, rows, average) for piece in parsed.pieces]
        assert sorted(s for s in ours if s > 0) == pytest.approx(sorted(stored.values()))
    reader.close()


def test_saved_text_is_left_to_the_index(engine: Engine) -> None:
    with_buffer = ask(engine, "send the part again", buffer(UPLOAD)).hits
    assert with_buffer == ask(engine, "send the part again").hits
    reader = engine.reader()
    for text, stands_in in ((UPLOAD, False), (CHANGED, True)):
        typed = Typed([buffer(text)])
        view = typed.look(reader._conn, engine._catalogue, SearchQuery(text="part"), engine.stats)
        assert bool(view) is stands_in
    reader.close()


def test_filters_count_for_buffers(engine: Engine) -> None:
    new = buffer("def zugzwang():\n    return 1\n", "chess/end.py")

    def found(**filters: object) -> list[str]:
        return names(ask(engine, "zugzwang", new, mode=Mode.LEXICAL, **filters).hits)

    assert found() == ["zugzwang"]
    assert found(paths=("chess/**",)) == ["zugzwang"]
    assert found(paths=("net/**",)) == []
    assert found(languages=("go",)) == []
    assert found(kinds=("function",)) == ["zugzwang"]
    assert found(kinds=("class",)) == []


def test_an_emptied_buffer_hides_its_file(engine: Engine) -> None:
    assert ask(engine, "lions tigers", mode=Mode.LEXICAL).hits
    assert ask(engine, "lions tigers", buffer("", "zoo.py"), mode=Mode.LEXICAL).hits == []


def test_a_buffer_that_cannot_be_parsed_changes_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(overlay, "from_bytes", fail)
    assert "checksum" in names(ask(engine, "checksum", buffer(CHANGED)).hits)


def test_a_changed_chunk_without_a_vector_is_as_near_as_it_was(engine: Engine) -> None:
    def late(items: Sequence[EmbedItem], _: int) -> Future[VectorBatch]:
        return Future()

    typed = buffer(ZOO.replace("lions", "wolves"), "zoo.py")
    reader = engine.reader()
    query = SearchQuery(text="lions tigers bears", mode=Mode.SEMANTIC, budget_ms=50)
    before = reader.search(query, embedder(), lambda: False).hits[0]
    (hit, *_) = reader.search(query, embedder(), lambda: False, None, Typed([typed], late)).hits
    assert (hit.path, hit.cosine) == (b"zoo.py", before.cosine)
    (hit, *_) = reader.search(
        query, embedder(), lambda: False, None, Typed([typed], embed_now)
    ).hits
    assert hit.path == b"zoo.py"
    assert hit.cosine is not None
    assert before.cosine is not None
    assert hit.cosine < before.cosine
    reader.close()


def test_symbols_come_from_the_buffer(engine: Engine) -> None:
    reader = engine.reader()
    typed = "\n\n" + CHANGED
    (found,) = reader.find_symbols(SymbolQuery("fingerp"), Typed([buffer(typed)])).symbols
    assert found.symbol.name == "fingerprint"
    assert typed.splitlines()[found.symbol.start_line - 1].startswith("def fingerprint")
    assert reader.find_symbols(SymbolQuery("checksum"), Typed([buffer(typed)])).symbols == []
    assert len(reader.find_symbols(SymbolQuery("checksum")).symbols) == 1
    (moved,) = reader.find_symbols(SymbolQuery("Uploader.retry"), Typed([buffer(typed)])).symbols
    (stored,) = reader.find_symbols(SymbolQuery("Uploader.retry")).symbols
    assert moved.symbol.start_line == stored.symbol.start_line + 2
    reader.close()


class TestKeeping:
    """Which buffers are kept."""

    def paths(self, kept: Overlays, client: object = "a") -> list[bytes]:
        return [unsaved.path for unsaved in kept.of(client)]

    def test_each_connection_has_its_own(self) -> None:
        kept = Overlays()
        kept.put("a", Overlay(b"x", 1, b"text"))
        kept.put("b", Overlay(b"y", 1, b"text"))
        assert (self.paths(kept), self.paths(kept, "b")) == ([b"x"], [b"y"])
        kept.forget("a")
        assert (self.paths(kept), self.paths(kept, "b")) == ([], [b"y"])

    def test_no_text_drops_it(self) -> None:
        kept = Overlays()
        kept.put("a", Overlay(b"x", 1, b"text"))
        kept.put("a", Overlay(b"x", 2, None))
        assert self.paths(kept) == []

    def test_an_older_version_comes_too_late(self) -> None:
        kept = Overlays()
        kept.put("a", Overlay(b"x", 5, b"new"))
        kept.put("a", Overlay(b"x", 4, b"old"))
        assert [unsaved.version for unsaved in kept.of("a")] == [5]

    def test_the_oldest_give_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(overlay, "MAX_BYTES", 100)
        kept = Overlays()
        for name in (b"x", b"y", b"z"):
            kept.put("a", Overlay(name, 1, b"t" * 40))
        assert self.paths(kept) == [b"y", b"z"]
        kept.put("a", Overlay(b"y", 2, b"t" * 101))
        assert self.paths(kept) == [b"z"]

    def test_the_limit_is_the_design_s(self) -> None:
        assert overlay.MAX_BYTES == 20 * 1024 * 1024
