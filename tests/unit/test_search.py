"""A search from text to hits: fusion of words and meaning, waiting, cancelling, snippets, names."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from engine_samples import (
    DIM,
    FINGERPRINT,
    ask,
    embed_all,
    embedder,
    found_paths,
    update,
    write,
)  # fmt: skip
from wherein.db_worker.engine import Engine, Reader
from wherein.domain import Kind, Mode, QueryVector, SearchQuery, SymbolQuery
from wherein.errors import RequestCancelled, StorageError, WorkerUnavailable

UPLOADS = """class Uploader: pass

def retry(failed):
    for upload in failed:
        send again

def unrelated():
    return 42
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, opened, "src/uploads.py", UPLOADS)
    write(tmp_path, opened, "src/animals.py", "def zoo(): lions tigers bears\n")
    write(
        tmp_path, opened, "tests/test_uploads.py", "def test_retry(): retry upload failed again\n"
    )
    yield opened
    opened.close()


@pytest.fixture
def reader(engine: Engine) -> Iterator[Reader]:
    opened = engine.reader()
    yield opened
    opened.close()


def test_words_and_meaning_meet(engine: Engine) -> None:
    embed_all(engine)
    response = ask(engine, "where do we retry failed uploads", model=True)
    best = response.hits[0]
    assert (best.path, best.symbol, best.kind) == (b"src/uploads.py", "retry", Kind.FUNCTION)
    assert best.via == ("name", "words", "meaning")
    assert "file name" in best.rules
    assert best.terms == ("retry", "failed", "uploads")
    assert response.notes == []
    assert (response.coverage.files, response.coverage.vectors) == (3, 5)
    assert response.commit == engine.stats().commit
    assert set(response.timings_us) == {
        "words", "vector_wait", "scan", "meaning", "rules", "hits", "total",
    }  # fmt: skip
    tests = [h for h in response.hits if h.path.startswith(b"tests/")]
    assert "lowered: tests" in tests[0].rules


def test_terms_are_the_same_by_the_text_and_by_the_index(engine: Engine) -> None:
    for text in ("where do we retry failed uploads", "retryAgain lions_tigers", "Uploader.retry"):
        asked = ask(engine, text)
        read = ask(engine, text, snippet_lines=1)
        assert [hit.terms for hit in asked.hits] == [hit.terms for hit in read.hits]
        assert any(hit.terms for hit in read.hits)
        assert all(hit.snippet for hit in read.hits)


def test_meaning_alone_leaves_words_out(engine: Engine) -> None:
    embed_all(engine)
    (hit, *_) = ask(engine, "bears tigers lions", model=True, mode=Mode.SEMANTIC).hits
    assert (hit.path, hit.via, hit.terms) == (b"src/animals.py", ("meaning",), ())


def test_words_alone_never_ask_the_model(engine: Engine, reader: Reader) -> None:
    def refuse(text: str) -> Future[QueryVector]:
        raise AssertionError(text)

    query = SearchQuery(text="retry", mode=Mode.LEXICAL)
    response = reader.search(query, refuse, lambda: False)
    assert response.hits[0].via == ("words",) or "name" in response.hits[0].via
    assert response.notes == []


def failing(error: Exception) -> Future[QueryVector]:
    future: Future[QueryVector] = Future()
    future.set_exception(error)
    return future


def answered(vector: QueryVector) -> Future[QueryVector]:
    future: Future[QueryVector] = Future()
    future.set_result(vector)
    return future


def raising(text: str) -> Future[QueryVector]:
    raise WorkerUnavailable(text)


@pytest.mark.parametrize(
    ("embed", "note"),
    [
        (None, "The model cannot be asked now; this answer is by words."),
        (raising, "The model cannot be asked now; this answer is by words."),
        (
            lambda _: failing(WorkerUnavailable("gone")),
            "The model cannot be asked now; this answer is by words.",
        ),
        (lambda _: Future(), "The model did not answer in time; this answer is by words."),
        (
            lambda _: answered(QueryVector(FINGERPRINT, DIM, bytes(4 * DIM))),
            "The model knows none of these words; this answer is by words.",
        ),
        (
            lambda _: answered(QueryVector("other", DIM, b"\0\0\x80?" * DIM)),
            "The index has no vectors of this model yet; this answer is by words.",
        ),
        (
            lambda _: answered(QueryVector(FINGERPRINT, 2, b"\0\0\x80?" * 2)),
            "The index has no vectors of this model yet; this answer is by words.",
        ),
    ],
)
def test_without_a_vector_the_answer_is_by_words(
    engine: Engine, reader: Reader, embed: object, note: str
) -> None:
    embed_all(engine)
    query = SearchQuery(text="retry failed", budget_ms=30)
    response = reader.search(query, embed, lambda: False)  # type: ignore[arg-type]
    assert response.notes == [note]
    assert response.hits[0].path == b"src/uploads.py"
    meaning = SearchQuery(text="retry failed", budget_ms=30, mode=Mode.SEMANTIC)
    response = reader.search(meaning, embed, lambda: False)  # type: ignore[arg-type]
    assert response.hits == []
    assert response.notes[0].endswith("so there is no answer by meaning.")


