// Opening an answer: in place, to the side, or one of many.

import * as vscode from "vscode";
import type { SearchHit } from "../protocol";
import { lineOf, nameIn } from "../text";

export function uriOf(hit: SearchHit): vscode.Uri {
  return vscode.Uri.parse(hit.uri, true);
}

export function rangeOf(hit: SearchHit): vscode.Range {
  const { start, end } = hit.range;
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** Where an answer opens: in place, beside what is open, or as one of many that all stay open. */
export type Where = "here" | "side" | "one of many";

/** Open for good, with the cursor at its name: what the editor can do with a name is one key away. */
export async function open(hit: SearchHit, where: Where = "here"): Promise<void> {
  const shown = () =>
    vscode.window.showTextDocument(uriOf(hit), {
      preview: where === "here",
      preserveFocus: where === "one of many",
      viewColumn: where === "side" ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active,
    });
  try {
    // The editor refuses too when another file opens in the meantime: once more, then.
    const editor = await shown().then(undefined, shown);
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
