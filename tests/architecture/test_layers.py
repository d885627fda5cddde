"""Who may import whom, who may use which library, and who may start a process.

The tables below are the rules of ARCHITECTURE.md. A new module falls under the longest name that
covers it; a rule that is in the way is changed here on purpose, never worked round.
"""

from __future__ import annotations

import ast

import pytest

from support.imports import SERVER, modules, uses, within

# Values and helpers that know of no other part, so every part may use them.
_COMMON = (
    "wherein.__version__",
    "wherein.domain",
    "wherein.asking",
    "wherein.errors",
    "wherein.settings",
    "wherein.paths",
    "wherein.logs",
)
_WORKER_SIDE = (
    "wherein.workers.runtime",
    "wherein.workers.priority",
    "wherein.workers.start",
    "wherein.workers.quarantine",
    "wherein.workers.worker_log",
    "wherein.ipc",
)
_WATCHER = (
    "wherein.database",
    "wherein.indexing",
    "wherein.workers.folder_indexer",
    "wherein.workers.known_root",
    "wherein.workers.unread",
    "wherein.workers.rhythm",
    "wherein.workers.watching",
    *_WORKER_SIDE,
)

# A part: what it may import of wherein, besides itself and what is common.
_MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "wherein.__main__": ("wherein.cli", "wherein.lsp.server"),
    "wherein.cli": ("wherein.indexing.languages", "wherein.lsp.server", "wherein.terminal"),
    # The command line: a host of its own while it runs, and what `status` and `model` report on.
    "wherein.terminal": (
        "wherein.commands",
        "wherein.database",
        "wherein.embedding.catalogue",
        "wherein.embedding.fingerprint",
        "wherein.embedding.install",
        "wherein.embedding.models",
        "wherein.folder",
        "wherein.host",
        "wherein.indexing.languages",
        "wherein.ipc.pending",
        "wherein.ipc.transport",
        "wherein.ownership",
        "wherein.status",
        "wherein.workers.database_starter",
        "wherein.workers.unread",
        "wherein.workers.handle",
        "wherein.workers.manager",
        "wherein.workers.start",
        "wherein.workers.worker_log",
    ),
    "wherein.lsp": (
        "wherein.folder",
        "wherein.host",
        "wherein.commands",
        "wherein.status",
        "wherein.database.code_database",
    ),
    # Commands never see workers or drivers.
    # `why` explains by the same rules that the watcher goes by.
    "wherein.commands": (
        "wherein.database.code_database",
        "wherein.indexing.ignore",
        "wherein.indexing.reader",
        "wherein.status",
    ),
    "wherein.host": (
        "wherein.database",
        "wherein.answering",
        "wherein.folder",
        "wherein.keeper",
        "wherein.near",
        "wherein.removed",
        "wherein.syncs",
        "wherein.ipc",
        "wherein.ownership",
        "wherein.status",
        "wherein.workers",
    ),
    "wherein.folder": (
        "wherein.database.code_database",
        "wherein.database.drivers.base",
        "wherein.ipc",
        "wherein.ownership",
        "wherein.status",
        "wherein.workers.handle",
    ),
    "wherein.syncs": ("wherein.ipc",),
    "wherein.near": ("wherein.folder", "wherein.ipc"),
    "wherein.removed": ("wherein.folder", "wherein.ipc", "wherein.workers.handle"),
    "wherein.answering": (
        "wherein.folder",
        "wherein.ipc",
        "wherein.near",
        "wherein.status",
        "wherein.workers.handle",
    ),
    "wherein.keeper": ("wherein.folder", "wherein.ipc", "wherein.ownership"),
    "wherein.status": (),
    "wherein.ownership": (),
    # The database side gets the way to start a worker by configure(start=...).
    "wherein.database": ("wherein.ipc",),
    "wherein.ipc": (),
    "wherein.workers": ("wherein.ipc",),
    "wherein.workers.runtime": ("wherein.database.db_worker_manager", *_WORKER_SIDE),
    "wherein.workers.priority": ("wherein.workers.start",),
    "wherein.workers.file_watcher": _WATCHER,
    "wherein.workers.folder_indexer": _WATCHER,
    "wherein.workers.known_root": ("wherein.indexing.walker",),
    "wherein.workers.watching": _WATCHER,
    "wherein.workers.vectorization": (
        "wherein.database",
        "wherein.embedding",
        "wherein.workers.careful",
        "wherein.workers.mains",
        *_WORKER_SIDE,
    ),
    "wherein.workers.careful": ("wherein.embedding.embedder", *_WORKER_SIDE),
    "wherein.db_worker": (
        "wherein.ranking",
        "wherein.indexing.chunker",
        "wherein.indexing.header",
        "wherein.indexing.reader",
        "wherein.indexing.rulefile",
        "wherein.ownership.lock",  # owner.json says where the query's vector is to be had
        *_WORKER_SIDE,
    ),
    "wherein.indexing": (),
    "wherein.embedding": (),
    "wherein.ranking": (),
    # What is common, from the bottom up.
    "wherein": (),
}

