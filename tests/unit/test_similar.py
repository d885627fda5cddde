"""Code like a place: by words and vectors, without the place itself, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from engine_samples import DIM, FINGERPRINT, embed_all, vector_of, write
from wherein.db_worker.engine import Engine
from wherein.domain import EmbedItem, SearchQuery, SearchResponse, SimilarQuery, VectorBatch
from wherein.errors import InvalidParams, RequestCancelled

UPLOADS = """def retry(failed):
    for upload in failed:
        upload.send(backoff)

def checksum(part):
    return digest(part)
"""
DOWNLOADS = """def unrelated():
    return 42

def resume(failed):
    for download in failed:
        download.send(backoff)
"""


def embed_now(items: Sequence[EmbedItem], budget_ms: int) -> Future[VectorBatch]:
    """Embed at once."""
    assert budget_ms > 0
    made = b"".join(vector_of(item.text).tobytes() for item in items)
    done: Future[VectorBatch] = Future()
    done.set_result(VectorBatch(FINGERPRINT, DIM, [item.key for item in items], made, []))
    return done


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    write(tmp_path, opened, "uploads.py", UPLOADS)
    write(tmp_path, opened, "downloads.py", DOWNLOADS)
    write(tmp_path, opened, "zoo.py", "def zoo(): lions tigers bears\n")
    yield opened
    opened.close()


def similar(engine: Engine, *, model: bool = True, **place: object) -> SearchResponse:
    """Ask once; `search` may be given for filters."""
    place.setdefault("search", SearchQuery(text=""))
    reader = engine.reader()
    try:
        query = SimilarQuery(**place)  # type: ignore[arg-type]
        return reader.similar(query, embed_now if model else None, lambda: False)
    finally:
        reader.close()


def names(response: SearchResponse) -> list[str]:
    return [hit.symbol for hit in response.hits]


@pytest.mark.parametrize("model", [True, False])
def test_the_like_is_first_and_the_place_is_left_out(engine: Engine, model: bool) -> None:
    embed_all(engine)
    response = similar(engine, model=model, path=b"uploads.py", start_line=1, end_line=3)
    assert names(response)[0] == "resume"
    assert "retry" not in names(response)
    assert response.hits[0].via == (("words", "meaning") if model else ("words",))
    assert bool(response.notes) is not model


def test_one_line_stands_for_the_definition_around_it(engine: Engine) -> None:
    embed_all(engine)
    around = similar(engine, path=b"uploads.py", start_line=2, end_line=2, around=True)
    whole = similar(engine, path=b"uploads.py", start_line=1, end_line=3)
    assert [(h.symbol, h.score) for h in around.hits] == [(h.symbol, h.score) for h in whole.hits]
    line = similar(engine, path=b"uploads.py", start_line=2, end_line=2, model=False)
    assert [h.score for h in line.hits] != [h.score for h in whole.hits]


def test_without_lines_the_whole_file_is_meant(engine: Engine) -> None:
    embed_all(engine)
    response = similar(engine, path=b"uploads.py")
    assert all(hit.path != b"uploads.py" for hit in response.hits)
    assert names(response)[0] == "resume"


def test_unsaved_text_counts_in_place_of_the_disk(engine: Engine) -> None:
    embed_all(engine)
    text = "def cage(): lions tigers"
    place = {"path": b"uploads.py", "start_line": 1, "end_line": 3, "text": text}
    assert names(similar(engine, **place))[0] == "zoo"
    assert names(similar(engine, text=text))[0] == "zoo"
    new = similar(engine, path=b"new.py", start_line=1, end_line=1, text=text)
    assert names(new)[0] == "zoo"


def test_filters_are_kept(engine: Engine) -> None:
    embed_all(engine)
    search = SearchQuery(text="", paths=("zoo.py",))
    response = similar(engine, path=b"uploads.py", start_line=1, end_line=3, search=search)
    assert {hit.path for hit in response.hits} <= {b"zoo.py"}
    nowhere = SearchQuery(text="", paths=("nowhere/**",))
    assert similar(engine, path=b"uploads.py", search=nowhere).notes


def test_snippets_and_limit(engine: Engine) -> None:
    embed_all(engine)
    search = SearchQuery(text="", limit=1, snippet_lines=1)
    (hit,) = similar(engine, path=b"uploads.py", start_line=1, end_line=3, search=search).hits
    assert hit.snippet == "def resume(failed):"


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"path": b"missing.py"}, "path"),
        ({"path": b"../secret.py"}, "path"),
        ({"path": b"uploads.py", "start_line": 99, "end_line": 99}, "range"),
    ],
)
def test_a_place_that_is_not_there_is_named(
    engine: Engine, tmp_path: Path, place: dict[str, object], field: str
) -> None:
    (tmp_path.parent / "secret.py").write_text("password")
    with pytest.raises(InvalidParams, match=f"^{field}: "):
        similar(engine, **place)


def test_a_file_that_went_away_is_named(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "uploads.py").unlink()
    with pytest.raises(InvalidParams, match=r"^path: uploads\.py cannot be read now"):
        similar(engine, path=b"uploads.py")


def test_blank_lines_are_like_nothing(engine: Engine) -> None:
    response = similar(engine, path=b"uploads.py", start_line=4, end_line=4)
    assert (response.hits, len(response.notes)) == ([], 1)


def test_a_cancelled_request_ends(engine: Engine) -> None:
    reader = engine.reader()
    query = SimilarQuery(search=SearchQuery(text=""), text="failed upload")
    with pytest.raises(RequestCancelled):
        reader.similar(query, None, lambda: True)
    reader.close()
