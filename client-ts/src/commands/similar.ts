// Code like the selection, or like the definition under the cursor.

import * as vscode from "vscode";
import type { Client } from "../client";
import type { Position } from "../protocol";
import { searchLike, type Place } from "../search";
import { baseName } from "../text";
import type { ResultsView } from "../views/results";
import { AnswerBox, rowsOf, sentence } from "./box";

const MOST = 100_000; // characters; far more than a question needs

export async function findSimilar(client: Client, results: ResultsView): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || editor.document.uri.scheme !== "file") {
    void vscode.window.showInformationMessage("Put the cursor into a function first, or select some code");
    return;
  }
  const like = placeIn(editor);
  const { path } = editor.document.uri;
  const where = `${baseName(path)}:${editor.selection.start.line + 1}`;
  const box = new AnswerBox(`Code like ${where}`, "Type to narrow by name or path", {
    keep: (hits) => results.show({ question: `like ${where}`, hits, like }),
  });
  const stop = new vscode.CancellationTokenSource();
  box.pick.onDidHide(() => stop.cancel());
  box.pick.busy = true;
  box.pick.show();
  try {
    const found = await searchLike(client, like, stop.token);
    const rows = rowsOf(found.results, [], false);
    box.answer(rows.length > 0 ? rows : [sentence(found.notes[0] ?? "Nothing in this project is like it")]);
  } catch (error) {
    box.answer([sentence(error instanceof Error ? error.message : String(error))]);
  }
  box.pick.busy = false;
}

function placeIn({ document, selection }: vscode.TextEditor): Place {
  return {
    uri: document.uri.toString(),
    range: { start: at(selection.start), end: at(selection.end) },
    // What is selected may not be on the disk yet.
    ...(document.isDirty && !selection.isEmpty ? { text: document.getText(selection).slice(0, MOST) } : {}),
  };
}

function at({ line, character }: vscode.Position): Position {
  return { line, character };
}
