"""The steps of `make model`, in order, each with what it leaves under the work folder."""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from tokenizers import Tokenizer

from training import (
    audit,
    clean,
    encoded,
    extract,
    fetch,
    fit,
    join,
    keepout,
    lock,
    measure,
    package,
    start,
    tokens,
    written,
)
from training.pairs import write as write_pairs

if TYPE_CHECKING:
    from pathlib import Path

    from training.encoded import Encoded
    from training.extract import Report
    from training.pairs import Pair

NAMES = ("fetch", "extract", "clean", "teach", "fit")
VOCABULARY = 30_000
DIMENSIONS = 256
# While it is trained a table is wider; see `join`.
WIDE = 384
RECIPE = fit.Recipe(kinds={written.KIND: 1.5})
# Share of the pairs of a kind that is used; of the others all are. Chosen on the tuning packages.
SHARES = {
    "detail": 0.3, "comment": 0.1, "name": 0.15, "error": 0.1, "prose": 0.15, "readme": 0.3,
    "test": 0.5,
}  # fmt: skip
# Openings of questions; they teach the table how little such words say.
PREFIXES = (
    "where is the code that", "where do we", "how does it", "which function", "what is used to",
    "find the place where", "code to", "how to", "the part that", "where does it",
    "which class is responsible for", "show me how", "what happens when", "implementation of",
)  # fmt: skip
_PROCESSES = 2
_SENTENCES = 20_000  # that the teacher reads
_LONGEST = 24  # words of such a sentence
_TUNING_PER_LANGUAGE = 400

_began = time.monotonic()


def say(text: str) -> None:
    """Tell how far the run is, on stderr."""
    print(f"[{time.monotonic() - _began:5.0f} s] {text}", file=sys.stderr, flush=True)


