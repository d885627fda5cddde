"""Who may call what inside wherein: the rules of ARCHITECTURE.md that imports alone do not show."""

from __future__ import annotations

import ast

import pytest

from support.imports import modules, uses, within

# The last part of a call's name: the only modules that may make such a call.
_CALLERS: dict[str, tuple[str, ...]] = {
    # R1: workers are made, started, stopped and killed by WorkerManager, with its handles.
    "WorkerHandle": ("wherein.workers.manager", "wherein.workers.database_starter"),
    "launch": ("wherein.workers.manager", "wherein.workers.database_starter"),
    "begin_stop": ("wherein.workers.manager",),
    "finish_stop": ("wherein.workers.manager",),
    "kill": ("wherein.workers.manager", "wherein.workers.handle", "wherein.ownership.lock"),
    # R3: the driver, and nothing else, has a database worker started.
    "get_or_start_worker": ("wherein.database.drivers.sqlite_proxy",),
    # R5: the way to start one is given once in each process; `wherein status` is a host too.
    "configure": ("wherein.host", "wherein.workers.runtime", "wherein.terminal.status"),
}

# R4: all that CodeDatabase knows besides values.
_CODE_DATABASE = (
    "wherein.domain",
    "wherein.asking",
    "wherein.ipc.pending",
    "wherein.database.drivers.base",
)


def call_problems(module: str, source: str) -> list[str]:
    """List the calls that this module may not make."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name in _CALLERS and module not in _CALLERS[name]:
            found.append(f"{module}:{node.lineno} may not call {name}")
    return found


def test_workers_are_started_and_stopped_where_the_rules_say() -> None:
    problems = [p for module, source in modules() for p in call_problems(module, source)]
    assert not problems, "\n".join(problems)


def test_the_calls_that_the_table_names_are_made() -> None:
    made = dict.fromkeys(_CALLERS, 0)
    for _, source in modules():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                made[name] = made.get(name, 0) + 1
    assert [name for name in _CALLERS if not made[name]] == []


def test_code_database_knows_the_driver_protocol_only() -> None:
    (source,) = [s for module, s in modules() if module == "wherein.database.code_database"]
    known = [use.name for use in uses(source) if within(use.name, ("wherein",))]
    assert known
    assert [name for name in known if not within(name, _CODE_DATABASE)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wherein.host", "handle = WorkerHandle(start)"),
        ("wherein.host", "self._watcher.launch()"),
        ("wherein.lsp.lifecycle", "self._watcher.kill('why')"),
        ("wherein.host", "DBWorkerManager.get_or_start_worker(path)"),
        ("wherein.workers.file_watcher", "DBWorkerManager.configure(start=print)"),
    ],
)
def test_a_wrong_call_is_found(module: str, source: str) -> None:
    assert call_problems(module, source)
