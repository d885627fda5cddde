"""Measures the extension in a real VS Code: activation, a keystroke to its answers, the bundle.

`make measure-editor`; the figures go into docs/performance.md. The corpora are those of bench/.
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


def activation(bench: Workbench) -> int:
    """Read the milliseconds of activation off the editor's own page."""
    bench.command("Developer: Show Running Extensions")
    row = bench.page.locator(".runtime-extensions-editor .monaco-list-row", has_text="wherein")
    row.first.scroll_into_view_if_needed()
    found = re.search(r"Activation: (\d+)ms", row.first.inner_text())
    assert found is not None
    bench.tidy()
    return int(found[1])


def keystrokes(bench: Workbench) -> list[float]:
    """Type questions, a key every 400 ms; return the milliseconds from keys to new answers."""
    bench.ask("")
    bench.page.evaluate(_WATCH)
    for question in QUESTIONS:
        bench.box.fill("")
        bench.page.keyboard.type(question, delay=400)
    times = bench.page.evaluate("measured")
    bench.dismiss()
    return [float(time) for time in times]


def main() -> int:
    """Print the figures as rows of a table."""
    if reason := missing():
        sys.stderr.write(f"{reason}\n")
        return 1
    home = Path(tempfile.mkdtemp(prefix="wv-"))
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
            starts = []
            for _ in range(STARTS):
                bench.open(project)
                bench.wait_status("wherein", timeout=600_000)
                starts.append(activation(bench))
            bench.status.click()
            row = bench.row("chunks").text_content() or ""
            bench.dismiss()
            times = sorted(keystrokes(bench))
    finally:
        code.stop()
        shutil.rmtree(home, ignore_errors=True)
    chunks = re.search(r"[\d,]+ chunks", row)
    over = chunks[0] if chunks else "?"
    p50, p90 = statistics.median(times), times[int(len(times) * 0.9)]
    print("| what | measured | target |\n|---|--:|--:|")
    started = f"{statistics.median(starts):.0f} ms"
    print(f"| activation, {STARTS} starts, median | {started} | ≤ 200 ms |")
    print(
        f"| keystroke → answers shown, {over}, {len(times)} keys, p50 | {p50:.0f} ms | ≤ 150 ms |"
    )
    print(f"| the same, p90 | {p90:.0f} ms | |")
    print(f"| bundle | {bundle / 1e6:.2f} MB | ≤ 1 MB |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
