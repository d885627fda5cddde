"""Questions taken apart, fusion of scores, and each ranking rule by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherein.domain import Kind
from wherein.ranking import explain, fusion
from wherein.ranking.fusion import Candidate
from wherein.ranking.query import MAX_TEXT, Mention, parse
from wherein.ranking.rules import RULES, apply_rules, aside_kinds


def candidate(
    number: int, path: str = "a.py", score: float = 0.5, definitions: tuple[str, ...] = (),
    symbol: str = "", *, file: int | None = None,
) -> Candidate:  # fmt: skip
    return Candidate(
        number, number if file is None else file, path.encode(), "python", symbol, "function",
        definitions, (number, number + 1, 1, 1), b"", score=score,
    )  # fmt: skip


def only(name: str, question: str, *pool: Candidate) -> list[float]:
    """Run one rule and return the scores."""
    apply_rules(parse(question), pool, [rule for rule in RULES if rule.name == name])
    return [round(c.score, 6) for c in pool]


@pytest.mark.parametrize(
    ("text", "name", "qualifiers"),
    [
        ("Uploader", "Uploader", ()),
        ("Uploader.retry", "retry", ("Uploader",)),
        ("std::vector", "vector", ("std",)),
        ("a->b", "b", ("a",)),
        ("App\\Http\\Kernel", "Kernel", ("App", "Http")),
        ("net/http", "http", ("net",)),
        ("save!", "save!", ()),
        ("Array#empty?", "empty?", ("Array",)),
        ("run()", "run", ()),
        ("$scope", "$scope", ()),
        ("::global", "global", ()),
        ("retry uploads", "", ()),
        ("what?!", "", ()),
        ("a..b", "", ()),
        ("", "", ()),
        ("C++", "", ()),
    ],
)
def test_a_name_is_told_from_a_sentence(text: str, name: str, qualifiers: tuple[str, ...]) -> None:
    question = parse(text)
    assert (question.name, question.qualifiers) == (name, qualifiers)
    assert question.symbol_like == bool(name)


def test_terms_are_stemmed_once_each_and_keep_the_typed_word() -> None:
    question = parse("where do we retry the HTTPRequests and retrying requests")
    assert question.terms == {
        "retry": "retry", "http": "HTTPRequests", "request": "HTTPRequests",
        "httprequests": "HTTPRequests",
    }  # fmt: skip
    assert question.words == ("retry", "http", "request")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("tests of the parser", {"tests"}),
        ("where are retries tested", {"tests"}),
        ("testing client", set()),
        ("generating keys for the benchmark", {"benchmarks"}),
        ("example of usage", {"examples"}),
        ("documentation for the API", {"docs"}),
        ("benchmarks and fixtures", {"benchmarks", "fixtures"}),
        ("latest contest", set()),
    ],
)
def test_what_a_question_asks_for(text: str, kinds: set[str]) -> None:
    assert parse(text).asks_for == kinds


@given(st.text(max_size=300))
def test_any_text_can_be_taken_apart(text: str) -> None:
    question = parse(text)
    assert len(question.terms) <= 64
    assert all(term for term in question.terms)


def test_a_long_text_is_cut() -> None:
    assert len(parse("word " * 5_000).text) <= MAX_TEXT


def test_fusion_weighs_words_and_meaning_above_the_floor() -> None:
    both, words, meaning, none = (candidate(i) for i in range(4))
    both.words, both.cosine = 10.0, 0.8
    words.words, words.cosine = 5.0, 0.1  # below the floor counts as nothing
    meaning.cosine = 0.5
    fusion.fuse([both, words, meaning, none], 0.5, 0.2)
    assert [c.score for c in (both, words, meaning, none)] == pytest.approx([1, 0.25, 0.25, 0])
    fusion.fuse([both, words, meaning, none], 0.0, 0.2)
    assert [c.score for c in (both, words, meaning, none)] == pytest.approx([1, 0.5, 0, 0])
    fusion.fuse([both, words, meaning, none], 1.0, 0.2)
    assert [c.score for c in (both, words, meaning, none)] == pytest.approx([1, 0, 0.5, 0])


def test_fusion_of_equal_cosines_or_of_nothing_is_no_error() -> None:
    one, two = candidate(1), candidate(2)
    one.cosine = two.cosine = 0.4
    fusion.fuse([one, two], 0.5, 0.4)
    assert (one.score, two.score) == (0, 0)
    fusion.fuse([], 0.5, 0.0)


def test_further_chunks_of_a_file_decay() -> None:
    pool = [candidate(1, file=1, score=1.0), candidate(2, file=1, score=0.9),
            candidate(3, file=1, score=0.8), candidate(4, "b.py", file=2, score=0.65)]  # fmt: skip
    ranked = fusion.ordered(pool)
    assert [c.id for c in ranked] == [1, 4, 2, 3]
    assert [c.score for c in ranked] == pytest.approx([1.0, 0.65, 0.63, 0.392])


def test_among_the_best_the_nearest_by_meaning_gains_a_little() -> None:
    far, near, unknown = (candidate(i, f"{i}.py", 1.0) for i in range(3))
    far.cosine, near.cosine = 0.2, 0.6
    assert fusion.nearest_first([far, near, unknown]) == [near, far, unknown]
    assert [c.score for c in (far, near, unknown)] == pytest.approx([1.0, 1.1, 1.0])
    first, second = candidate(1, "a.py", 1.0), candidate(2, "b.py", 0.8)
    first.cosine, second.cosine = 0.1, 0.9
    assert fusion.nearest_first([first, second]) == [first, second]  # a little only
    tail = [candidate(i, f"{i}.py", 0.5) for i in range(30)]
    tail[25].cosine, tail[0].cosine = 0.9, 0.1
    assert fusion.nearest_first(list(tail)) == tail  # what is far down stays there
    assert fusion.nearest_first([]) == []


def test_file_coherence_raises_the_best_of_a_file_by_its_share() -> None:
    pool = (candidate(1, file=1, score=0.6), candidate(2, file=1, score=0.4),
            candidate(3, file=2, score=0.5))  # fmt: skip
    whole = [1.0 + 0.4, 0.4 / 0.6, 0.5 / 0.6 + 0.2]
    assert only("file coherence", "x", *pool) == pytest.approx(whole, abs=1e-6)
    assert [c.rules for c in pool] == [["file coherence"], [], []]


def test_a_long_file_gains_nothing_by_its_many_chunks() -> None:
    short = [candidate(i, file=1, score=1.0) for i in range(6)]
    long = [candidate(10 + i, file=2, score=1.0) for i in range(40)]
    scores = only("file coherence", "x", *short, *long)
    assert scores[0] == scores[6] == pytest.approx(1.4)


def test_definition_exact_other_case_and_file_of_that_name() -> None:
    pool = (
        candidate(1, "x.py", 0, ("retry",)),
        candidate(2, "x.py", 0, ("Retry",)),
        candidate(3, "retries.py", 0, ("retry",)),
        candidate(4, "x.py", 0, ("retry_all",)),
    )
    assert only("definition", "retry", *pool) == [3.0, 1.5, 4.5, 0]
    assert only("definition", "how to retry", candidate(5, "x.py", 0, ("retry",))) == [0]


def test_what_defines_a_name_comes_before_what_passes_it_on() -> None:
    own, passed_on, alone = (candidate(i, "a.py", 1.0) for i in range(3))
    for c in (own, passed_on, alone):
        c.definitions = ("Router",)
    own.symbol = "Router"
    assert only("definition", "Router", own, passed_on) == [4.0, 2.5]
    assert only("definition", "Router", alone) == [4.0]


def test_qualifier_prefers_the_definition_inside_what_was_named() -> None:
    pool = (
        candidate(1, "x.py", 0, ("retry",), "Uploader.retry"),
        candidate(2, "x.py", 0, ("retry",), "Download.retry"),
        candidate(3, "uploader.py", 0, ("retry",), "retry"),
        candidate(4, "uploader.py", 0, (), "Uploader.other"),
    )
    names = ("definition", "qualifier")
    apply_rules(parse("Uploader.retry"), pool, [rule for rule in RULES if rule.name in names])
    assert [c.score for c in pool] == [3.5, 3.0, 3.5, 0]


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("how ClientSession reuses connections", [("ClientSession", "", True)]),
        ("where does get_object_or_404 raise the error", [("get_object_or_404", "", True)]),
        ("how Picker:find opens a window", [("find", "Picker", True)]),
        ("static files sent with res.sendFile", [("sendFile", "res", False)]),
        ("Like before_request, but for all", [("before_request", "", False)]),
        ("in what order are the functions given to use() called", [("use", "", False)]),
        ("HTTPServer and std::vector", [("HTTPServer", "", True), ("vector", "std", True)]),
        ("e.g. http://host/a-b at 10.5, Node.js", []),
        ("retry failed Uploads over HTTP", []),
        ("Uploader.retry", []),  # a name by itself, and no sentence
        ("a_a b_b c_c d_d e_e", [("a_a", "", True), ("b_b", "", True), ("c_c", "", True)]),
    ],
)
def test_code_that_a_sentence_names_is_known(
    text: str, mentions: list[tuple[str, str, bool]]
) -> None:
    assert list(parse(text).mentions) == [Mention(*mention) for mention in mentions]


def test_what_a_sentence_names_is_raised_where_it_is_defined() -> None:
    own, user = candidate(1, definitions=("find",), symbol="Picker:find"), candidate(2)
    assert only("mention", "how Picker:find opens a window", own, user) == [1.6, 1.0]
    assert own.rules == ["mention"]
    for question in (
        "windows opened by Picker:find",  # about something else
        "how Picker:Find opens",
        "how Window:find opens",
    ):
        own.score = 1.0
        assert only("mention", question, own, user) == [1.3, 1.0]


def test_what_many_files_define_says_less_and_imports_say_half() -> None:
    four = [candidate(n, f"{n}.py", 0, ("send_all",), "send_all") for n in range(4)]
    assert only("mention", "how send_all works", *four) == [0.3] * 4
    own = candidate(1, score=0, definitions=("send_all",), symbol="send_all")
    rest = candidate(2, score=0, definitions=("send_all",), file=1)
    assert only("mention", "how send_all works", own, rest) == [0.6, 0.3]


def test_file_and_directory_names_count_by_share_of_the_question() -> None:
    pool = (
        candidate(1, "net/uploads.py", 0),
        candidate(2, "upload/retry_policy.py", 0),
        candidate(3, "deep/net/other.py", 0),
        candidate(4, "uploader.py", 0),
    )
    scores = only("file name", "retry uploads", *pool)
    assert scores == [0.5, 1.0, 0, 0.4]


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("tests/unit/a.py", {"tests"}),
        ("pkg/test_a.py", {"tests"}),
        ("pkg/a_test.go", {"tests"}),
        ("src/a.test.ts", {"tests"}),
        ("src/a.spec.js", {"tests"}),
        ("src/FooTest.java", {"tests"}),
        ("conftest.py", {"tests"}),
        ("spec/a_spec.rb", {"tests"}),
        ("docs/a.md", {"docs"}),
        ("README.md", {"docs"}),
        ("examples/a.py", {"examples"}),
        ("benches/a.rs", {"benchmarks"}),
        ("pkg/testdata/a.json", {"fixtures"}),
        ("api/a_pb2.py", {"generated"}),
        ("src/contest.py", set()),
        ("src/latest.py", set()),
        ("src/testing_tools.py", set()),
        ("src/document.py", set()),
        ("admin/js/vendor/jquery.js", {"vendored"}),
        ("dist/index.mjs", {"generated"}),
    ],
)
def test_what_a_path_is_besides_source(path: str, kinds: set[str]) -> None:
    assert aside_kinds(path.encode()) == kinds


def test_tests_are_lowered_unless_asked_for() -> None:
    assert only("aside", "retry", candidate(1, "tests/a.py", 1.0), candidate(2, "a.py", 1.0)) == [
        0.5, 1.0,
    ]  # fmt: skip
    assert only("aside", "tests of retry", candidate(1, "tests/a.py", 1.0)) == [1.0]


def test_the_tests_inside_a_file_of_rust_are_tests() -> None:
    def rust() -> list[Candidate]:
        found = [candidate(n, "src/a.rs", 1.0, symbol=s) for n, s in enumerate(("tests.it", "f"))]
        for c in found:
            c.language = "rust"
        return found

    assert only("aside", "retry", *rust()) == [0.5, 1.0]
    assert only("aside", "the unit test of retry", *rust()) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("question", "path", "language", "score"),
    [
        ("retry an upload", "a.py", "python", 1.0),
        ("retry an upload", "a.html", "html", 0.5),
        ("the html of an upload", "a.html", "html", 1.0),
        ("which template shows uploads", "a.html", "html", 1.0),
        ("retry configuration", "a.yaml", "yaml", 1.0),
        ("retry an upload", "NOTES.md", "markdown", 0.5),
        ("retry an upload", "translations.po", "", 0.5),
        ("retry an upload", "docs/a.md", "markdown", 1.0),  # lowered for its path already
    ],
)
def test_what_is_not_code_is_lowered_unless_asked_for(
    question: str, path: str, language: str, score: float
) -> None:
    one = candidate(1, path, 1.0)
    one.language = language
    assert only("not code", question, one, candidate(2, "b.py", 1.0)) == [score, 1.0]


def test_what_lowers_comes_first_and_halves_what_is_added_later() -> None:
    test, code = candidate(1, "tests/retry.py", 1.0), candidate(2, "net/retry.py", 0.8)
    apply_rules(parse("when to retry"), [test, code])
    # 0.5 and 0.8, scaled: .625 and 1; coherence .4 of the file's share, the name 1 of 1, once half.
    assert code.score == pytest.approx(1 + 0.4 + 1)
    assert test.score == pytest.approx(0.625 + (0.4 * 0.625 + 1) / 2)


@pytest.mark.parametrize(
    ("path", "kinds"),
    [("test_retry.py", {"tests"}), ("pkg/test_retry.py", {"tests"}),
     ("lib/test_helpers.bash", set()),
     ("src/pkg/test_client.py", set()), ("src/tests/test_client.py", {"tests"}),
     ("src/client.test.ts", {"tests"})],
)  # fmt: skip
def test_a_prefix_alone_makes_no_test_of_what_is_shipped(path: str, kinds: set[str]) -> None:
    assert aside_kinds(path.encode()) == kinds


def test_the_rest_of_a_file_is_lowered_and_a_module_with_a_name_is_not() -> None:
    rest, named = candidate(1, "a.py", 1.0), candidate(2, "a.rb", 1.0)
    rest.kind = named.kind = Kind.MODULE
    rest.symbol, named.symbol = "", "Retry"
    assert only("rest of file", "retry", rest, named) == [0.9, 1.0]


def test_the_name_of_a_symbol_counts_while_it_has_no_vector() -> None:
    with_vector, without, other = (candidate(i, "a.py", 1.0) for i in range(3))
    for c, symbol in (
        (with_vector, "Up.retryUpload"),
        (without, "Up.retryUpload"),
        (other, "Up.x"),
    ):
        c.symbol = symbol
    with_vector.cosine = 0.3
    found = only("symbol name", "when is an upload of a file retried", with_vector, without, other)
    assert found == pytest.approx([1.0, 1.0 + 0.2 * 2 / 3, 1.0], abs=1e-6)
    assert explain.via(without) == ("name",)


def test_each_rule_has_a_name_of_its_own_and_a_weight() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.weight > 0 for rule in RULES)


def test_via_says_what_led_to_a_hit() -> None:
    c = candidate(1)
    assert explain.via(c) == ()
    c.words, c.meant, c.rules = 2.0, True, ["file name"]
    assert explain.via(c) == ("name", "words", "meaning")
    c.rules, c.words = ["file coherence"], 0.0
    assert explain.via(c) == ("meaning",)