def run(work: Path, seeds: int, until: str) -> None:
    """Run the steps up to `until`."""
    packages, evaluation = lock.read(), lock.read(lock.EVALUATION)
    downloads = work / "downloads"
    missing = fetch.fetch(packages, downloads, say) + fetch.fetch(evaluation, downloads, say)
    for one in missing:
        say(f"not to be had: {one.registry} {one.name} {one.version}")
    if until == "fetch":
        return
    reports = extract_all([one for one in packages if one not in missing], work)
    audit.write(work / "LICENCES.md", reports)
    if until == "extract":
        return
    names = [one.key for one in packages if one not in missing]
    gone = [one for one in evaluation if one not in missing]
    data, tuning, asked, tokenizer = clean_all(names, gone, work)
    if until == "clean":
        return
    rows, teacher = teach_all(tokenizer, work)
    if until == "teach":
        return
    recipes = [attrs.evolve(RECIPE, seed=seed) for seed in range(seeds)]
    found = train_all(data, (tuning, asked), tokenizer, rows, teacher, recipes)
    wide = join.mean([table for table, _ in found])
    table = join.narrow(wide, data, DIMENSIONS, RECIPE, _prefixes(tokenizer))
    about = {"pairs": len(data), "tuning": figures(tuning, asked, table)}
    other = measure.mean(about["tuning"]["other words"])
    say(f"joined: tuning {measure.summary(tuning, table)}, in other words {other:.4f}")
    package.write(work / "model", table, tokenizer, {"training": attrs.asdict(RECIPE), **about})
    results = [*(told for _, told in found), about]
    (work / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def extract_all(packages: list[lock.Package], work: Path) -> list[Report]:
    """Read all packages in two processes; what a run before has read is not read again."""
    out = work / "pairs"
    out.mkdir(exist_ok=True)
    reports: list[Report] = []
    total = 0
    reading = partial(_extract, downloads=work / "downloads", out=out)
    with multiprocessing.Pool(_PROCESSES) as pool:
        for report in pool.imap_unordered(reading, packages):
            reports.append(report)
            total += sum(report.counts.values())
            if len(reports) % 100 == 0 or len(reports) == len(packages):
                say(f"read {len(reports):,} of {len(packages):,} packages, {total:,} pairs")
    return reports


def _extract(one: lock.Package, downloads: Path, out: Path) -> Report:
    return extract.extract_once(one, downloads / one.registry, out)


def clean_all(
    names: list[str], evaluation: list[lock.Package], work: Path
) -> tuple[Encoded, Encoded, Encoded, Tokenizer]:
    """Clean, train the tokenizer, encode, and drop what the evaluation packages have as well.

    Returns what is trained on, the tuning pairs, and those asked in other words among them.
    """
    places = [work / name for name in ("training.npz", "tuning.npz", "asked.npz")]
    place = work / "tokenizer.json"
    if all(one.is_file() for one in (*places, place)):
        training, tuning, asked = map(encoded.load, places)
        return training, tuning, asked, _tokenizer(place)
    kept = clean.clean(work / "pairs", names)
    say(f"{len(kept.training):,} pairs, {len(kept.tuning):,} for tuning, {dict(kept.dropped)}")
    training = to_train_on(kept.training)
    tokenizer = tokens.train(training, VOCABULARY)
    say(f"tokenizer of {tokenizer.get_vocab_size():,} tokens")
    tokenizer.save(str(place))
    known = clean.fingerprints(clean.sources(evaluation, work / "downloads"), tokenizer)
    say("fingerprints of the evaluation packages taken")
    data, good = _encoded(training, tokenizer, known)
    _write_sentences(work, training, good)
    chosen = _sample(kept.tuning)
    tuning, good = _encoded(chosen, tokenizer, known)
    chosen = [one for one, ok in zip(chosen, good, strict=True) if ok]
    write_pairs(tuning_pairs(work), chosen)
    asked = encoded.encode(written.asked(kept.tuning) + chosen, tokenizer)
    for one, path in zip((data, tuning, asked), places, strict=True):
        one.save(path)
    return data, tuning, asked, tokenizer


def _encoded(
    pairs: list[Pair], tokenizer: Tokenizer, known: keepout.Fingerprints
) -> tuple[Encoded, np.ndarray[Any, Any]]:
    """Encode pairs; also mark those that stay because they share little with evaluation code."""
    data = encoded.encode(pairs, tokenizer)
    good = clean.without_leaks(data, known)
    kinds = np.array(data.names["kind"])[data.kind]
    counted = {str(kind): int((kinds[good] == kind).sum()) for kind in np.unique(kinds)}
    say(f"{int((~good).sum()):,} pairs share too much with evaluation packages; left {counted}")
    return data.subset(np.flatnonzero(good)), good


def tuning_pairs(work: Path) -> Path:
    """Where the pairs of the tuning packages are kept, for comparing models."""
    return work / "tuning.jsonl"


def _tokenizer(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def to_train_on(read: list[Pair]) -> list[Pair]:
    """Return a share of the pairs that were read, by kind, and all whose questions were written."""
    rnd = random.Random(0)
    taken = [pair for pair in read if rnd.random() < SHARES.get(pair.kind, 1.0)]
    return taken + written.sought(read) + written.pairs()


def _sample(pairs: list[Pair]) -> list[Pair]:
    """Take the same number of documented definitions of each language."""
    rnd = np.random.default_rng(0)
    found: list[Pair] = []
    for language in sorted({pair.language for pair in pairs}):
        own = [pair for pair in pairs if pair.language == language and pair.kind == "doc"]
        order = rnd.permutation(len(own))[:_TUNING_PER_LANGUAGE]
        found += [own[number] for number in order]
    return found


def _write_sentences(work: Path, pairs: list[Pair], good: np.ndarray[Any, Any]) -> None:
    """Keep a sample of queries of all kinds for the teacher."""
    rnd = np.random.default_rng(0)
    texts = [
        pairs[number].query
        for number in rnd.permutation(np.flatnonzero(good))[: 4 * _SENTENCES]
        if 4 <= pairs[number].query.count(" ") < _LONGEST and pairs[number].kind != "name"
    ]
    (work / "sentences.json").write_text(json.dumps(texts[:_SENTENCES]))


def teach_all(tokenizer: Tokenizer, work: Path) -> tuple[np.ndarray[Any, Any], fit.Teacher | None]:
    """Let the teacher read the vocabulary, and the sentences if the recipe imitates it."""
    folder = start.build_teacher(work / "minilm", work / "minilm.work")
    place = work / "vocabulary.npy"
    if not place.is_file():
        np.save(place, start.teach(start.vocabulary(tokenizer), folder, say))
    rows = start.reduce(np.load(place), WIDE)
    if not RECIPE.teacher:
        return rows, None
    place = work / "sentences.npy"
    texts: list[str] = json.loads((work / "sentences.json").read_text())
    if not place.is_file():
        np.save(place, start.teach(texts, folder, say))
    return rows, fit.Teacher(_encode_texts(texts, tokenizer), np.load(place))


def _encode_texts(texts: list[str], tokenizer: Tokenizer) -> Encoded:
    return encoded.encode([encoded.as_query(text) for text in texts], tokenizer)


def train_all(  # noqa: PLR0917
    data: Encoded,
    tuning: tuple[Encoded, Encoded],
    tokenizer: Tokenizer,
    rows: np.ndarray[Any, Any],
    teacher: fit.Teacher | None,
    recipes: list[fit.Recipe],
) -> list[tuple[np.ndarray[Any, Any], dict[str, Any]]]:
    """Train a table by each recipe, two at a time in processes that inherit the data."""
    # Here and not in the processes: the tokenizer's threads do not outlive a fork, it would hang.
    training = partial(train, data, tuning, _prefixes(tokenizer), rows, teacher)
    with multiprocessing.get_context("fork").Pool(_PROCESSES) as pool:
        return pool.map(training, recipes, chunksize=1)


def _prefixes(tokenizer: Tokenizer) -> list[list[int]]:
    return [one.ids for one in tokenizer.encode_batch_fast(list(PREFIXES))]


def train(  # noqa: PLR0917
    data: Encoded,
    tuning: tuple[Encoded, Encoded],
    prefixes: list[list[int]],
    rows: np.ndarray[Any, Any],
    teacher: fit.Teacher | None,
    recipe: fit.Recipe,
) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """Train one table; returns its rows as they are used, and its figures in tuning."""
    table = fit.start_table(data, rows, recipe)
    began = time.process_time()

    def told(text: str) -> None:
        say(f"seed {recipe.seed}: {text}")

    folded = fit.fit(data, table, recipe, prefixes, teacher, told, tuning[0]).folded()
    spent = round(time.process_time() - began)
    return folded, {"seed": recipe.seed, "cpu_seconds": spent, "tuning": figures(*tuning, folded)}


def figures(
    tuning: Encoded, asked: Encoded, folded: np.ndarray[Any, Any]
) -> dict[str, dict[str, float]]:
    """Return the mean reciprocal rank of each language.

    As asked, without shared words, and asked in other words.
    """
    found = {
        name: measure.by_language(tuning, measure.reciprocal_ranks(tuning, folded, blind))
        for name, blind in (("asked", False), ("blind", True))
    }
    return found | {"other words": measure.in_other_words(asked, folded)}
