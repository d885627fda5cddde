"""The comparison of models: documentation really leaves the code, and the figures are right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench/models"))

import docstrings
import leaks
import measure
import sources
import tables
from lexicon import Lexicon, document

SAMPLES = {
    "a.py": 'def first(path):\n    """Read a whole file."""\n    return open(path).read()\n',
    "a.go": "// Send writes the message to the peer.\nfunc Send(m int) int {\n\treturn m + 1\n}\n",
    "a.rs": "/// Joins two halves at once.\n#[inline]\nfn glue(a: u8) -> u8 {\n    a + 1\n}\n",
    "a.java": "class A {\n  /**\n   * Counts the open doors.\n   * @return n\n   */\n"
    "  int f() {\n    return 1;\n  }\n}\n",
    "a.rb": "# Opens the gate for visitors.\ndef swing(x)\n  x + 1\nend\n",
    "a.ex": 'defmodule A do\n  @doc """\n  Turns the wheel one step.\n  """\n'
    "  def advance(x) do\n    x + 1\n  end\nend\n",
    "a.cs": "class A {\n  /// <summary>\n  /// Paints the wall in a colour.\n  /// </summary>\n"
    "  int F() {\n    return 1;\n  }\n}\n",
}
ASKED = {
    "a.py": "Read a whole file",
    "a.go": "writes the message to the peer",
    "a.rs": "Joins two halves at once",
    "a.java": "Counts the open doors",
    "a.rb": "Opens the gate for visitors",
    "a.ex": "Turns the wheel one step",
    "a.cs": "Paints the wall in a colour",
}
LANGUAGES = {
    "a.py": "python", "a.go": "go", "a.rs": "rust", "a.java": "java", "a.rb": "ruby",
    "a.ex": "elixir", "a.cs": "csharp",
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_the_question_is_taken_out_of_the_function(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "TREES", tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / name).write_text(SAMPLES[name])
    spec: dict[str, Any] = {"name": "p", "root": "", "lang": LANGUAGES[name]}

    pool = docstrings.pool("p", [spec])

    assert [question for question, _ in pool.questions] == [ASKED[name]]
    code = pool.functions[0].code
    assert ASKED[name].split()[-1] not in code
    assert "1" in code or "read()" in code


def test_figures_of_ranks() -> None:
    ranks = np.array([1, 2, 0, 10])
    assert measure.reciprocal(ranks).mean() == pytest.approx((1 + 0.5 + 0.1) / 4)
    assert measure.gain(ranks)[0] == 1
    assert measure.gain(ranks)[2] == 0
    low, high = measure.interval([np.full(50, 0.25), np.full(50, 0.75)])
    assert low == high == pytest.approx(0.5)
    low, high = measure.interval([measure.reciprocal(ranks)])
    assert low < measure.reciprocal(ranks).mean() < high


def test_words_find_a_document_by_symbol_and_by_text() -> None:
    lexicon = Lexicon([document("a.py openGate", "pass"), document("b.py close", "visitors")])
    assert lexicon.best("gate") == [0]
    assert lexicon.best("the visitors") == [1]


def test_packages_are_pinned_and_named_once() -> None:
    specs = sources.packages()
    assert len({s["name"] for s in specs}) == len(specs)
    assert all(len(s["sha256"]) == 64 for s in specs)
    assert len(sources.by_set()) >= 15


def test_a_copied_function_and_a_copied_question_are_leaks() -> None:
    code = (
        "def send(peer, message):\n    for part in split(message):\n"
        "        peer.write(part + 1)\n    return peer.flush(message)\n"
    )
    known = leaks.Known([f"import os\n\n\n{code}"], ["where are the big messages cut into parts"])
    pair = ["doc", "python", "p", "a.py", "send", "Send it.", code]
    assert [leak.what for leak in known.leaks(pair)] == ["code"]
    own = "def area(shape, unit):\n    return sum(edge * unit for edge in shape.edges if edge)\n"
    assert not list(known.leaks([*pair[:-1], own]))
    asked = [*pair[:5], "Where are the big messages cut into parts?", own]
    assert [leak.what for leak in known.leaks(asked)] == ["question"]


def test_tables_tell_what_the_starter_had_learnt() -> None:
    ranks = {"python": {"pytest": [1] * 20, "flask": [2] * 20}}
    others = {"python": {"pytest": [0] * 20, "flask": [1] * 20}}
    text = tables.written(["a", "b"], {"docstring": {"a": ranks, "b": others}})
    assert (
        "| **mean of 2 packages** | **0.750** [0.750, 0.750] | **0.500** [0.500, 0.500] |" in text
    )
    new = "| **mean of 1 packages new to the starter** | **0.500** [0.500, 0.500] | **1.000**"
    assert new in text
