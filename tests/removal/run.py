"""Take out one safeguard at a time and see its test turn red: `make removal`.

    python tests/removal/run.py [WORD …]    only those with one of the words in their names

Works on a copy of the tree with an interpreter of its own, so nothing here is changed. Writes the
table of docs/reliability.md when all of them were tried. Exits with 1 when a test stayed green, or
was red before anything was taken out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

sys.path.insert(0, str(Path(__file__).parent))
from safeguards import REMOVALS, Removal

PROJECT = Path(__file__).parents[2]
TABLE = PROJECT / "docs" / "reliability.md"
_COPIED = ("server", "tests", "pyproject.toml", "package.json", "Makefile", "README.md", "docs")
_MARKS = ("<!-- removal: begin -->", "<!-- removal: end -->")
_TIMEOUT_S = 300
_AT_A_TIME = 2  # most of a red test is waiting for what does not come


class Copy:
    """A copy of the tree whose tests import the copy's package, in their workers too."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.tree.mkdir(parents=True)
        for name in _COPIED:
            source = PROJECT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(source, self.tree / name, symlinks=True, ignore=ignored)
            elif source.exists():
                shutil.copy2(source, self.tree / name)
        venv.create(folder / "env", with_pip=False, symlinks=True)
        self.python = folder / "env" / "bin" / "python"
        site = next((folder / "env").glob("lib/python*/site-packages"))
        packages = sysconfig.get_paths()["purelib"]
        (site / "removal.pth").write_text(f"{self.tree / 'server'}\n{packages}\n")

    def test(self, test: str) -> tuple[int, str]:
        """Run one test; return pytest's exit code and the end of what it said."""
        command = [str(self.python), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, cwd=self.tree, env=environment, capture_output=True, text=True,
                timeout=_TIMEOUT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 1, f"not over within {_TIMEOUT_S} s"
        return done.returncode, done.stdout[-1500:]

    def without(self, removal: Removal) -> tuple[int, str]:
        """Run a safeguard's test without the safeguard."""
        file = self.tree / "server" / "wherein" / removal.file
        text = file.read_text(encoding="utf-8")
        if text.count(removal.old) != 1:
            raise SystemExit(
                f"{removal.name}: its text is in {removal.file} {text.count(removal.old)} times, "
                "not once. Bring tests/removal/safeguards.py up to date"
            )
        file.write_text(text.replace(removal.old, removal.new), encoding="utf-8")
        try:
            return self.test(removal.test)
        finally:
            file.write_text(text, encoding="utf-8")


def tried(copy: Copy, removal: Removal) -> str:
    """Try one safeguard with and without; return what is wrong, "" when nothing is."""
    code, said = copy.test(removal.test)
    if code != 0:
        return f"its test does not pass as things are (pytest: {code})\n{said}"
    code, said = copy.without(removal)
    if code != 1:  # 1: tests ran and failed
        return f"its test stays green without it (pytest: {code})\n{said}"
    return ""


def write_table() -> None:
    """Put the table where the document has its marks."""
    rows = [f"| {r.name} | `{r.file}` | `{r.test.rpartition('::')[2]}` |" for r in REMOVALS]
    lines = [
        _MARKS[0], "", f"`make removal`: {len(REMOVALS)} taken out one at a time, {len(REMOVALS)} "
        "noticed.", "",
        "| taken out | from | turns red |", "|---|---|---|", *rows, "", _MARKS[1],
    ]  # fmt: skip
    text = TABLE.read_text(encoding="utf-8")
    marked = re.compile(f"{re.escape(_MARKS[0])}.*?{re.escape(_MARKS[1])}", re.DOTALL)
    if not marked.search(text):
        raise SystemExit(f"{TABLE} has no marks {_MARKS[0]} … {_MARKS[1]}")
    TABLE.write_text(marked.sub(lambda _: "\n".join(lines), text), encoding="utf-8")


def main(words: list[str]) -> int:
    """Try the safeguards whose names have one of the words, or all."""
    chosen = [r for r in REMOVALS if not words or any(word in r.name for word in words)]
    problems = 0
    with (
        tempfile.TemporaryDirectory(prefix="wherein-removal-") as folder,
        ThreadPoolExecutor(_AT_A_TIME) as pool,
    ):
        free: SimpleQueue[Copy] = SimpleQueue()
        for number in range(_AT_A_TIME):
            free.put(Copy(Path(folder) / str(number)))

        def in_a_copy(removal: Removal) -> str:
            copy = free.get()
            try:
                return tried(copy, removal)
            finally:
                free.put(copy)

        for removal, problem in zip(chosen, pool.map(in_a_copy, chosen), strict=True):
            problems += bool(problem)
            sys.stdout.write(f"{'NOT NOTICED' if problem else 'noticed':12} {removal.name}\n")
            sys.stdout.write(f"{problem}\n" if problem else "")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - problems} of {len(chosen)} noticed\n")
    if not problems and not words:
        write_table()
    return 1 if problems or not chosen else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
