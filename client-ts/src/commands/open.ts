// Opening an answer: in place, to the side, or as a preview that leaves no trace.

import * as vscode from "vscode";
import type { SearchHit } from "../protocol";
import { lineOf, nameIn } from "../text";

const STEADY_MS = 70; // a person who holds an arrow key wants the last row, not every one

export function uriOf(hit: SearchHit): vscode.Uri {
  return vscode.Uri.parse(hit.uri, true);
}

function rangeOf(hit: SearchHit): vscode.Range {
  const { start, end } = hit.range;
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** Open for good, with the cursor at its name: what the editor can do with a name is one key away. */
export async function open(hit: SearchHit, side = false): Promise<void> {
  try {
    const editor = await vscode.window.showTextDocument(uriOf(hit), {
      preview: !side,
      viewColumn: side ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active,
    });
    const range = rangeOf(hit);
    const { text, lineNumber, firstNonWhitespaceCharacterIndex } = editor.document.lineAt(
      Math.min(lineOf(hit), editor.document.lineCount) - 1,
    );
    const name = nameIn(text, hit.symbol);
    const start = new vscode.Position(lineNumber, name === -1 ? firstNonWhitespaceCharacterIndex : name);
    editor.selection = new vscode.Selection(start, start);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  } catch {
    void vscode.window.showWarningMessage(`${hit.path} cannot be opened. It may be gone since it was indexed`);
  }
}

/** Shows answers in the editor while a box is open, and puts everything back afterwards. */
export class Preview {
  private readonly before = vscode.window.activeTextEditor;
  private readonly view = this.before?.visibleRanges[0];
  private readonly column = vscode.window.tabGroups.activeTabGroup.viewColumn;
  private readonly tabs = new Set(openTabs().map(keyOf));
  private readonly tab = vscode.window.tabGroups.activeTabGroup.activeTab;
  private readonly wasPreview = this.tab?.isPreview === true;
  private readonly mark = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.findRangeHighlightBackground"),
    overviewRulerColor: new vscode.ThemeColor("editorOverviewRuler.findMatchForeground"),
  });
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
      this.shown = this.shown.then(() => this.present(hit));
    }, STEADY_MS);
  }

  /** Stop; with `keep`, what is shown stays, because it is opened next. */
  async end(keep: boolean): Promise<void> {
    clearTimeout(this.timer);
    await this.shown;
    this.mark.dispose();
    if (!keep && this.used) {
      await this.restore();
    }
  }

  private async present(hit: SearchHit): Promise<void> {
    try {
      const editor = await vscode.window.showTextDocument(uriOf(hit), {
        preview: true,
        preserveFocus: true,
        viewColumn: this.column,
      });
      const range = rangeOf(hit);
      editor.setDecorations(this.mark, [range]);
      editor.revealRange(belowTheBox(range, editor), vscode.TextEditorRevealType.AtTop);
    } catch {
      // Gone or no text: the row is still there, and opening it says why it cannot be opened.
    }
  }

  /** Close what the preview opened, and show again what was there, scrolled as it was. */
  private async restore(): Promise<void> {
    if (this.before !== undefined) {
      const editor = await vscode.window.showTextDocument(this.before.document, {
        preview: this.wasPreview,
        viewColumn: this.column,
      });
      if (this.view !== undefined) {
        editor.revealRange(this.view, vscode.TextEditorRevealType.AtTop);
      }
    }
    // Where the file before was a preview too, it took the place of ours: nothing is left to close.
    await vscode.window.tabGroups.close(
      openTabs().filter((tab) => tab.isPreview && !this.tabs.has(keyOf(tab))),
    );
  }
}

/** A place that, brought to the top, shows the range in the lower half: the box hides the upper one. */
function belowTheBox(range: vscode.Range, editor: vscode.TextEditor): vscode.Range {
  const [seen] = editor.visibleRanges;
  const height = seen === undefined ? 30 : seen.end.line - seen.start.line;
  const line = Math.max(0, range.start.line - Math.ceil(height * 0.52));
  return new vscode.Range(line, 0, line, 0);
}

function openTabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => [...group.tabs]);
}

/** The editor makes new objects for the same tab; place and file tell it. */
function keyOf({ group, input, label }: vscode.Tab): string {
  const what = input instanceof vscode.TabInputText ? input.uri.toString() : label;
  return `${group.viewColumn} ${what}`;
}
