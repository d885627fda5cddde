"""The evaluation packages: pinned, checked by hash, unpacked once under bench/.cache.

Two lists: the packages of the hand-written questions, and more for the docstring sets. None of
them may be trained on. Fetching is done by the shared get_corpora.py, as for `make quality`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
TREES = ROOT / "bench/.cache/evaluation"
QUESTIONS = ROOT / "bench/quality/questions.jsonl"
LISTS = (
    ROOT / "bench/quality/questions_packages.json",
    Path(__file__).parent / "packages.json",
)
#: The Python set of the starter's own table; some of its packages are pinned twice.
PYTHON_SIX = "python-six"
_SIX = frozenset(("click-six", "rich-six"))

Package = dict[str, Any]


def packages() -> list[Package]:
    """Every evaluation package of both lists."""
    return [spec for path in LISTS for spec in json.loads(path.read_text("utf-8"))]


def by_set() -> dict[str, list[Package]]:
    """The packages of each docstring set: one set a language, and the six of the starter's."""
    sets: dict[str, list[Package]] = {}
    six = {s["package"] for s in packages() if s.get("set") == PYTHON_SIX}
    for spec in packages():
        name = spec.get("set", spec["lang"])
        if name == "python" and spec["package"] in six:
            continue  # in the other Python set
        sets.setdefault(name, []).append(spec)
    return sets


def folder(spec: Package) -> Path:
    """Where the sources of a package are; `fetch` it first."""
    return TREES / spec["name"] / spec["root"]


def fetch() -> None:
    """Download and unpack what is missing; what cannot be had is named and left out."""
    missing = [spec for spec in packages() if not folder(spec).is_dir()]
    if not missing:
        return
    problems = _tool("get_corpora").get(missing, TREES)
    for name, problem in problems:
        print(f"{name} is left out: {problem}", file=sys.stderr)


def scoring() -> ModuleType:
    """The shared score.py."""
    return _tool("score")


def _tool(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "bench/quality"))
    import sets

    spec = importlib.util.spec_from_file_location(name, sets.shared() / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
