"""A question in a real VS Code: the box, the preview, the file that opens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.waiting import until
from support.workbench import Workbench

QUESTION = "where are crashed workers restarted"
ANSWER = "WorkerManager._restart"
# The first VS Code whose boxes take Enter as a key binding, which ours goes before; older ones keep
# it to themselves, whatever is held with it.
KEEPS_NO_ENTER = (1, 105)


def line_of(file: Path, text: str) -> int:
    """Return the first line that has the text, from 1."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.fixture
def answer(project: Path) -> int:
    """The line of the answer in manager.py."""
    return line_of(project / "server/wherein/workers/manager.py", "def _restart(")


def answered(bench: Workbench, question: str = QUESTION) -> None:
    """Ask and wait for the first answers."""
    bench.ask(question, ANSWER)


def test_a_question_opens_the_function(bench: Workbench, answer: int) -> None:
    answered(bench)
    assert bench.labels()[0] == ANSWER
    first = bench.rows.first.text_content() or ""
    assert f"manager.py:{answer}" in first
    assert "meaning" in first
    bench.press("Enter")
    bench.tab("manager.py").wait_for()
    until(lambda: bench.line() == answer, what="the cursor is in the function")


def test_answers_come_while_typing_and_keep_their_order(bench: Workbench) -> None:
    """Rows whose label has the letters would otherwise come first, and others would vanish."""
    bench.ask("start the database worker", re.compile("DBWorkerManager|DatabaseStarter"))
    shown = bench.labels()
    bench.dismiss()
    bench.ask("", "path:")
    bench.page.keyboard.type("start", delay=20)
    bench.page.keyboard.type(" the database worker", delay=20)
    until(lambda: bench.labels() == shown, what="the same answers in the same order")


def go_to_line(bench: Workbench, line: int) -> None:
    """Put the cursor into a line, which scrolls there."""
    bench.open_box("Control+g", f":{line}", bench.row(str(line)))
    bench.press("Enter")
    until(lambda: bench.line() == line, what="the cursor is in the line")


def top_line(bench: Workbench) -> int:
    """The first line that can be seen, from 1; 0 while none is drawn."""
    numbers = bench.page.locator(".editor-instance .line-numbers").all_text_contents()
    return min((int(number) for number in numbers if number.strip()), default=0)


def test_the_preview_follows_and_leaves_no_trace(bench: Workbench) -> None:
    bench.open_file("ARCHITECTURE.md")
    go_to_line(bench, 70)
    until(lambda: top_line(bench) > 1, what="it is scrolled")
    top = top_line(bench)
    answered(bench)
    assert bench.tabs() == ["ARCHITECTURE.md"], "the first row is shown only to who moves"
    bench.press("ArrowDown")
    until(lambda: len(bench.tabs()) == 2, what="a preview")
    bench.press("ArrowUp")
    bench.tab("manager.py").wait_for()
    bench.dismiss()
    until(lambda: bench.tabs() == ["ARCHITECTURE.md"], what="the preview is gone")
    until(lambda: top_line(bench) == top, what="it is scrolled as before")
    assert bench.line() == 70, "the cursor is where it was"

    def goes_home() -> bool:  # the keys come back after the view does: a key before that is lost
        bench.press("Control+Home")
        return bench.line() == 1

    until(goes_home, what="the editor has the keys again")


def test_the_preview_leaves_settings_and_every_open_file(bench: Workbench) -> None:
    bench.code.set("workbench.editor.enablePreview", False)
    try:
        bench.command("Preferences: Open Settings (UI)")
        bench.page.locator(".settings-editor").wait_for()
        answered(bench)
        bench.press("ArrowDown")
        until(lambda: len(bench.tabs()) == 2, what="a preview")
        bench.press("ArrowDown", "ArrowDown", "ArrowDown")
        bench.page.locator(".settings-editor").wait_for(state="hidden")
        until(lambda: len(bench.tabs()) == 2, what="still one")
        bench.dismiss()
        until(lambda: len(bench.tabs()) == 1, what="the preview is gone")
        bench.page.locator(".settings-editor").wait_for()
        bench.page.locator(".part.editor :focus").wait_for(state="attached")
    finally:
        bench.code.set("workbench.editor.enablePreview", True)


def test_another_box_keeps_the_keys_when_a_preview_ends(bench: Workbench) -> None:
    bench.open_file("ARCHITECTURE.md")
    answered(bench)
    bench.press("ArrowDown")
    until(lambda: len(bench.tabs()) == 2, what="a preview")
    bench.press("Control+Alt+f")
    bench.row("path:").wait_for()
    until(lambda: bench.tabs() == ["ARCHITECTURE.md"], what="the preview is gone")
    bench.page.wait_for_timeout(500)  # an editor that takes the keys closes the box by then
    bench.page.keyboard.type(QUESTION)
    bench.row(ANSWER).wait_for()
    assert bench.box.input_value() == QUESTION


