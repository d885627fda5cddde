"""The evaluation packages stay out of training: by name, as vendored copies, by content."""

from __future__ import annotations

import random

import numpy as np
import pytest
from tokenizers import Tokenizer

from training import keepout, lock
from wherein.embedding import models


@pytest.mark.parametrize(
    "name",
    [
        "flask", "Django", "scikit-learn", "scikit_learn", "librust-serde-json-dev", "ruby-rack",
        "golang-golang-x-net-dev", "golang-github-gin-gonic-gin-dev", "haskell-aeson",
        "libgoogle-gson-java", "php-symfony-console", "librust-tokio-util-dev", "lodash.merge",
        "eslint-plugin-import", "django-debug-toolbar", "nlohmann-json3",
    ],
)  # fmt: skip
def test_packages_that_are_kept_out(name: str) -> None:
    assert keepout.package_is_kept_out(name)


@pytest.mark.parametrize("name", ["werkzeug", "engine.io", "plugin", "richer", "ginkgo", "cursive"])
def test_packages_that_only_sound_alike(name: str) -> None:
    assert not keepout.package_is_kept_out(name)


@pytest.mark.parametrize(
    "path",
    [
        "pip/_vendor/urllib3/pool.py", "x/third_party/zlib/inflate.c", "a/requests/sessions.py",
        "src/vendor/lib.go", "deps/hiredis/read.c", "a/node_modules/x/i.js", "x/Django/db/m.py",
    ],
)  # fmt: skip
def test_vendored_copies_are_not_read(path: str) -> None:
    assert keepout.path_is_foreign(path)


def test_own_files_are_read() -> None:
    assert not keepout.path_is_foreign("src/http/requests.py")
    assert not keepout.path_is_foreign("werkzeug/routing/map.py")


def test_no_locked_package_is_kept_out() -> None:
    locked = lock.read()
    assert len(locked) > 500
    assert [one.name for one in locked if keepout.package_is_kept_out(one.name)] == []


def test_no_archive_is_both_learnt_from_and_evaluated_on() -> None:
    evaluation = {file.sha256 for one in lock.read(lock.EVALUATION) for file in one.files}
    assert len(evaluation) > 40
    assert not evaluation & {file.sha256 for one in lock.read() for file in one.files}


def words(seed: int, count: int) -> str:
    rnd = random.Random(seed)
    return " ".join(
        f"{rnd.choice('abcdefgh')}{rnd.choice('xyz')}{rnd.randrange(99)}" for _ in range(count)
    )


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(models.resolve("default").folder / "tokenizer.json"))


def shares(known: list[str], asked: list[str], tokenizer: Tokenizer) -> list[float]:
    prints = keepout.Fingerprints()
    for text in known:
        prints.add(np.array(tokenizer.encode(text).ids, dtype=np.uint16))
    encoded = [tokenizer.encode(text).ids for text in asked]
    offsets = np.cumsum([0, *map(len, encoded)])
    ids = np.array([token for one in encoded for token in one], dtype=np.uint16)
    return prints.share(ids, offsets).tolist()


def test_content_gives_a_copy_away(tokenizer: Tokenizer) -> None:
    evaluated, other = words(1, 300), words(2, 300)
    middle = " ".join(evaluated.split()[100:200])
    half = middle + " " + words(3, 100)
    reformatted = middle.upper().replace(" ", "\n    ")
    copied, mixed, new, changed = shares([evaluated], [middle, half, other, reformatted], tokenizer)
    assert copied == 1.0
    assert 0.35 < mixed < 0.65
    assert new < 0.05
    assert changed == 1.0


def test_a_text_shorter_than_a_run_shares_nothing(tokenizer: Tokenizer) -> None:
    assert shares(["a b c"], ["a b c", ""], tokenizer) == [0.0, 0.0]
