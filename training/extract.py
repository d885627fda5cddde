"""Turns package archives into pairs: judges the licence, reads what may be read, writes one file.

Runs in a pool of two processes. A package is read once, from start to end; nothing is unpacked.
"""

from __future__ import annotations

import random
import re
import tarfile
import time
import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import attrs
import msgspec

from training import archives, code_pairs, keepout, licences, pairs, prose, syntax

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.lock import Package

# Pairs of a kind that one package gives at most, so that no package drowns the others.
CAPS = {
    "doc": 6000, "detail": 2500, "comment": 2500, "name": 1200, "file": 800, "error": 800,
    "test": 800, "readme": 2500, "prose": 5000,
}  # fmt: skip
_RARE = frozenset(("swift", "kt", "scala", "ex", "exs", "lua", "sh", "zig", "cs", "hs", "php"))
# Bytes of one package that are parsed: about five seconds, the same on every machine.
_BUDGET = 10_000_000
_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|spec|specs|testing|testsuite|unittests?)/|(?:^|/)(?:test_|conftest)"
    r"|_test\.|\.test\.|\.spec\.|[a-z]Tests?\.(?:java|cs|kt|scala|swift|php)$"
)
_GENERATED = re.compile(
    r"\.min\.|_pb2|\.pb\.|zz_generated|lextab|parsetab|_generated|\.generated\.|\.g\.cs$|\.designer\."
    r"|package-lock|(?:^|/)(?:changelog|changes|news|history|release-?notes|authors|genindex|searchindex"
    r"|py-modindex|license|licence|copying|contributors|code_of_conduct|security)\b",
    re.IGNORECASE,
)
_PROSE = re.compile(r"\.(?:md|markdown|rst|html?|xhtml)$|(?:^|/)README[^/]*$", re.IGNORECASE)
_MAX_PROSE = 400_000
_MAX_BYTES = 500_000_000


@attrs.frozen
class Report:
    """What became of one package."""

    name: str
    version: str
    registry: str
    verdict: licences.Verdict
    counts: dict[str, int]
    seconds: float


def extract(package: Package, folder: Path, out: Path) -> Report:
    """Read one package's archives in `folder` and write its pairs to `out`."""
    start = time.process_time()
    if keepout.package_is_kept_out(package.name):
        verdict = licences.Verdict("", "", False, "kept out: evaluation package")
        return Report(package.name, package.version, package.registry, verdict, {}, 0.0)
    files, told, size = [], [], 0
    for archive in package.files:
        for path, data in archives.members(folder / archive.name):
            if licences.is_licence_file(path):
                told.append((path, data.decode("utf-8", "replace")))
            elif size < _MAX_BYTES and _is_wanted(package.name, path, data):
                files.append((path, data))
                size += len(data)
    verdict = licences.judge(told, package.name)
    counts: Counter[str] = Counter()
    if verdict.kept:
        described = [(f"{package.name}/README.md", text.partition("\n\n")[2].encode())
                     for path, text in told if path.endswith("METADATA")]  # fmt: skip
        found = _pairs(package, files + described, verdict.dropped)
        kept = []
        for pair in found:
            if counts[pair.kind] < CAPS[pair.kind]:
                counts[pair.kind] += 1
                kept.append(pair)
        pairs.write(out, kept)
    taken = time.process_time() - start
    return Report(package.name, package.version, package.registry, verdict, dict(counts), taken)


def extract_once(package: Package, folder: Path, out: Path) -> Report:
    """As `extract`, into the folder `out`; what is there already is not made again."""
    told = out / f"{package.key}.report"
    if told.is_file():
        report = msgspec.json.decode(told.read_bytes(), type=Report)
        if report.version == package.version:
            return report
    try:
        report = extract(package, folder, out / f"{package.key}.jsonl")
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, RecursionError) as error:
        verdict = licences.Verdict("", "", False, f"unreadable: {error}"[:120])
        report = Report(package.name, package.version, package.registry, verdict, {}, 0.0)
    told.write_bytes(msgspec.json.encode(report))
    return report


def _is_wanted(package: str, path: str, data: bytes) -> bool:
    if licences.is_unread(package, path):
        return False
    if keepout.path_is_foreign(path) or _GENERATED.search(path) or len(data) < 60:
        return False
    if _PROSE.search(path):
        return len(data) < _MAX_PROSE and "/api/" not in path
    return syntax.is_source(path, data)


def _pairs(  # noqa: C901 - one pass over all kinds of files
    package: Package, files: list[tuple[str, bytes]], dropped: tuple[str, ...]
) -> Iterator[pairs.Pair]:
    rnd = random.Random(package.name)
    rnd.shuffle(files)
    # Of a package too large to be read whole, the languages with few packages come first.
    files.sort(key=lambda file: file[0].rpartition(".")[2].lower() not in _RARE)
    known: dict[str, pairs.Pair] = {}
    tests = []
    left = _BUDGET
    for path, data in files:
        if left < 0:
            break
        left -= len(data)
        text = data[: licences.HEAD].decode("utf-8", "replace")
        if licences.is_dropped(path, dropped) or licences.file_is_restricted(text):
            continue
        if package.registry == "npm":
            path = f"{package.name}/{path}"  # noqa: PLW2901 - npm archives do not name themselves
        if _PROSE.search(path):
            text = data.decode("utf-8", "replace")
            yield from prose.pairs(package.name, path, prose.blocks(path, text), rnd)
            continue
        source = syntax.parse(path, data)
        if source is None:
            continue
        if _TEST.search(path):
            tests.append((path, source))
            continue
        for pair in code_pairs.pairs(source, code_pairs.Place(package.name, path), rnd):
            if pair.kind in ("doc", "name"):
                known.setdefault(pair.name.rpartition(".")[2] or pair.name, pair)
            yield pair
        if source.language in ("rust", "zig"):  # tests stand in the file itself
            tests.append((path, source))
    answers = {name: pair for name, pair in known.items() if pair.kind == "doc"}
    for path, source in tests:
        yield from code_pairs.tests(source, answers, code_pairs.Place(package.name, path))
