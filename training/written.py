"""Questions that were written for the pipeline: in plain words, for what code calls otherwise.

Documentation says what code says, so pairs taken from packages teach hardly any other words for it.
Each line of `written/FIELD.jsonl` is one thing that software does: `names` that code would give it,
`code` words of its body, and `asked`, ways to ask for it in other words. They are trained on. Each
line of `sought/LANGUAGE.jsonl` is a function or a file that is trained on, and questions that
somebody would ask who does not know it. Each line of `asked.jsonl` is a function of a tuning
package and two questions about it in other words than its own: by those recipes are chosen.
MODEL_CARD.md says who wrote all this, and how it was kept apart from the questions that models are
measured by.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from training.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FOLDER = Path(__file__).parent / "written"
SOUGHT_FOLDER = Path(__file__).parent / "sought"
QUESTIONS = Path(__file__).parent / "asked.jsonl"
KIND = "written"
SOUGHT = "sought"
ASKED = "asked"
# So many groups stand in for packages: the pairs of a block are of all fields, no near misses.
_GROUPS = 40


class Concept(msgspec.Struct, forbid_unknown_fields=True):
    """One line of a field: at least one name, and questions that any of the names answers."""

    names: list[str]
    code: str
    asked: list[str]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """One line of questions about code: where a function or a file is, and what is asked."""

    package: str
    language: str
    file: str
    name: str
    asked: list[str]


def concepts(folder: Path = FOLDER) -> Iterator[tuple[str, Concept]]:
    """Yield (field, concept) in the order of the files."""
    decoder = msgspec.json.Decoder(Concept)
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield path.stem, decoder.decode(line)


def pairs(folder: Path = FOLDER) -> list[Pair]:
    """Return a pair for each question; the names of a concept take turns."""
    rnd = random.Random(0)
    found = []
    for _, one in concepts(folder):
        for turn, text in enumerate(one.asked):
            name = one.names[turn % len(one.names)]
            group = f"{KIND}-{rnd.randrange(_GROUPS)}"
            found.append(Pair(KIND, "english", group, "", name, text, one.code))
    return found


def sought(training: Sequence[Pair], folder: Path = SOUGHT_FOLDER) -> list[Pair]:
    """Return the questions about code that is trained on, each with its answer out of the pairs."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in questions(path)]
    return _about(lines, (one for one in training if one.kind in {"doc", "file"}), SOUGHT)


def asked(tuning: Sequence[Pair]) -> list[Pair]:
    """Return the questions in other words, each with its answer out of the tuning pairs."""
    return _about(questions(QUESTIONS), (one for one in tuning if one.kind == "doc"), ASKED)


def questions(path: Path) -> list[Asked]:
    """Read a file of questions about code."""
    decoder = msgspec.json.Decoder(Asked)
    return [decoder.decode(line) for line in path.read_text("utf-8").splitlines()]


def _about(lines: Iterable[Asked], answers: Iterable[Pair], kind: str) -> list[Pair]:
    known = {(one.package, one.file, one.name): one for one in answers}
    return [
        msgspec.structs.replace(answer, kind=kind, query=text)
        for line in lines
        if (answer := known.get((line.package, line.file, line.name))) is not None
        for text in line.asked
    ]
