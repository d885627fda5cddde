// Answers shown in the editor while a box is open; afterwards the editor is as it was.

import * as vscode from "vscode";
import type { SearchHit } from "../protocol";
import { rangeOf, uriOf } from "./open";

const STEADY_MS = 70; // a person who holds an arrow key wants the last row, not every one

/** The end of the box before: what it showed is put away before the next one looks what is there. */
let ending: Promise<void> = Promise.resolve();

export class Preview {
  private readonly mark = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.findRangeHighlightBackground"),
    overviewRulerColor: new vscode.ThemeColor("editorOverviewRuler.findMatchForeground"),
  });
  private before: Before | undefined;
  private scrollBack: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private shown: Promise<void> = Promise.resolve();
  private used = false;

  /** Whether anything was shown yet: from then on the preview follows. */
  get isUsed(): boolean {
    return this.used;
  }

  /** Show this one soon, unless another comes first. */
  show(hit: SearchHit): void {
    clearTimeout(this.timer);
    this.used = true;
    this.timer = setTimeout(() => {
      const last = ending; // not what it is by then: our own end waits for this
      this.shown = this.shown.then(() => last).then(() => this.present(hit));
    }, STEADY_MS);
  }

  /**
   * Stop; with `keep`, what is shown stays, because it is opened next. With `focus` what was there has
   * the keys again: no other box has them.
   */
  async end(keep: boolean, focus: boolean): Promise<void> {
    clearTimeout(this.timer);
    ending = this.shown.then(async () => {
      this.mark.dispose();
      if (!keep) {
        this.scrollBack?.();
        await this.before?.restore(focus);
      }
    });
    await ending;
  }

  private async present(hit: SearchHit): Promise<void> {
    this.before ??= new Before();
    this.scrollBack?.();
    this.scrollBack = undefined;
    const uri = uriOf(hit);
    try {
      const editor = await this.before.show(uri);
      const seen = editor.visibleRanges[0];
      if (seen !== undefined && this.before.had(uri)) {
        this.scrollBack = () => editor.revealRange(seen, vscode.TextEditorRevealType.AtTop);
      }
      const range = rangeOf(hit);
      editor.setDecorations(this.mark, [range]);
      editor.revealRange(belowTheBox(range, editor), vscode.TextEditorRevealType.AtTop);
    } catch {
      // Gone or no text: the row is still there, and opening it says why it cannot be opened.
    }
  }
}

/** The group of editors as it was, and what was opened in it since. */
class Before {
  private readonly editor = vscode.window.activeTextEditor;
  private readonly view = this.editor?.visibleRanges[0];
  private readonly group = vscode.window.tabGroups.activeTabGroup;
  private readonly column = this.group.viewColumn;
  private readonly tab = this.group.activeTab;
  private readonly active = this.tab === undefined ? "" : keyOf(this.tab);
  private readonly wasPreview = this.tab?.isPreview === true;
  private readonly files = new Set(this.group.tabs.flatMap((tab) => fileOf(tab) ?? []));
  /** A tab for a look: the next one would take its place, and it could not be brought back. */
  private readonly isPreviewTaken = this.group.tabs.some((tab) => tab.isPreview);
  private readonly opened = new Set<string>();

  had(uri: vscode.Uri): boolean {
    return this.files.has(uri.toString());
  }

  /** Show a file in the group, in place of the one that was shown before it. */
  async show(uri: vscode.Uri): Promise<vscode.TextEditor> {
    const file = uri.toString();
    const editor = await vscode.window.showTextDocument(uri, {
      preview: this.had(uri) || !this.isPreviewTaken,
      preserveFocus: true,
      viewColumn: this.column,
    });
    this.opened.add(file);
    // Where an editor keeps every file open, or has a tab for a look already, ours would add up.
    await this.close((other) => other !== file);
    return editor;
  }

  /** Close what was opened, and show again what was there, scrolled as it was. */
  async restore(focus: boolean): Promise<void> {
    await this.close(() => true);
    if (this.editor !== undefined && this.active === this.editor.document.uri.toString()) {
      // Without focus: another box has it by now, and would close if the editor took it.
      const editor = await vscode.window.showTextDocument(this.editor.document, {
        preview: this.wasPreview,
        preserveFocus: !focus,
        viewColumn: this.column,
      });
      // As a rule the editor has scrolled it back; what sticks to its top would now move it a little.
      if (this.view !== undefined && this.view.start.line !== editor.visibleRanges[0]?.start.line) {
        editor.revealRange(this.view, vscode.TextEditorRevealType.AtTop);
      }
      return;
    }
    // No text that we could show: a diff, a picture, settings. As a rule the editor has gone back to it.
    const tabs = this.tabs();
    const index = tabs.findIndex((tab) => keyOf(tab) === this.active);
    if (focus && index !== -1 && tabs[index]?.isActive === false) {
      await vscode.commands.executeCommand("workbench.action.openEditorAtIndex", index);
    } else if (focus) {
      await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
    }
  }

  private async close(which: (file: string) => boolean): Promise<void> {
    const ours = this.tabs().filter((tab) => {
      const file = fileOf(tab);
      return file !== undefined && this.opened.has(file) && !this.files.has(file) && !tab.isDirty && which(file);
    });
    if (ours.length > 0) {
      await vscode.window.tabGroups.close(ours, true); // the next tab would take the keys from a box
    }
  }

  /** The editor makes new objects for the same group and the same tabs. */
  private tabs(): readonly vscode.Tab[] {
    return vscode.window.tabGroups.all.find(({ viewColumn }) => viewColumn === this.column)?.tabs ?? [];
  }
}

/** A place that, brought to the top, shows the range in the lower half: the box hides the upper one. */
function belowTheBox(range: vscode.Range, editor: vscode.TextEditor): vscode.Range {
  const [seen] = editor.visibleRanges;
  const height = seen === undefined ? 30 : seen.end.line - seen.start.line;
  const line = Math.max(0, range.start.line - Math.ceil(height * 0.52));
  return new vscode.Range(line, 0, line, 0);
}

/** The file of a tab with nothing but its text. */
function fileOf({ input }: vscode.Tab): string | undefined {
  return input instanceof vscode.TabInputText ? input.uri.toString() : undefined;
}

function keyOf(tab: vscode.Tab): string {
  return fileOf(tab) ?? `label ${tab.label}`;
}
