"""The steps of `make model`, in order, each with what it leaves under the work folder."""

from __future__ import annotations

import json
import multiprocessing
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
    lock,
    measure,
    package,
    start,
    tokens,
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
RECIPE = fit.Recipe(kinds={"detail": 0.6, "comment": 0.5, "name": 0.35, "error": 0.6, "prose": 0.6})
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
    data, tuning, tokenizer = clean_all(names, gone, work)
    if until == "clean":
        return
    rows, teacher = teach_all(tokenizer, work)
    if until == "teach":
        return
    told = []
    for seed in range(seeds):
        recipe = attrs.evolve(RECIPE, seed=seed)
        told.append(train(work / f"seed-{seed}", data, tuning, tokenizer, rows, teacher, recipe))
    (work / "results.json").write_text(json.dumps(told, indent=1) + "\n")


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
) -> tuple[Encoded, Encoded, Tokenizer]:
    """Clean, train the tokenizer, encode, and drop what the evaluation packages have as well."""
    places = work / "training.npz", work / "tuning.npz", work / "tokenizer.json"
    if all(place.is_file() for place in places):
        return encoded.load(places[0]), encoded.load(places[1]), _tokenizer(places[2])
    kept = clean.clean(work / "pairs", names)
    say(f"{len(kept.training):,} pairs, {len(kept.tuning):,} for tuning, {dict(kept.dropped)}")
    tokenizer = tokens.train(kept.training, VOCABULARY)
    say(f"tokenizer of {tokenizer.get_vocab_size():,} tokens")
    tokenizer.save(str(places[2]))
    known = clean.fingerprints(clean.sources(evaluation, work / "downloads"), tokenizer)
    say("fingerprints of the evaluation packages taken")
    found = []
    tuned = _sample(kept.tuning)
    for pairs in (kept.training, tuned):
        data = encoded.encode(pairs, tokenizer)
        good = clean.without_leaks(data, known)
        kinds = np.array(data.names["kind"])[data.kind]
        counted = {str(kind): int((kinds[good] == kind).sum()) for kind in np.unique(kinds)}
        say(f"{int((~good).sum()):,} pairs share too much with evaluation packages; left {counted}")
        found.append(data.subset(np.flatnonzero(good)))
        if pairs is kept.training:
            _write_sentences(work, pairs, good)
        else:
            write_pairs(
                tuning_pairs(work), (one for one, ok in zip(pairs, good, strict=True) if ok)
            )
    found[0].save(places[0])
    found[1].save(places[1])
    return found[0], found[1], tokenizer


def tuning_pairs(work: Path) -> Path:
    """Where the pairs of the tuning packages are kept, for comparing models."""
    return work / "tuning.jsonl"


def _tokenizer(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


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
    rows = start.reduce(np.load(place), DIMENSIONS)
    if not RECIPE.teacher:
        return rows, None
    place = work / "sentences.npy"
    texts: list[str] = json.loads((work / "sentences.json").read_text())
    if not place.is_file():
        np.save(place, start.teach(texts, folder, say))
    return rows, fit.Teacher(_encode_texts(texts, tokenizer), np.load(place))


def _encode_texts(texts: list[str], tokenizer: Tokenizer) -> Encoded:
    return encoded.encode([encoded.as_query(text) for text in texts], tokenizer)


def train(  # noqa: PLR0917
    out: Path,
    data: Encoded,
    tuning: Encoded,
    tokenizer: Tokenizer,
    rows: np.ndarray[Any, Any],
    teacher: fit.Teacher | None,
    recipe: fit.Recipe,
) -> dict[str, Any]:
    """Train and write one model; returns its figures on the tuning packages."""
    prefixes = [one.ids for one in tokenizer.encode_batch_fast(list(PREFIXES))]
    table = fit.start_table(data, rows, recipe)
    began = time.process_time()
    table = fit.fit(data, table, recipe, prefixes, teacher, say, tuning)
    spent = time.process_time() - began
    ranks = {
        name: measure.reciprocal_ranks(tuning, table.folded(), recipe.header_weight, blind)
        for name, blind in (("asked", False), ("blind", True))
    }
    told = {
        "seed": recipe.seed,
        "pairs": len(data),
        "cpu_seconds": round(spent),
        "tuning": {name: measure.by_language(tuning, one) for name, one in ranks.items()},
    }
    package.write(out, table.folded(), tokenizer, {"training": attrs.asdict(recipe), **told})
    return told
