"""Results that stay, the menu, and processes that die, in a real VS Code."""

from __future__ import annotations

import contextlib
import re

import psutil
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from support.processes import RUN_ID
from support.waiting import until
from support.workbench import AGAIN_MS, Workbench

QUESTION = "where are crashed workers restarted"
ANSWER = "WorkerManager._restart"


def keep(bench: Workbench) -> None:
    """Ask, and keep the answers in the results view."""
    bench.ask(QUESTION, ANSWER)
    bench.page.locator(".quick-input-titlebar .codicon-list-tree").click()
    bench.results("manager.py").first.wait_for()


def processes(bench: Workbench, name: str) -> list[psutil.Process]:
    """Find the processes of this window whose command line has the text."""
    mark = bench.code.environ[RUN_ID]
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(RUN_ID) == mark
            if ours and name in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_results_stay_by_file_and_survive_a_reload(bench: Workbench) -> None:
    keep(bench)
    assert bench.results("supervision.py").count() == 1
    lines = bench.results("def _restart(")
    assert lines.first.locator(".highlight").count() > 0, "the matching words are marked"
    lines.first.click()
    bench.tab("manager.py").wait_for()

    bench.results("supervision.py").first.hover()
    bench.results("supervision.py").first.locator(".codicon-close").click()
    until(lambda: bench.results("supervision.py").count() == 0, what="the file is dismissed")

    bench.page.reload()
    bench.status.wait_for()
    bench.results("manager.py").first.wait_for()
    assert bench.results("supervision.py").count() == 0
    bench.wait_status("wherein")

    bench.command("wherein: Ask Again")
    bench.results("supervision.py").first.wait_for()


def test_keys_copy_and_dismiss_what_is_selected(bench: Workbench) -> None:
    keep(bench)
    hits = bench.results(re.compile(r":\d+  "))
    hits.nth(0).click()
    until(lambda: bench.line() > 1, what="the first is open, and the keys are still the view's")
    hits.nth(1).click(modifiers=["Control"])
    bench.press("Control+c")
    until(lambda: len(bench.clipboard().splitlines()) == 2, what="both are copied")
    copied = bench.clipboard()
    assert all(re.search(r":\d+-\d+", line) for line in copied.splitlines()), copied

    message = bench.page.locator(".pane-body .message")
    before = int(re.findall(r"(\d+) answers", message.text_content() or "")[0])
    bench.press("Delete")
    message.filter(has_text=f": {before - 2} answers").wait_for()
    bench.command("wherein: Copy All")
    until(lambda: bench.clipboard().startswith(QUESTION), what="the others are copied")
    assert not set(copied.splitlines()) & set(bench.clipboard().splitlines())


def test_results_are_copied_opened_and_cleared(bench: Workbench) -> None:
    keep(bench)
    bench.command("wherein: Copy All")
    # The test before has left a list on the clipboard that begins alike, without the first answer.
    found = re.compile(rf"{QUESTION}\n(.*\n)*.*manager\.py:\d+-\d+  {re.escape(ANSWER)}(\n|$)")
    until(lambda: found.match(bench.clipboard()), what="the text is copied")
    bench.command("wherein: Open All Files")
    yes = bench.page.locator(".monaco-dialog-box .monaco-button", has_text=re.compile(r"Open \d+"))
    yes.click()
    until(lambda: len(bench.tabs()) > 10, timeout=60, what="all files are open")
    bench.command("wherein: Clear the Results")
    bench.page.locator(".pane-body .monaco-button", has_text="Ask the Code").wait_for()


def test_the_menu_pauses_and_resumes(bench: Workbench) -> None:
    bench.status.click()
    bench.row("chunks").wait_for()
    bench.row("Pause").click()
    bench.wait_status("wherein (paused)", icon="debug-pause")
    bench.status.click()
    bench.row("Resume").click()
    bench.wait_status("wherein")