def test_a_vector_that_comes_during_the_word_search_is_used(engine: Engine, reader: Reader) -> None:
    embed_all(engine)
    future: Future[QueryVector] = Future()
    asked = threading.Event()

    def embed(text: str) -> Future[QueryVector]:
        del text
        asked.set()
        return future

    def answer() -> None:
        asked.wait(10)
        future.set_result(embedder()("retry").result())

    helper = threading.Thread(target=answer)
    helper.start()
    response = reader.search(SearchQuery(text="retry", budget_ms=10_000), embed, lambda: False)
    helper.join(10)
    assert response.notes == []
    assert "meaning" in response.hits[0].via


def test_a_search_is_cancelled_while_it_waits(engine: Engine, reader: Reader) -> None:
    embed_all(engine)
    start = time.monotonic()
    looks = iter([False, False, True])
    with pytest.raises(RequestCancelled):
        reader.search(
            SearchQuery(text="retry", budget_ms=30_000), lambda _: Future(), lambda: next(looks)
        )
    assert time.monotonic() - start < 15
    assert ask(engine, "retry").hits  # and the connection is fit for the next one
    assert reader.search(SearchQuery(text="retry"), None, lambda: False).hits


def test_running_sql_is_interrupted(engine: Engine, reader: Reader) -> None:
    """The filter function is called in the middle of the statement: interrupt from there."""
    original = reader._allowed_file

    def interrupting(*row: int) -> bool:
        reader.interrupt()
        return original(*row)

    reader._conn.create_scalar_function("allowed_file", interrupting, 1)
    with pytest.raises(RequestCancelled):
        reader.search(SearchQuery(text="retry", paths=("src/**",)), None, lambda: False)
    reader._conn.create_scalar_function("allowed_file", original, 1)
    assert reader.search(SearchQuery(text="retry", paths=("src/**",)), None, lambda: False).hits
    reader.close()
    reader.interrupt()  # too late is no error


def test_snippets_are_the_first_lines_as_indexed(engine: Engine) -> None:
    hit = ask(engine, "retry failed upload", snippet_lines=2).hits[0]
    assert hit.snippet == "def retry(failed):\n    for upload in failed:"
    assert ask(engine, "retry").hits[0].snippet == ""


def test_a_file_larger_than_most_has_its_snippet_and_its_vectors(
    engine: Engine, tmp_path: Path
) -> None:
    """`maxFileKib` let it in: its text is read again from the disk, also after a restart."""
    text = "def kestrel():\n    return 1\n\n" + "# a line of nothing\n" * 60_000
    write(tmp_path, engine, "large.py", text)
    assert ask(engine, "kestrel", snippet_lines=1).hits[0].snippet == "def kestrel():"
    engine._work.texts.clear()  # as a restart does
    embed_all(engine)
    stats = engine.stats()
    assert stats.pending == stats.failed_vectors == 0


def test_a_snippet_of_a_changed_file_is_dropped(engine: Engine, tmp_path: Path) -> None:
    changed = UPLOADS.replace("send again", "give up")
    (tmp_path / "src/uploads.py").write_text("# a new first line\n" + changed)
    response = ask(engine, "retry failed upload", mode=Mode.LEXICAL, snippet_lines=2)
    assert response.hits[0].path == b"src/uploads.py"
    assert response.hits[0].snippet == ""
    assert response.notes == ["Changed on disk since it was indexed: src/uploads.py."]
    (tmp_path / "src/uploads.py").unlink()
    assert ask(engine, "retry failed upload", snippet_lines=2).hits[0].snippet == ""


