"""Faults for tests, in any worker: Python imports this at start where PYTHONPATH names its folder.

Nothing of it is in the package. WHEREIN_FAULTS holds a JSON list of faults: `at` names a function
as `module:qualified.name`, `do` what happens there first: `kill`, `exit`, `stop` (SIGSTOP), `spin`
(a loop that holds the GIL), `hang` (one that does not), `import` (an ImportError), `say` (a line on
stderr, and an exit), `crash` (SIGSEGV). `text` restricts it to calls whose
arguments hold this text, `operation` to requests of these kinds, `on` to the n-th such call of a
process (default: each), `once` to the first time in all processes, and `after` makes it happen
when the function has returned. Each time is noted in the directory WHEREIN_FAULTS_DIR.
"""

from __future__ import annotations

import faulthandler
import functools
import importlib.abc
import importlib.machinery
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

FAULTS: list[dict[str, Any]] = json.loads(os.environ.get("WHEREIN_FAULTS", "[]"))
NOTES = Path(os.environ.get("WHEREIN_FAULTS_DIR", "."))


def act(what: str) -> None:
    """Do it to this process."""
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif what == "exit":
        os._exit(7)
    elif what == "say":
        os.write(2, b"/opt/elsewhere/libsecond.so.6: wrong ELF class\n")
        os._exit(7)
    elif what == "import":
        raise ImportError("/opt/elsewhere/libfirst.so.6: cannot open shared object file")
    elif what == "crash":
        faulthandler._sigsegv()  # type: ignore[attr-defined]
    elif what == "spin":
        re.match(r"(a+)+$", "a" * 60 + "b")
    elif what == "hang":
        time.sleep(3600)
    else:
        raise ValueError(what)


def holds(value: object, text: str) -> bool:
    """Say whether a text is anywhere in these arguments."""
    return text in repr(value) or text.encode() in getattr(value, "data", b"")


def hit(fault: dict[str, Any], arguments: Sequence[object]) -> None:
    """Let the fault happen if it is its turn."""
    if "text" in fault and not any(holds(a, fault["text"]) for a in arguments):
        return
    if "operation" in fault and arguments[0].operation not in fault["operation"]:  # type: ignore[attr-defined]
        return
    fault["count"] = fault.get("count", 0) + 1
    if fault.get("on", fault["count"]) != fault["count"]:
        return
    name = re.sub(r"\W+", "-", f"{fault['at']}-{fault['do']}")
    if fault.get("once"):
        try:
            (NOTES / f"once-{name}").touch(exist_ok=False)
        except FileExistsError:
            return
    with (NOTES / name).open("a", encoding="ascii") as note:
        note.write(f"{os.getpid()} {time.time()}\n")
    act(fault["do"])


def wrap(function: Callable[..., Any], fault: dict[str, Any]) -> Callable[..., Any]:
    """Make the function that has the fault in it."""

    @functools.wraps(function)
    def faulty(*arguments: Any, **named: Any) -> Any:
        if fault.get("after"):
            result = function(*arguments, **named)
            hit(fault, arguments)
            return result
        hit(fault, arguments)
        return function(*arguments, **named)

    return faulty


def spoil(module: ModuleType) -> None:
    """Put the faults of a module that was just imported into it."""
    for fault in FAULTS:
        name, _, path = fault["at"].partition(":")
        if name != module.__name__:
            continue
        holder: Any = module
        *outer, last = path.split(".")
        for part in outer:
            holder = getattr(holder, part)
        setattr(holder, last, wrap(getattr(holder, last), fault))


class Spoiler(importlib.abc.Loader):
    """Loads as the real loader does, then spoils."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """As the real loader."""
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        """As the real loader, with the faults after it."""
        self._loader.exec_module(module)
        spoil(module)


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that a fault names, once the real finders have found them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module, and put our loader round its own."""
        if all(fault["at"].partition(":")[0] != name for fault in FAULTS):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = Spoiler(spec.loader)
        return spec


if FAULTS:
    sys.meta_path.insert(0, Finder())
