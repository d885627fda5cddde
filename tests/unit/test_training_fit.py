"""Training end to end on a toy language: it learns, repeats itself, and its files are usable."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
import pytest

pytest.importorskip("scipy", reason="the training extra is not installed")

from tokenizers import Tokenizer

from training import (
    clean,
    encoded,
    fit,
    join,
    measure,
    package,
    pairs,
    start,
    steps,
    tokens,
    written,
)
from training.pairs import Pair
from wherein.domain import EmbedItem
from wherein.embedding import models
from wherein.embedding.fastembed_backend import load_embedder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.encoded import Encoded
    from training.model import Table

# What a person says, and what the code calls it: no word is the same.
WORDS = {
    "shrink": "gzip", "delete": "remove", "login": "authenticate", "picture": "image",
    "folder": "directory", "network": "socket", "speed": "throughput", "guess": "predict",
    "copy": "clone", "letter": "char", "number": "integer", "wait": "sleep",
}  # fmt: skip
RECIPE = fit.Recipe(
    epochs=30, batch=64, block=8, rate=2e-2, short=0.0, dropout=0.0, blind=0.3, teacher=0.0
)


def toy(count: int, seed: int) -> list[Pair]:
    rnd = random.Random(seed)
    made = []
    for number in range(count):
        asked = rnd.sample(sorted(WORDS), 3)
        code = " ".join(f"{WORDS[word]}(x)" for word in asked)
        query = "the part to " + " and ".join(asked)
        made.append(Pair("doc", "toy", f"p{number % 4}", "a/b.toy", "", query, code, ""))
    return made


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tokens.train(toy(400, 0), 300)


def rows_of(tokenizer: Tokenizer) -> NDArray[np.float32]:
    """Rows to begin with."""
    rows = np.random.default_rng(5).normal(size=(tokenizer.get_vocab_size(), 16))
    return rows.astype(np.float32)


def trained(tokenizer: Tokenizer, seed: int = 0) -> tuple[Table, Encoded]:
    data, tuning = (encoded.encode(toy(count, n), tokenizer) for n, count in ((0, 400), (1, 60)))
    table = fit.start_table(data, rows_of(tokenizer), RECIPE)
    before = np.nanmean(measure.reciprocal_ranks(tuning, table.folded()))
    assert before < 0.4
    recipe = attrs.evolve(RECIPE, seed=seed)
    prefixes = [tokenizer.encode("where is").ids]
    return fit.fit(data, table, recipe, prefixes, None, lambda _: None), tuning


def test_it_learns_words_that_are_written_differently(tokenizer: Tokenizer) -> None:
    table, tuning = trained(tokenizer)
    assert np.nanmean(measure.reciprocal_ranks(tuning, table.folded())) > 0.8
    assert np.nanmean(measure.reciprocal_ranks(tuning, table.folded(), blind=True)) > 0.8


def test_the_same_seed_gives_the_same_table(tokenizer: Tokenizer) -> None:
    first, second = trained(tokenizer)[0], trained(tokenizer)[0]
    assert np.array_equal(first.folded(), second.folded())


def test_what_is_written_is_read_by_the_product_and_finds_the_same(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    table, tuning = trained(tokenizer)
    package.write(tmp_path / "toy", table.folded(), tokenizer, {})
    embedder = load_embedder(models.resolve(str(tmp_path / "toy")))
    asked = toy(60, 1)
    documents = embedder.embed_documents([EmbedItem(b"", one.header, one.code) for one in asked])
    queries = np.stack([embedder.embed_query(one.query) for one in asked])
    chosen = np.arange(len(asked))
    ours = measure.vectors(encoded.queries(tuning, chosen), table.folded())
    assert (queries * ours).sum(axis=1).min() > 0.999
    ours = measure.vectors(encoded.answers(tuning, chosen), table.folded())
    assert (documents.vectors * ours).sum(axis=1).min() > 0.999


def test_a_teacher_brings_sentences_nearer_that_it_finds_alike(tokenizer: Tokenizer) -> None:
    data = encoded.encode(toy(400, 0), tokenizer)
    texts = ["shrink", "picture", "wait", "speed"]
    sentences = encoded.encode([encoded.as_query(text) for text in texts], tokenizer)
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    rows = np.random.default_rng(5).normal(size=(tokenizer.get_vocab_size(), 16))
    likeness = []
    for weight in (0.0, 5.0):
        table = fit.start_table(data, rows.astype(np.float32), RECIPE)
        recipe = attrs.evolve(RECIPE, teacher=weight, teacher_batch=16)
        teacher = fit.Teacher(sentences, vectors)
        fit.fit(data, table, recipe, [], teacher, lambda _: None)
        found = measure.vectors(encoded.queries(sentences, np.arange(4)), table.folded())
        likeness.append(found[0] @ found[1] - found[0] @ found[2])
    assert likeness[1] > likeness[0] + 0.3


def test_batches_are_made_of_blocks_of_one_package(tokenizer: Tokenizer) -> None:
    data = encoded.encode(toy(400, 0), tokenizer)  # four packages of a hundred
    recipe = attrs.evolve(RECIPE, epochs=1, batch=40, block=20, enough=1.0)
    planned = list(fit.batches(data, recipe, np.random.default_rng(0)))
    assert sorted(np.concatenate(planned)) == list(range(400))
    blocks = data.package[np.concatenate(planned)].reshape(-1, 20)
    assert (blocks == blocks[:, :1]).all()
    assert len(np.unique(blocks[:5, 0])) > 1, "blocks are shuffled"


def test_repeated_pairs_are_dropped_and_tuning_packages_set_aside(tmp_path: Path) -> None:
    one = Pair("doc", "python", "p", "a.py", "f", "Opens the door.", "def f(): pass")
    again = Pair("doc", "python", "q", "b.py", "f", "Closes the door.", "def  f():\n    pass")
    aside = Pair("doc", "python", "werkzeug", "w.py", "g", "Sends it.", "def g(): pass")
    leaked = Pair("doc", "python", "x", "x/requests/api.py", "get", "Gets it.", "def get(): 1")
    often = [Pair("doc", "python", "r", "c.py", "f", "Opens it!", f"def f{n}()") for n in range(5)]
    pairs.write(tmp_path / "a.jsonl", [one, again, aside, leaked, *often])
    kept = clean.clean(tmp_path, ["a", "missing"])
    assert [pair.code for pair in kept.training] == ["def f(): pass", "def f0()", "def f1()"]
    assert kept.tuning == [aside]
    assert kept.dropped == {"repeated answer": 1, "kept out": 1, "repeated query": 3}


def test_code_of_an_evaluation_package_is_dropped_by_its_content(tokenizer: Tokenizer) -> None:
    evaluation = " ".join(one.code for one in toy(20, 9))
    copied = Pair("doc", "toy", "p", "a", "", "copy", evaluation[50:400])
    other = Pair("doc", "toy", "p", "a", "", "delete", "clone remove image directory socket " * 9)
    data = encoded.encode([copied, other], tokenizer)
    known = clean.fingerprints(iter([evaluation]), tokenizer)
    assert clean.without_leaks(data, known).tolist() == [False, True]


def test_the_rows_of_a_smaller_table_keep_the_directions_that_matter() -> None:
    rnd = np.random.default_rng(0)
    flat = np.zeros((50, 6), dtype=np.float32)
    flat[:, :2] = rnd.normal(size=(50, 2))
    less = start.reduce(flat, 2)
    centred = flat - flat.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert less @ less.T == pytest.approx(centred @ centred.T, abs=1e-3)


def test_many_pairs_are_encoded_by_two_processes_as_by_one(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = toy(60, 1)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    alone = encoded.encode(asked, tokenizer)
    monkeypatch.setattr(encoded, "_BLOCK", 7)
    together = encoded.encode(asked, tokenizer)
    assert together.ids["code"].tolist() == alone.ids["code"].tolist()
    assert together.offsets["query"].tolist() == alone.offsets["query"].tolist()


def test_tables_joined_and_narrowed_find_what_they_found(tokenizer: Tokenizer) -> None:
    (first, tuning), (second, _) = trained(tokenizer), trained(tokenizer, seed=1)
    joined = join.mean([first.folded(), second.folded() * 7])
    weight = np.linalg.norm(first.folded(), axis=1).mean()
    alone = np.linalg.norm(second.folded(), axis=1).mean()
    assert np.allclose(joined, (first.folded() / weight + second.folded() / alone) / 2, atol=1e-5)
    less = join.narrow(joined, tuning, 8, RECIPE, [], steps=0)
    assert less.shape == (tokenizer.get_vocab_size(), 8)
    assert np.nanmean(measure.reciprocal_ranks(tuning, less)) > 0.7
    whole = join.narrow(joined, tuning, 16, RECIPE, [], steps=0)  # only turned: likenesses stay
    assert np.allclose(whole @ whole.T, joined @ joined.T, atol=1e-4)


def test_a_table_that_is_cut_learns_which_directions_tell_answers_apart(
    tokenizer: Tokenizer,
) -> None:
    table, tuning = trained(tokenizer)
    data = encoded.encode(toy(400, 0), tokenizer)
    recipe = attrs.evolve(RECIPE, epochs=40)
    cuts = [join.narrow(table.folded(), data, 3, recipe, [], steps) for steps in (0, 300)]
    found = [np.nanmean(measure.reciprocal_ranks(tuning, cut)) for cut in cuts]
    assert found[1] > found[0] + 0.02
    ratio = cuts[1].std() / cuts[0].std()
    assert 0.8 < ratio < 1.25  # turned, not blown up


ALL = """
import sys
sys.path[:0] = {paths!r}
import attrs
from test_training_fit import RECIPE, rows_of, toy
from training import encoded, steps, tokens
tokenizer = tokens.train(toy(400, 0), 300)
data = encoded.encode(toy(400, 0), tokenizer)
tuning = encoded.encode(toy(60, 1), tokenizer)
tokenizer.encode_batch_fast(["a text"] * 10_000)  # its threads are there now
recipes = [attrs.evolve(RECIPE, seed=seed, epochs=1) for seed in range(3)]
found = steps.train_all(data, (tuning, tuning), tokenizer, rows_of(tokenizer), None, recipes)
print([told["seed"] for _, told in found])
"""


def test_tables_are_trained_in_processes_that_do_not_hang() -> None:
    """`make model` in one go did, in the tokenizer that the processes had inherited."""
    here = Path(__file__).parent
    script = ALL.format(paths=[str(here), str(here.parents[1])])
    settings = {"TOKENIZERS_PARALLELISM": "true", "OPENBLAS_NUM_THREADS": "1"}  # as __main__ has
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **settings},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "[0, 1, 2]", done.stderr


def test_what_was_written_is_trained_on() -> None:
    line = written.questions(written.SOUGHT_FOLDER / "go.jsonl")[0]
    answer = Pair("doc", line.language, line.package, line.file, line.name, "q", "code")
    found = steps.to_train_on([answer])
    assert found[0] == answer
    assert [one.query for one in found if one.kind == written.SOUGHT] == line.asked
    asked = sum(len(one.asked) for _, one in written.concepts())
    assert sum(one.kind == written.KIND for one in found) == asked


def test_of_equally_frequent_characters_the_same_are_kept_in_every_run() -> None:
    signs = [chr(code) for code in range(0x2200, 0x2300)]
    rare, frequent = ["¨", *signs, "ß", "χ"], "é" * 3
    kept = tokens.alphabet([frequent, *rare])
    assert len(kept) == len(set(kept)) == 200
    assert kept[:36] == list("abcdefghijklmnopqrstuvwxyz0123456789")
    assert kept[36:40] == ["é", "ß", "χ", "¨"]  # the frequent, then letters, then by code
    assert kept == tokens.alphabet([frequent, *reversed(rare)])
    some = [Pair("doc", "toy", "p", "", "", "", text) for text in (frequent, *rare)]
    assert set(kept) <= set(tokens.train(some, 260).get_vocab())
