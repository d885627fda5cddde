"""Word search on a real database: scores, quoting, the budget of postings, filters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_samples import ask, embed_all, found_paths, update
from wherein.db_worker import lexical
from wherein.db_worker.engine import Engine
from wherein.domain import Mode, RemoveFiles, SymbolQuery

NASTY = [
    "", " ", "\0", "\t\n", '"', '""', "'", "it's", "*", "foo*", "^foo", "-foo", "+foo", "foo-bar",
    "AND", "OR", "NOT", "NEAR", "NEAR(", "NEAR(a b, 2)", "a AND", "foo:bar", "text:foo", "foo.bar",
    "std::vector", "C++", "a->b", "(((((", ")", "{x}", "; DROP TABLE files; --", "%", "_", "\\",
    "/usr/*", "emoji 🚀🔥", "e\u0301clair", "\u202eright to left", "\ud800half a pair",
    "(" * 3000, "a " * 2048, "x" * 4096, "文件", "=<>!?@#$%^&", '"a" OR "b', "\u0130stanbul",
]  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "index", str(tmp_path))
    opened.replace_file(update("src/upload.py", "def retry_upload(): retries = 3  # it's C++ foo"))
    opened.replace_file(update("docs/guide.md", "How a retry works.", language="markdown"))
    yield opened
    opened.close()


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_no_text_is_an_error(engine: Engine, text: str) -> None:
    response = ask(engine, text, mode=Mode.LEXICAL)
    assert response.hits or response.notes, "an empty answer says why"
    assert ask(engine, text, model=True, paths=(text,), languages=(text,), kinds=(text,)).notes
    reader = engine.reader()
    reader.find_symbols(SymbolQuery(text))
    reader.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=80))
def test_any_text_is_answered(engine: Engine, text: str) -> None:
    response = ask(engine, text, model=True, paths=(text,))
    assert response.hits or response.notes


def test_more_of_a_term_scores_more(engine: Engine) -> None:
    """Fails when bm25() is 0 for all, as it is without detail=full."""
    engine.replace_file(update("a.py", "zebra zebra zebra other words here"))
    engine.replace_file(update("b.py", "zebra some other words stand here"))
    conn = engine._work._conn
    scores = lexical.search(conn, ["zebra"], 10, filtered=False)
    assert len(set(scores.values())) == 2
    assert min(scores.values()) > 0
    hits = ask(engine, "zebra").hits
    assert [h.path for h in hits] == [b"a.py", b"b.py"]
    assert hits[0].score > hits[1].score


def test_a_word_of_the_text_takes_few_bytes(engine: Engine) -> None:
    """Fails when the text is not the first column: FTS5 then marks each word with two bytes."""
    words = [f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(100)]
    for number in range(60):
        engine.replace_file(update(f"a{number}.py", " ".join(words)))
    engine.optimize_words()
    conn = engine._work._conn
    ((size,),) = conn.execute("SELECT sum(length(block)) FROM words_data").fetchall()
    assert size / (60 * len(words)) < 4


def test_forms_of_a_name_find_each_other(engine: Engine) -> None:
    for text in ("retryUpload", "retry_upload", "RetryUpload", "uploads retrying"):
        assert found_paths(ask(engine, text))[0] == "src/upload.py"


def test_words_of_the_path_count(engine: Engine) -> None:
    engine.replace_file(update("net/transport_layer.py", "x = 1"))
    assert found_paths(ask(engine, "transport layer")) == ["net/transport_layer.py"]


def test_stop_words_count_when_there_is_nothing_else(engine: Engine) -> None:
    assert found_paths(ask(engine, "how")) == ["docs/guide.md"]
    assert "works" in ask(engine, "how does it works").hits[0].terms


def test_terms_say_what_was_found_as_typed(engine: Engine) -> None:
    (hit, *_) = ask(engine, "Retries of Uploading quickly").hits
    assert hit.terms == ("Retries", "Uploading")
    assert "words" in hit.via


def test_a_frequent_term_is_looked_up_with_the_same_result(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "where is retry in upload.py"
    passed_over = [hit.terms for hit in ask(engine, question).hits]
    monkeypatch.setattr(lexical, "PASSED_OVER", 0)
    assert [hit.terms for hit in ask(engine, question).hits] == passed_over
    assert any(len(terms) > 1 for terms in passed_over)


def test_the_budget_takes_rare_terms_first() -> None:
    frequencies = {"common": 5_000, "rare": 2, "medium": 800, "other": 4_000, "absent": 0}
    assert lexical.affordable(frequencies) == ["rare", "medium", "other"]
    assert lexical.affordable({"a": 50_000, "b": 60_000}) == ["a", "b"]
    assert (
        lexical.affordable({f"t{i}": 1 for i in range(100)})
        == sorted(f"t{i}" for i in range(100))[: lexical.MAX_TERMS]
    )


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 90), max_size=60))
def test_small_trees_lose_no_term(frequencies: dict[str, int]) -> None:
    assert set(lexical.affordable(frequencies)) == set(frequencies)


def test_a_filter_brings_pruned_terms_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical.affordable, "__defaults__", (1,))
    for i in range(6):
        engine.replace_file(update(f"src/n{i}.py", f"alpha beta gamma delta number{i}"))
    engine.replace_file(update("other/only.py", "delta"))
    engine.replace_file(update("other/more.py", "delta delta"))
    question = "alpha beta gamma delta"
    assert "other/only.py" not in found_paths(ask(engine, question))
    assert set(found_paths(ask(engine, question, paths=("other/**",)))) == {
        "other/only.py", "other/more.py",
    }  # fmt: skip


def test_frequencies_are_dropped_when_the_index_changed(engine: Engine) -> None:
    known = engine._frequencies
    assert known.of(engine._work._conn, ["zebra"]) == {"zebra": 0}
    engine.replace_file(update("z.py", "zebra"))
    assert known.of(engine._work._conn, ["zebra"]) == {"zebra": 1}
    assert found_paths(ask(engine, "zebra")) == ["z.py"]
    engine.remove_files(RemoveFiles([b"z.py"], b"r"))
    assert ask(engine, "zebra").hits == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"paths": ("docs/**",)}, ["docs/guide.md"]),
        ({"paths": ("docs",)}, ["docs/guide.md"]),
        ({"paths": ("*.py",)}, ["src/upload.py"]),
        ({"paths": ("!docs/**",)}, ["src/upload.py"]),
        ({"paths": ("src/*", "docs/*", "!*.md")}, ["src/upload.py"]),
        ({"languages": ("Markdown",)}, ["docs/guide.md"]),
        ({"kinds": ("function",)}, ["src/upload.py"]),
        ({"kinds": ("text",), "paths": ("docs/**",)}, ["docs/guide.md"]),
    ],
)
@pytest.mark.parametrize("mode", list(Mode))
def test_filters_work_inside_the_retrieval(
    engine: Engine, mode: Mode, filters: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    for path, text in (("src/upload.py", "def retry_upload(): retries = 3  # it's C++ foo"),
                       ("docs/guide.md", "How a retry works.")):  # fmt: skip
        target = Path(engine._root) / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
    embed_all(engine)
    assert found_paths(ask(engine, "retry works", model=True, mode=mode, **filters)) == expected


@pytest.mark.parametrize(
    ("filters", "note"),
    [
        ({"paths": ("lib/**",)}, "Nothing under lib/**."),
        ({"paths": ("lib/**", "x/*")}, "Nothing under lib/**, x/*."),
        ({"languages": ("cobol",)}, "No file in cobol."),
        ({"languages": ("markdown",), "paths": ("src/**",)}, "No file in markdown under src/**."),
        (
            {"kinds": ("function",), "paths": ("docs/**",)},
            "Nothing found within docs/**, function.",
        ),
    ],
)
def test_a_filter_that_matches_nothing_says_so(
    engine: Engine, filters: dict[str, tuple[str, ...]], note: str
) -> None:
    response = ask(engine, "retry", mode=Mode.LEXICAL, **filters)
    assert (response.hits, response.notes) == ([], [note])


def test_wrong_filters_are_named(engine: Engine) -> None:
    assert "no kind 'klass'" in ask(engine, "retry", mode=Mode.LEXICAL, kinds=("klass",)).notes[0]
    for glob in ("", "!", "a[", "*a" * 40, "x" * 2_000):
        notes = ask(engine, "retry", mode=Mode.LEXICAL, paths=(glob,)).notes
        assert "is not a path pattern" in notes[0]


def test_a_word_that_was_asked_for_in_vain_is_found_once_it_is_there(engine: Engine) -> None:
    """Frequencies are kept while few chunks change; that a word is absent must not be."""
    for number in range(300):
        engine.replace_file(update(f"many/f{number}.py", f"value{number} = {number}"))
    assert ask(engine, "ochre", mode=Mode.LEXICAL).hits == []
    engine.replace_file(update("paint.py", "tone = 'ochre'"))
    assert found_paths(ask(engine, "ochre", mode=Mode.LEXICAL)) == ["paint.py"]