def test_the_menu_has_what_there_is_to_do(bench: Workbench) -> None:
    bench.status.click()
    bench.row("chunks").wait_for()
    assert bench.labels() == [
        "wherein", "Ask the code", "Pause", "Rebuild the index", "Show the workers", "Doctor",
        "Show the log", "Restart",
    ]  # fmt: skip
    bench.row("Rebuild the index").click()
    bench.wait_status("wherein")
    assert bench.page.locator(".notification-toast").all_text_contents() == []
    (before,) = processes(bench, "wherein serve --stdio")
    bench.status.click()
    bench.row("chunks").wait_for()
    bench.box.fill("Restart")
    bench.row("chunks").wait_for(state="hidden")
    bench.press("Enter")
    until(lambda: [p for p in processes(bench, "wherein serve --stdio") if p != before], 60)
    bench.wait_status("wherein")


def test_the_icon_asks_and_leads_to_the_walkthrough(bench: Workbench) -> None:
    keep(bench)
    bench.command("wherein: Clear the Results")
    icon = bench.page.locator(".activitybar .action-label[aria-label^='wherein']")
    title = bench.page.locator(".quick-input-title", has_text="Ask the code")
    walkthrough = bench.page.locator(".pane-body .monaco-button", has_text="What can I ask?")

    def asks() -> bool:
        # Answers that are kept bring their view to the front, on a busy machine as late as here:
        # that asks too, and a click on the icon of a view in front puts the view away.
        bench.press("Escape", "Control+Shift+e")
        with contextlib.suppress(PlaywrightTimeoutError):
            bench.page.locator(".explorer-folders-view").wait_for(timeout=AGAIN_MS)
            icon.click()
            title.wait_for(timeout=AGAIN_MS)
            walkthrough.wait_for(timeout=AGAIN_MS)
        return title.is_visible() and walkthrough.is_visible()

    until(asks, timeout=60, what="the icon shows the view and asks")
    bench.dismiss()
    walkthrough.click()
    for step in ("Ask a question", "Narrow it", "Keep the answers", "Find code like this"):
        bench.page.locator(".step-title", has_text=step).wait_for()


def test_a_killed_worker_shows_and_heals(bench: Workbench) -> None:
    bench.command("wherein: Show the Workers")
    text = bench.row("vectorization").text_content() or ""
    found = re.search(r"process (\d+)", text)
    assert found is not None, text
    bench.dismiss()
    psutil.Process(int(found[1])).kill()

    def restarted() -> bool:
        bench.command("wherein: Show the Workers")
        shown = bench.row("vectorization").text_content() or ""
        bench.dismiss()
        return "restarted 1 times" in shown and "ready" in shown

    until(restarted, timeout=60, what="the worker is there again and says so")
    bench.ask(QUESTION, ANSWER)


def test_a_killed_server_is_started_again(bench: Workbench) -> None:
    (server,) = processes(bench, "wherein serve --stdio")
    server.kill()
    until(lambda: [p for p in processes(bench, "wherein serve --stdio") if p != server], 60)
    bench.wait_status("wherein")
    bench.ask(QUESTION, ANSWER)
    assert bench.page.locator(".notification-toast").count() == 0, "nobody needs to act"


def test_settings_count_at_once(bench: Workbench) -> None:
    question = "bird's eye view of the processes path:ARCHITECTURE.md"
    bench.ask(question, "ARCHITECTURE.md:")
    bench.dismiss()
    bench.code.set("files.exclude", {"ARCHITECTURE.md": True})

    def gone() -> bool:
        bench.ask(question, "ARCHITECTURE")
        found = bench.rows.filter(has_text="Nothing under").count() == 1
        bench.dismiss()
        return found

    until(gone, timeout=60, what="the editor's own exclude keeps the file out")


def test_doctor_and_log_are_one_step_away(bench: Workbench) -> None:
    bench.command("wherein: Doctor")
    bench.page.locator(".view-line", has_text="Nothing is wrong").first.wait_for()