# A library: the only parts that may use it. Heavy ones stay out of the server process this way.
_LIBRARIES: dict[str, tuple[str, ...]] = {
    "pygls": ("wherein.lsp",),
    "lsprotocol": ("wherein.lsp",),
    "apsw": ("wherein.db_worker",),
    "fastembed": ("wherein.embedding.fastembed_backend", "wherein.embedding.hub"),
    "onnxruntime": ("wherein.embedding.fastembed_backend",),
    "tokenizers": ("wherein.embedding",),
    "tree_sitter": ("wherein.indexing",),
    "tree_sitter_language_pack": ("wherein.indexing",),
    "numpy": (
        "wherein.db_worker",
        "wherein.embedding",
        "wherein.workers.vectorization",
        "wherein.workers.careful",
    ),
    "watchdog": ("wherein.workers",),
    "sqlite3": (),
}

# Ways to start a process, and things that pickle: the only modules that may use them.
_PROCESSES = ("wherein.workers.handle",)
_BANNED: dict[str, tuple[str, ...]] = {
    "multiprocessing.Process": _PROCESSES,
    "multiprocessing.context": _PROCESSES,
    "multiprocessing.get_context": _PROCESSES,
    "multiprocessing.process.BaseProcess": _PROCESSES,
    "multiprocessing.set_start_method": (),
    "multiprocessing.Pool": (),
    "multiprocessing.Manager": (),
    "multiprocessing.Pipe": (),
    "multiprocessing.Queue": (),
    "multiprocessing.SimpleQueue": (),
    "multiprocessing.pool": (),
    "multiprocessing.managers": (),
    "multiprocessing.queues": (),
    "multiprocessing.connection.Client": (),
    "multiprocessing.connection.Listener": (),
    "multiprocessing.connection.Pipe": (),
    "concurrent.futures.ProcessPoolExecutor": (),
    "concurrent.futures.process": (),
    "asyncio.create_subprocess_exec": (),
    "asyncio.create_subprocess_shell": (),
    "asyncio.subprocess": (),
    "subprocess": (
        "wherein.__main__",  # Windows only, to start itself anew with -I
        "wherein.embedding.wheels",  # pip, after the person agreed to a download
    ),
    "os.fork": (),
    "os.forkpty": (),
    "os.popen": (),
    "os.posix_spawn": (),
    "os.posix_spawnp": (),
    "os.system": (),
    "pickle": (),
    "_pickle": (),
    "marshal": (),
    "shelve": (),
    "server": (),
}


def layer_problems(module: str, source: str) -> list[str]:
    """List the imports inside wherein that the table does not allow."""
    part = max((name for name in _MAY_IMPORT if within(module, (name,))), key=len)
    allowed = (*_MAY_IMPORT[part], *_COMMON, *((part,) if part != "wherein" else ()))
    return [
        f"{module}:{use.line} may not import {use.name}"
        for use in uses(source)
        if within(use.name, ("wherein",)) and not within(use.name, allowed)
    ]


def library_problems(module: str, source: str) -> list[str]:
    """List the uses of libraries, processes and pickles that the tables do not allow."""
    return [
        f"{module}:{use.line} may not use {use.name}"
        for use in uses(source)
        for name, owners in (_LIBRARIES | _BANNED).items()
        if within(use.name, (name,)) and not within(module, owners)
    ]


