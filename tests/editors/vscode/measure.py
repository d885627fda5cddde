"""Measures the extension in a real VS Code: activation, a keystroke to its answers, the bundle.

`make measure-editor`; the figures go into docs/performance.md. The corpora are those of bench/.
It fails when a figure misses its target, or when nothing was measured.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
import zipfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

import corpora  # noqa: E402
from support.figures import Figure, problems, table  # noqa: E402
from support.workbench import Code, Workbench, browsing, missing, package  # noqa: E402

QUESTIONS = (
    "where is the session cookie signed",
    "how are migrations put in order",
    "solve a sparse linear system",
    "validate an uploaded image",
)
STARTS = 5

# Notes the time of each keystroke, and that of the first change of the list after it.
_WATCH = """() => {
    window.measured = [];
    let pressed = 0;
    window.addEventListener("keydown", () => { pressed = performance.now(); }, true);
    const list = document.querySelector(".quick-input-list");
    const text = () => [...list.querySelectorAll(".label-name")].map((e) => e.textContent).join();
    let before = text();
    new MutationObserver(() => {
        const now = text();
        if (pressed && now !== before && now !== "") {
            measured.push(performance.now() - pressed);
            pressed = 0;
        }
        before = now;
    }).observe(list, { subtree: true, childList: true, characterData: true });
}"""


def activation(bench: Workbench) -> list[int]:
    """Read the milliseconds of activation off the editor's own page; none where it has none."""
    bench.command("Developer: Show Running Extensions")
    row = bench.page.locator(".runtime-extensions-editor .monaco-list-row", has_text="wherein")
    row.first.scroll_into_view_if_needed()
    found = re.findall(r"Activation: (\d+)ms", row.first.inner_text())
    bench.tidy()
    return [int(time) for time in found[:1]]


def keystrokes(bench: Workbench) -> list[float]:
    """Type questions, a key every 400 ms; return the milliseconds from keys to new answers."""
    bench.ask("", "path:")
    bench.page.evaluate(_WATCH)
    for question in QUESTIONS:
        bench.box.fill("")
        bench.page.keyboard.type(question, delay=400)
    times = bench.page.evaluate("measured")
    bench.dismiss()
    return [float(time) for time in times]


def figures(
    starts: list[int], times: list[float], over: str | None, bundle: int
) -> tuple[Figure, ...]:
    """Make figures of the milliseconds of starts and keystrokes, and of the bundle's bytes."""
    times = sorted(times)
    # Answers from an index that nobody saw are no measurement.
    seen = bool(times) and over is not None
    p50, p90 = (statistics.median(times), times[int(len(times) * 0.9)]) if seen else (None, None)
    started = statistics.median(starts) if len(starts) == STARTS else None
    keys = f"keystroke → answers shown, {over or 'no chunks'}, {len(times)} keys, p50"
    return (
        Figure(f"activation, {len(starts)} starts, median", started, "ms", 200),
        Figure(keys, p50, "ms", 150),
        Figure("the same, p90", p90, "ms"),
        Figure("bundle", bundle / 1e6, "MB", 1, digits=2),
    )


def measure(home: Path) -> tuple[Figure, ...]:
    """Measure in a VS Code that keeps everything in `home`."""
    project = home / "project"
    for name in ("django", "scipy"):
        shutil.copytree(corpora.tree(name), project / name)
    vsix = package(home / "wherein.vsix")
    with zipfile.ZipFile(vsix) as archive:
        bundle = archive.getinfo("extension/client-ts/dist/extension.js").file_size
    settings = {"wherein.interpreter": sys.executable}
    code = Code(home, settings, {"WHEREIN_HOME": str(home / "w")})
    try:
        code.install(vsix)
        code.start("--disable-workspace-trust")
        with sync_playwright() as playwright, browsing(playwright, home / "chromium") as page:
            bench = Workbench(page, code)
            starts: list[int] = []
            for _ in range(STARTS):
                bench.open(project)
                bench.wait_status("wherein", timeout=600_000)
                starts += activation(bench)
            bench.status.click()
            row = bench.row("chunks").text_content() or ""
            bench.dismiss()
            times = keystrokes(bench)
    finally:
        code.stop()
    chunks = re.search(r"[\d,]+ chunks", row)
    return figures(starts, times, chunks and chunks[0], bundle)


def report(measured: tuple[Figure, ...]) -> int:
    """Print the figures as rows of a table, and what is wrong with them; 1 if anything is."""
    print(table(measured))
    wrong = problems(measured)
    for sentence in wrong:
        sys.stderr.write(f"{sentence}\n")
    return 1 if wrong else 0


def main() -> int:
    """Measure and report."""
    if reason := missing():
        sys.stderr.write(f"nothing was measured: {reason}\n")
        return 1
    home = Path(tempfile.mkdtemp(prefix="wv-"))
    try:
        return report(measure(home))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
