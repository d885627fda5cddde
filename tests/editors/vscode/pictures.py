"""Takes the pictures of docs/images from a real VS Code: `make pictures`.

The project that is asked is wherein itself.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests"))

from support.workbench import Code, Workbench, browsing, missing, package  # noqa: E402

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 960, "height": 580}
SCALE = 2  # sharp on fine screens, and when it is drawn smaller
COLOURS = 128
MOST = 200 * 1024  # bytes of a picture
# What the editor shows about itself, and every editor shows otherwise.
_NOISE = """
#status\\.problems, [id^="status.forwardedPorts"], [id^="status.workbench.keyboardLayout"],
#status\\.notifications, #status\\.host { display: none !important }
"""
SIDE_BAR = 430  # pixels
QUESTION = "where are crashed workers restarted"
ANSWER = "WorkerManager._restart"


def shoot(bench: Workbench, name: str) -> None:
    """Save what the window shows, in few colours."""
    bench.page.mouse.move(940, 480)
    bench.page.add_style_tag(content=_NOISE)
    bench.page.wait_for_timeout(900)  # hovers go, lists settle, syntax is coloured
    target = IMAGES / f"{name}.png"
    bench.page.screenshot(path=target)
    with Image.open(target) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    size = target.stat().st_size
    assert size <= MOST, f"{name} has {size} bytes"


def widen(bench: Workbench) -> None:
    """Pull the side bar wide enough for its rows."""
    edge = bench.page.locator(".part.sidebar").bounding_box()
    assert edge is not None
    bench.page.mouse.move(edge["x"] + edge["width"], 300)
    bench.page.mouse.down()
    bench.page.mouse.move(SIDE_BAR, 300, steps=5)
    bench.page.mouse.up()


def take(bench: Workbench) -> None:
    """Go through the moments that the documents show."""
    bench.wait_status("wherein")
    bench.open_file("ARCHITECTURE.md")
    bench.press("Control+b")
    bench.ask(QUESTION, ANSWER)
    bench.press("ArrowDown", "ArrowUp")
    bench.tab("manager.py").wait_for()
    shoot(bench, "ask")
    bench.dismiss()

    bench.ask("how is a message framed path:server/** lang:python kind:function", "frames.py")
    shoot(bench, "narrow")
    bench.dismiss()

    bench.ask(QUESTION, ANSWER)
    bench.press("Enter")
    bench.tab("manager.py").wait_for()
    bench.command("wherein: Find Similar Code")
    bench.row(".py:").wait_for()
    shoot(bench, "similar")
    bench.dismiss()

    bench.ask(QUESTION, ANSWER)
    bench.page.locator(".quick-input-titlebar .codicon-list-tree").click()
    bench.results("manager.py").first.wait_for()
    widen(bench)
    shoot(bench, "results")

    bench.press("Control+b")
    bench.status.click()
    bench.row("chunks").wait_for()
    shoot(bench, "status")
    bench.dismiss()


def walk(bench: Workbench) -> None:
    """Show the walkthrough, whose pictures are those that were just taken."""
    bench.wait_status("wherein")
    bench.page.locator(".activitybar .action-label[aria-label^='wherein']").click()
    with contextlib.suppress(Exception):
        bench.dismiss()  # the box opens with an empty view
    bench.page.locator(".pane-body .monaco-button", has_text="What can I ask?").click()
    bench.page.get_by_text("Ask your code a question").first.wait_for()
    bench.press("Control+b")
    bench.page.set_viewport_size({"width": 1360, "height": 800})
    bench.page.locator(".getting-started-media img").first.wait_for()
    shoot(bench, "walkthrough")


@contextlib.contextmanager
def window(folder: Path) -> Iterator[Workbench]:
    """Open a window with the extension as it is now."""
    home = Path(tempfile.mkdtemp(prefix="wv-"))
    settings = {
        "wherein.interpreter": sys.executable,
        "editor.minimap.enabled": False,
        "editor.fontSize": 13,
        "editor.occurrencesHighlight": "off",
        "editor.guides.indentation": False,
        "editor.stickyScroll.enabled": False,
        "breadcrumbs.enabled": False,
        "workbench.layoutControl.enabled": False,
    }
    code = Code(home, settings, {"WHEREIN_HOME": str(home / "w")})
    try:
        code.install(package(home / "wherein.vsix"))
        code.start("--disable-workspace-trust")
        with (
            sync_playwright() as playwright,
            browsing(playwright, home / "chromium", SCALE) as page,
        ):
            page.set_viewport_size(SIZE)  # type: ignore[arg-type]
            bench = Workbench(page, code)
            bench.open(folder)
            yield bench
    finally:
        code.stop()
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """Take all of them."""
    if reason := missing():
        sys.stderr.write(f"No pictures: {reason}\n")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        project = Path(place) / "wherein"
        ignore = shutil.ignore_patterns("__pycache__", "*.safetensors", "tokenizer.json")
        shutil.copytree(ROOT / "server", project / "server", ignore=ignore)
        shutil.copytree(ROOT / "docs" / "adr", project / "docs" / "adr")
        shutil.copy(ROOT / "ARCHITECTURE.md", project)
        for moments in (take, walk):
            with window(project) as bench:
                moments(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