def test_a_name_is_found_by_its_definition_wherever_it_is(engine: Engine, tmp_path: Path) -> None:
    for i in range(130):  # more uses than there are candidates
        write(tmp_path, engine, f"lib/use{i}.py", "uploader " * 8 + f"use{i}")
    hits = ask(engine, "Uploader").hits
    assert (hits[0].path, hits[0].symbol) == (b"src/uploads.py", "Uploader")
    assert "definition" in hits[0].rules
    assert "name" in hits[0].via
    assert ask(engine, "Uploader", kinds=("text",)).hits[0].path != b"src/uploads.py"


def test_a_limit_is_kept(engine: Engine) -> None:
    assert len(ask(engine, "retry", limit=1).hits) == 1
    assert ask(engine, "retry", limit=0).hits == []
    assert ask(engine, "retry", limit=-3).hits == []


def test_equal_files_come_in_a_fixed_order(engine: Engine, tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        write(tmp_path, engine, f"same/{name}.txt", "walrus\n")
    assert found_paths(ask(engine, "walrus")) == ["same/a.txt", "same/b.txt", "same/c.txt"]


def test_a_reader_answers_beside_a_writer(engine: Engine) -> None:
    """Every answer is of one commit: a file's two chunks are replaced together."""
    reader, stop, wrong = engine.reader(), threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            hits = reader.search(SearchQuery(text="pelican"), None, lambda: False).hits
            texts = {h.symbol[-1] for h in hits}
            if len(texts) > 1 or len(hits) not in (0, 2):
                wrong.append([h.symbol for h in hits])

    thread = threading.Thread(target=read)
    thread.start()
    for i in range(150):
        n = i % 10
        engine.replace_file(
            update("p.py", f"def pelican_a{n}(): pass\n\ndef pelican_b{n}(): pass\n")
        )
    stop.set()
    thread.join(20)
    reader.close()
    assert wrong == []


def test_a_search_sees_one_commit_from_words_to_hits(engine: Engine, reader: Reader) -> None:
    """The file is replaced between the word search and the look-up of its candidates."""
    engine.replace_file(update("p.py", "def pelican(): pass\n"))

    def replace_it() -> bool:
        engine.replace_file(update("p.py", "def other(): pass\n"))
        return False

    query = SearchQuery(text="pelican", mode=Mode.LEXICAL)
    assert len(reader.search(query, None, replace_it).hits) == 1
    assert reader.search(query, None, lambda: False).hits == []


def test_a_database_that_breaks_in_use_is_rebuilt_next_time(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "i", str(tmp_path))
    for i in range(50):
        write(tmp_path, engine, f"{i}.py", f"def name{i}(): unicorn\n")
    conn = engine._conn
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    ((page,),) = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'words_data'")
    with (tmp_path / "i" / "gen-1" / "index.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xaa" * 4096)
    with pytest.raises(StorageError, match="put aside and rebuilt"):
        ask(engine, "unicorn")
    engine.close()
    fresh = Engine.open(tmp_path / "i", str(tmp_path))
    assert "put aside" in fresh.stats().recovered
    assert fresh.stats().files == 0
    fresh.close()


def names(reader: Reader, text: str, limit: int = 20) -> list[str]:
    return [found.symbol.name for found in reader.find_symbols(SymbolQuery(text, limit)).symbols]


def test_symbols_come_best_match_first(engine: Engine, reader: Reader) -> None:
    engine.replace_file(
        update(
            "n.py",
            "def get(): pass\n\ndef Get(): pass\n\ndef getter(): pass\n\ndef widget(): pass\n\n"
            "def graph_edit(): pass\n\ndef percent_100(): pass\n",
        )
    )
    assert names(reader, "get") == ["get", "Get", "getter", "widget", "graph_edit"]
    assert names(reader, "Get")[:2] == ["Get", "get"]
    assert names(reader, "GREDIT") == ["graph_edit"]
    assert names(reader, "t_1") == ["percent_100"]
    assert names(reader, "n.getter") == ["getter"]
    assert names(reader, "uploads.retry") == ["retry", "test_retry"]
    assert names(reader, "nowhere.getter") == []
    assert names(reader, "%") == names(reader, "") == names(reader, ".") == []
    assert names(reader, "get", 2) == ["get", "Get"]
    (found,) = reader.find_symbols(SymbolQuery("zoo", 5)).symbols
    assert (found.path, found.symbol.signature) == (b"src/animals.py", "def zoo")
