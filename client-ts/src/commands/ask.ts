// The box "Ask the code": results appear while the person types, Enter opens one.

import * as vscode from "vscode";
import type { Client } from "../client";
import * as protocol from "../protocol";

const PAUSE_MS = 120; // a person who types on does not want the answer to half a word
const LIMIT = 20;

interface Row extends vscode.QuickPickItem {
  readonly hit?: protocol.SearchHit;
}

/** Show the box and stay with it until it is closed. */
export function ask(client: Client): void {
  const box = vscode.window.createQuickPick<Row>();
  box.title = "Ask the code";
  box.placeholder = "where do we retry failed uploads?";
  let timer: NodeJS.Timeout | undefined;
  let asked: vscode.CancellationTokenSource | undefined;

  const forget = (): void => {
    clearTimeout(timer);
    asked?.cancel();
    asked?.dispose();
    asked = undefined;
    box.busy = false;
  };

  const run = async (query: string): Promise<void> => {
    const mine = new vscode.CancellationTokenSource();
    asked = mine;
    box.busy = true;
    const rows = await answer(client, query, mine.token);
    if (asked === mine) {
      box.items = rows;
      box.busy = false;
    }
  };

  box.onDidChangeValue((value) => {
    forget();
    const query = value.trim();
    if (query === "") {
      box.items = [];
    } else {
      timer = setTimeout(() => void run(query), PAUSE_MS);
    }
  });
  box.onDidAccept(() => {
    const hit = box.selectedItems[0]?.hit;
    if (hit !== undefined) {
      box.hide();
      void open(hit);
    }
  });
  box.onDidHide(() => {
    forget();
    box.dispose();
  });
  box.show();
}

/** Ask the server; what goes wrong becomes a row that says so. */
async function answer(
  client: Client,
  query: string,
  token: vscode.CancellationToken,
): Promise<Row[]> {
  try {
    const found = await client.request(protocol.search, { query, limit: LIMIT }, token);
    const rows = found.results.map(toRow);
    return rows.length > 0 ? rows : [notice(found.notes[0] ?? "Nothing found")];
  } catch (error) {
    return [notice(error instanceof Error ? error.message : String(error))];
  }
}

function toRow(hit: protocol.SearchHit): Row {
  const line = hit.snippet.split("\n").find((text) => text.trim() !== "");
  return {
    label: hit.symbol === "" ? (hit.path.split("/").at(-1) ?? hit.path) : hit.symbol,
    description: `${hit.path}:${hit.startLine}`,
    detail: [line?.trim(), hit.via.join(" · ")].filter(Boolean).join("  —  "),
    alwaysShow: true, // the server chose it; the box must not filter by letters
    hit,
  };
}

function notice(text: string): Row {
  return { label: text, alwaysShow: true };
}

async function open(hit: protocol.SearchHit): Promise<void> {
  const { start, end } = hit.range;
  const range = new vscode.Range(start.line, start.character, end.line, end.character);
  const editor = await vscode.window.showTextDocument(vscode.Uri.parse(hit.uri, true));
  editor.selection = new vscode.Selection(range.start, range.start);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
