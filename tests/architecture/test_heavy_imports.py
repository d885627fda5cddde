"""The server and the command line start light: heavy libraries load in workers."""

from __future__ import annotations

import subprocess
import sys

import pytest

_HEAVY = ("apsw", "fastembed", "numpy", "onnxruntime", "tokenizers", "tree_sitter", "watchdog")


def heavy_imports_of(module: str) -> set[str]:
    """Import a module in a fresh interpreter and say which heavy libraries came with it."""
    # On stderr, because the server's entry takes stdout for itself when it is imported.
    code = f"import sys, {module}; print(*set({_HEAVY!r}) & set(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "module",
    ["wherein.__main__", "wherein.cli", "wherein.host", "wherein.lsp.server", "wherein.status"],
)
def test_the_server_process_loads_nothing_heavy(module: str) -> None:
    assert heavy_imports_of(module) == set()


@pytest.mark.parametrize("package", ["pygls", "lsprotocol"])
def test_the_host_does_without_the_protocol_library(package: str) -> None:
    code = f"import sys, wherein.host; sys.exit({package!r} in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-I", "-c", code], timeout=60, check=False).returncode == 0
    )


def test_a_heavy_import_is_seen() -> None:
    assert "apsw" in heavy_imports_of("wherein.db_worker.schema")