def test_an_answer_opens_to_the_side(bench: Workbench, answer: int) -> None:
    bench.open_file("ARCHITECTURE.md")
    groups = bench.page.locator(".editor-group-container")

    def beside() -> bool:
        at = groups.nth(1).locator(".active-line-number").all_inner_texts()
        return groups.count() == 2 and str(answer) in at

    answered(bench)
    bench.press("ArrowRight")
    until(beside, what="a second group")
    bench.tidy()
    bench.open_file("ARCHITECTURE.md")
    answered(bench)
    bench.rows.first.hover()
    bench.rows.first.locator(".codicon-split-horizontal").click()
    until(beside, what="a second group")
    bench.tidy()
    bench.open_file("ARCHITECTURE.md")
    answered(bench)
    bench.press("Control+Enter")
    until(lambda: bench.line() == answer, what="the answer")
    assert groups.count() == (2 if bench.version() >= KEEPS_NO_ENTER else 1)


def test_what_the_person_should_know_of_the_answers_is_said_above_them(bench: Workbench) -> None:
    bench.code.set("wherein.quality", "on")  # its model is not there

    def said() -> bool:
        answered(bench)
        title = bench.page.locator(".quick-input-title").text_content() or ""
        bench.dismiss()
        return "without a second model" in title

    try:
        until(said, timeout=60, what="the note in the title")
    finally:
        bench.code.set("wherein.quality", "off")


def test_filters_narrow_and_an_empty_answer_says_what_to_do(bench: Workbench) -> None:
    bench.ask(f"{QUESTION} lang:markdown", "docs/adr")
    assert bench.rows.filter(has_text=re.compile(r"\.py:\d")).count() == 0
    bench.box.fill(f"{QUESTION} path:nowhere/**")
    bench.row("Nothing under nowhere/**").wait_for()
    bench.row("Search everywhere").click()
    bench.row(ANSWER).wait_for()
    assert bench.box.input_value() == QUESTION
    bench.box.fill(f"{QUESTION} kind:verb")
    bench.row("There is no kind verb").wait_for()


def test_the_empty_box_has_the_last_questions(bench: Workbench) -> None:
    answered(bench)
    bench.press("Enter")
    bench.tab("manager.py").wait_for()
    bench.ask("", QUESTION)
    bench.press("Enter")
    bench.row(ANSWER).wait_for()
    bench.box.fill("")
    bench.row(QUESTION).hover()
    bench.row(QUESTION).locator(".codicon-close").click()
    until(lambda: bench.rows.filter(has_text=QUESTION).count() == 0, what="it is forgotten")


def test_similar_code_is_found_from_the_cursor(bench: Workbench) -> None:
    answered(bench)
    bench.press("Enter")
    bench.tab("manager.py").wait_for()
    bench.command("wherein: Find Similar Code")
    bench.page.locator(".quick-input-title", has_text="Code like manager.py").wait_for()
    bench.row(re.compile(r"\.py:\d+")).wait_for()
    assert ANSWER not in bench.labels(), "the function itself is not like itself"
    narrowed = bench.labels()[0]
    bench.box.fill(narrowed[-6:])
    bench.press("Enter")
    bench.page.locator(".quick-input-widget").wait_for(state="hidden")


def test_similar_code_is_found_from_the_context_menu_for_what_is_selected(bench: Workbench) -> None:
    answered(bench)
    bench.press("Enter")
    bench.tab("manager.py").wait_for()
    line = until(
        lambda: bench.line() if bench.line() > 1 else 0, what="the cursor is in the answer"
    )
    bench.page.locator(".editor-group-container .monaco-editor.focused").first.wait_for()
    bench.press("Shift+ArrowDown", "Shift+ArrowDown", "Shift+F10")
    entry = bench.page.locator(".monaco-menu .action-label", has_text="Find Similar Code")
    entry.wait_for()
    entry.hover()  # a click is lost where the menu has only just opened
    bench.press("Enter")
    title = f"Code like manager.py:{line}"
    bench.page.locator(".quick-input-title", has_text=title).wait_for()
    bench.row(re.compile(r"\.py:\d+")).wait_for()


def test_symbols_are_found_by_name(bench: Workbench) -> None:
    bench.open_box("Control+t", "#RestartPolicy", bench.row("RestartPolicy"))
    bench.press("Enter")
    bench.tab("supervision.py").wait_for()


def test_a_file_says_whether_it_is_indexed(bench: Workbench) -> None:
    bench.open_file("ARCHITECTURE.md")
    bench.command("wherein: Why Is This File Not Found?")
    bench.notice(re.compile("ARCHITECTURE|index", re.IGNORECASE)).wait_for()
