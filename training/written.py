"""Questions that were written for the pipeline: in plain words, for what code calls otherwise.

Documentation says what code says, so pairs taken from packages teach hardly any other words for it.
Each line of `written/FIELD.jsonl` is one thing that software does: `names` that code would give it,
`code` words of its body, and `asked`, ways to ask for it in other words. They are trained on. Each
line of `asked.jsonl` is a function of a tuning package and two questions about it in other words
than its own: by those recipes are chosen. MODEL_CARD.md says who wrote both, and how they were kept
apart from the questions that models are measured by.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from training.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = Path(__file__).parent / "written"
QUESTIONS = Path(__file__).parent / "asked.jsonl"
KIND = "written"
ASKED = "asked"
# So many groups stand in for packages: the pairs of a block are of all fields, no near misses.
_GROUPS = 40


class Concept(msgspec.Struct, forbid_unknown_fields=True):
    """One line of a field: at least one name, and questions that any of the names answers."""

    names: list[str]
    code: str
    asked: list[str]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """One line of `asked.jsonl`: where a function is, and questions about it."""

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


def asked(tuning: Sequence[Pair]) -> list[Pair]:
    """Return the questions in other words, each with its answer out of the tuning pairs."""
    answers = {(one.package, one.file, one.name): one for one in tuning if one.kind == "doc"}
    decoder = msgspec.json.Decoder(Asked)
    lines = map(decoder.decode, QUESTIONS.read_text("utf-8").splitlines())
    return [
        msgspec.structs.replace(answer, kind=ASKED, query=text)
        for line in lines
        if (answer := answers.get((line.package, line.file, line.name))) is not None
        for text in line.asked
    ]