def code_in_init(source: str) -> bool:
    """Say whether an __init__ holds anything but its docstring."""
    body = ast.parse(source).body
    return len(body) > (1 if body and ast.get_docstring(ast.parse(source)) else 0)


def test_every_import_follows_the_layers() -> None:
    problems = [p for module, source in modules() for p in layer_problems(module, source)]
    assert not problems, "\n".join(problems)


def test_libraries_processes_and_pickles_stay_where_they_belong() -> None:
    problems = [p for module, source in modules() for p in library_problems(module, source)]
    assert not problems, "\n".join(problems)


def test_every_part_that_the_table_names_exists() -> None:
    names = [name for name, _ in modules()]
    assert [part for part in _MAY_IMPORT if part not in names] == []


def test_packages_have_no_code_in_their_init_files() -> None:
    inits = (SERVER / "wherein").glob("*/**/__init__.py")
    assert [str(p) for p in inits if code_in_init(p.read_text(encoding="utf-8"))] == []


def test_server_is_not_a_package() -> None:
    assert not (SERVER / "__init__.py").exists()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wherein.commands.search", "from wherein.workers.manager import WorkerManager"),
        ("wherein.commands.search", "from wherein.database.drivers.base import create_driver"),
        ("wherein.commands.search", "from wherein.database import drivers"),
        ("wherein.database.code_database", "import wherein.workers.manager"),
        ("wherein.database.db_worker_manager", "def f():\n    from wherein.workers import manager"),
        ("wherein.ranking.rules", "from wherein.db_worker import lexical"),
        ("wherein.lsp.server", "from wherein.ranking import rules"),
        ("wherein.indexing.walker", "from wherein.lsp import convert"),
        ("wherein.db_worker.store", "from wherein.commands import search"),
        ("wherein.embedding.service", "from wherein.cli import main"),
        ("wherein.workers.handle", "from wherein.lsp.server import serve"),
        ("wherein.domain", "from wherein.ipc import frames"),
        ("wherein.ipc.client", "import wherein\nx = wherein.workers.manager"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    assert layer_problems(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wherein.commands.search", "from wherein.database.code_database import CodeDatabase"),
        ("wherein.workers.handle", "from wherein.workers.runtime import run_worker"),
        ("wherein.db_worker.search", "from wherein.ranking import rules"),
        ("wherein.ipc.client", "from wherein import __version__"),
    ],
)
def test_a_right_import_is_allowed(module: str, source: str) -> None:
    assert layer_problems(module, source) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wherein.commands.search", "from pygls.exceptions import JsonRpcException"),
        ("wherein.host", "import lsprotocol.types"),
        ("wherein.database.code_database", "import apsw"),
        ("wherein.embedding.models", "def f():\n    import fastembed"),
        ("wherein.workers.file_watcher", "from tree_sitter import Parser"),
        ("wherein.ranking.fusion", "import numpy as np"),
        ("wherein.workers.manager", "import multiprocessing as mp\nmp.Process(target=print)"),
        ("wherein.workers.manager", "import multiprocessing as mp\nmp.get_context('spawn')"),
        ("wherein.workers.runtime", "from multiprocessing import get_context"),
        ("wherein.workers.runtime", "from multiprocessing.context import SpawnProcess"),
        ("wherein.cli", "import os\nos.fork()"),
        ("wherein.indexing.gitfiles", "import subprocess"),
        ("wherein.ipc.frames", "import pickle"),
        ("wherein.cli", "from server.wherein import cli"),
    ],
)
def test_a_wrong_use_is_found(module: str, source: str) -> None:
    assert library_problems(module, source)


def test_the_owners_of_a_library_may_use_it() -> None:
    assert library_problems("wherein.db_worker.schema", "import apsw") == []
    spawn = "import multiprocessing as mp\nmp.get_context('spawn').Process()"
    assert library_problems("wherein.workers.handle", spawn) == []


def test_code_in_an_init_file_is_found() -> None:
    assert code_in_init("import os")
    assert code_in_init('"""Doc."""\nX = 1')
    assert not code_in_init('"""Doc."""')
    assert not code_in_init("")
