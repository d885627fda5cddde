"""One VS Code for the tests of a file, with the extension installed as it is released."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from support.processes import RUN_ID, assert_none_left, new_run_id
from support.workbench import INSTALLED, ROOT, Code, Workbench, browsing, missing, package

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

_BENCHES = pytest.StashKey[list[Workbench]]()


class WindowOpener(Protocol):
    """Opens a window of an editor with a profile of its own."""

    def __call__(
        self,
        folder: Path,
        settings: dict[str, Any] | None = None,
        flags: tuple[str, ...] = ("--disable-workspace-trust",),
        also: Path | None = None,
        **environ: str,
    ) -> Workbench: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with a reason that is counted, where there is no VS Code."""
    reason = missing()
    for item in items:
        if item.path.parent == Path(__file__).parent and "workbench" in item.path.name:
            item.add_marker(pytest.mark.timeout(900))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep a picture of what was on the screen when a test failed."""
    report = yield
    if report.when == "call" and report.failed:
        for number, bench in enumerate(item.config.stash.get(_BENCHES, [])):
            name = INSTALLED.parent / "failures" / f"{item.name}-{number}.png"
            bench.page.screenshot(path=name)
            report.sections.append(("picture", str(name)))
    return report


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension as it is released."""
    return package(tmp_path_factory.mktemp("vsix") / "wherein.vsix")


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of wherein's own sources: a real project of some two hundred files."""
    folder = tmp_path_factory.mktemp("project") / "wherein"
    ignore = shutil.ignore_patterns("__pycache__", "*.safetensors", "tokenizer.json")
    shutil.copytree(ROOT / "server", folder / "server", ignore=ignore)
    shutil.copytree(ROOT / "client-ts" / "src", folder / "client-ts" / "src")
    shutil.copytree(ROOT / "docs" / "adr", folder / "docs" / "adr")
    shutil.copy(ROOT / "ARCHITECTURE.md", folder)
    return folder


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What drives browsers: one for all tests of this folder, as there can be but one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@contextmanager
def opening(driver: Playwright, extension: Path, config: pytest.Config) -> Iterator[WindowOpener]:
    """Give what opens windows; afterwards they are closed and no process of theirs is left."""
    mark = new_run_id()
    benches = config.stash.setdefault(_BENCHES, [])
    with ExitStack() as stack:

        def open_window(
            folder: Path,
            settings: dict[str, Any] | None = None,
            flags: tuple[str, ...] = ("--disable-workspace-trust",),
            also: Path | None = None,
            **environ: str,
        ) -> Workbench:
            home = Path(tempfile.mkdtemp(prefix="wv-"))
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            own = {"WHEREIN_HOME": str(home / "w"), RUN_ID: mark, **environ}
            code = Code(home, settings or {}, own)
            assert "wherein.wherein@" in code.install(extension)
            if also is not None:
                code.install(also)
            code.start(*flags)
            stack.callback(code.stop)
            page = stack.enter_context(browsing(driver, home / "chromium"))
            bench = Workbench(page, code)
            benches.append(bench)
            stack.callback(benches.remove, bench)
            bench.open(folder)
            return bench

        yield open_window
    assert_none_left(mark, timeout=30)


@pytest.fixture
def window(
    playwright: Playwright, extension: Path, request: pytest.FixtureRequest
) -> Iterator[WindowOpener]:
    """Opens windows for one test."""
    with opening(playwright, extension, request.config) as opener:
        yield opener


@pytest.fixture(scope="package")
def shared(
    playwright: Playwright, extension: Path, project: Path, request: pytest.FixtureRequest
) -> Iterator[Workbench]:
    """A window with the project, served by the Python of these tests."""
    with opening(playwright, extension, request.config) as opener:
        yield opener(project, {"wherein.interpreter": sys.executable})


@pytest.fixture
def bench(shared: Workbench) -> Workbench:
    """The window of the module, with nothing open in it and the index ready."""
    shared.tidy()
    shared.wait_status("wherein")
    return shared
