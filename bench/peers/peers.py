"""wherein beside other search programs, on the same trees in the same run: quality and time.

    python bench/peers/peers.py install      once: their environment in bench/.cache/peers
    python bench/quality/run.py peers        measure; part of `make quality` once they are installed

ripgrep by words and FTS5 alone are the shared baselines.py. semble runs with wherein's own static
model (SEMBLE_MODEL_NAME), because its own is on a hub: its published figure is with that one.
Times are of whole processes, alternating, a median of some runs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "quality")]

import engines  # noqa: E402 - as above
import figures  # noqa: E402 - as above
import sets  # noqa: E402 - as above
from report import table  # noqa: E402 - as above

import corpora  # noqa: E402 - found by the path above
from speed import home  # noqa: E402 - as above

ENVIRONMENT = sets.CACHE / "peers"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
MODEL = sets.ROOT / "server/wherein/data/model"
RUNS = 3
COLUMNS = ("ndcg10", "ndcg10_file", "mrr10", "recall10", "hit1")
NAMES = ("wherein", "semble", "FTS5", "ripgrep")


def install() -> None:
    """Make the peers' environment, apart from wherein's."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    pip = [str(BIN / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--only-binary", ":all:", "-r", str(HERE / "requirements.txt")], check=True
    )


def measure(out: Path) -> list[str]:
    """Return the sections of the report; a sentence when the peers are not installed."""
    title = "## Beside others"
    if not (BIN / "semble").exists():
        return [
            f"{title}\n\nNot measured: their environment is missing. "
            "`python bench/peers/peers.py install` makes it."
        ]
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch, _environment(Path(scratch)):
        with home():
            quality = [_quality(one, out) for one in (sets.source(), sets.whole())]
            quality.append(_django(out))
        times = _times(Path(scratch))
    says = (
        "On the same trees in the same run (`python bench/quality/run.py peers`). semble 0.7.0 "
        "runs with wherein's static model, since its own cannot be had offline. Seconds are of "
        "all processes: index and questions, one process a code base (ripgrep and FTS5: one for "
        "all)."
    )
    return [f"{title}\n\n{says}", *quality, times]


@contextmanager
def _environment(scratch: Path) -> Iterator[None]:
    """Peers find their programs and the model, and keep their caches in the scratch folder."""
    changed = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "SEMBLE_MODEL_NAME": str(MODEL),
        "HF_HUB_OFFLINE": "1",
        "XDG_CACHE_HOME": str(scratch / "cache"),
    }
    with mock.patch.dict(os.environ, changed):
        yield


def _quality(questions: sets.QuestionSet, out: Path) -> str:
    rows = []
    kept: dict[str, figures.Rows] = {}
    for name in NAMES:
        answers = out / "peers" / f"{questions.name}-{name}.jsonl"
        seconds = _ask(name, questions, answers)
        kept[name] = scored = figures.evaluate(questions, answers)
        gap = ""
        if name != NAMES[0]:
            c = figures.compare(questions, kept[NAMES[0]], scored, "ndcg10")
            gap = f"{c['mean']:+.3f} [{c['low']:+.3f}, {c['high']:+.3f}]"
        means = [f"{figures.mean(r[m] for r in scored.values()):.3f}" for m in COLUMNS]
        rows.append([name, *means, gap, f"{seconds:.1f}"])
    heads = ["", *figures.HEADS, "wherein's lead (NDCG@10)", "seconds"]
    return f"### {questions.title.capitalize()}: quality and time\n\n{table(heads, rows)}"


def _django(out: Path) -> str:
    """The share of the questions about django whose file is among the first."""
    questions = sets.django()
    rows = []
    for name in NAMES:
        answers = out / "peers" / f"django-{name}.jsonl"
        _ask(name, questions, answers, limit=50)
        ranks = figures.ranks(questions, answers).values()
        rows.append([name, *(f"{100 * figures.within(ranks, n):.0f} %" for n in (1, 5, 10))])
    return (
        f"### The {len(questions.read())} questions about django\n\n"
        + table(["", "first", "in 5", "in 10"], rows)
        + "\n\nOf 50 results, files counted once; FTS5 and ripgrep give 10."
    )


def _ask(name: str, questions: sets.QuestionSet, answers: Path, limit: int = 10) -> float:
    answers.parent.mkdir(parents=True, exist_ok=True)
    if name == "wherein":
        return engines.wherein(questions, answers, limit)
    if name == "semble":
        command = [str(BIN / "python"), str(HERE / "semble_batch.py"), "{dir}", str(limit)]
        return engines.ask(questions, answers, shlex.join(command))
    began = time.perf_counter()
    _baseline(name, questions.trees, questions.questions, answers)
    return time.perf_counter() - began


def _baseline(name: str, trees: Path, questions: Path, answers: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, str(sets.shared() / "baselines.py"), name.lower()),
            *("--corpora", str(trees), "--queries", str(questions), "--out", str(answers)),
        ],
        check=True,
        stdout=sys.stderr,
    )


def _times(scratch: Path) -> str:
    """One question on django's Python files: nothing there yet, and once more."""
    tree = corpora.copy("django", scratch / "tree", "*.py") / "django"
    count = sum(1 for _ in tree.rglob("*.py"))
    question = sets.django().read()[0]["query"]
    asked = scratch / "one.jsonl"
    sets.write_lines(asked, [{"id": "1", "repo": "django", "root": "", "query": question}])
    commands = {
        "wherein": [
            *(sys.executable, "-I", "-m", "wherein", "search", question),
            *("--dir", str(tree)),
        ],
        "semble": [str(BIN / "semble"), "search", question, str(tree), "--max-snippet-lines", "3"],
    }
    cold: dict[str, list[float]] = {name: [] for name in NAMES}
    again: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(RUNS):
        for name, command in commands.items():
            with home():
                _forget(scratch)
                cold[name].append(_seconds(command))
                again[name] += [_seconds(command) for _ in range(2)]
        for name in ("FTS5", "ripgrep"):
            began = time.perf_counter()
            _baseline(name, tree.parent, asked, scratch / "answers.jsonl")
            cold[name].append(time.perf_counter() - began)
    rows = [
        [
            name,
            f"{statistics.median(cold[name]):.2f}",
            f"{statistics.median(again[name] or cold[name]):.2f}",
            *_ratios(name, cold, again),
        ]
        for name in NAMES
    ]
    heads = ["", "nothing there yet, s", "again, s", "ratio to semble", "again, ratio to semble"]
    return (
        f"### Time to one full answer, django ({count:,} Python files), whole process, median of "
        f"{RUNS} (again: {2 * RUNS})\n\n{table(heads, rows)}\n\n"
        "FTS5 and ripgrep keep nothing, so both columns are the same run of theirs."
    )


def _ratios(name: str, *columns: dict[str, list[float]]) -> list[str]:
    """How many times semble's median; a program that keeps nothing has one column of times."""
    out = []
    for times in columns:
        own = times[name] or columns[0][name]
        out.append(f"{statistics.median(own) / statistics.median(times['semble']):.2f}")
    return out


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _forget(scratch: Path) -> None:
    """Remove semble's indexes; the grammars that it unpacks once stay, as wherein's are there."""
    for path in (scratch / "cache/semble").glob("*"):
        if path.is_dir() and path.name != "grammars":
            shutil.rmtree(path)


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        raise SystemExit(__doc__)
    install()
