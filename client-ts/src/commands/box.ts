// The box with answers: rows with a preview that follows, opened in place or to the side.

import * as vscode from "vscode";
import { CONTEXT } from "../ids";
import type { SearchHit } from "../protocol";
import { rowOf } from "../text";
import { open, Preview } from "./open";

/** A row: an answer, or something else to pick, or a sentence alone. */
export interface Row extends vscode.QuickPickItem {
  readonly hit?: SearchHit;
  readonly act?: () => void;
  /** What the button at the end of the row does; the box stays open. */
  readonly drop?: () => void;
}

const TO_SIDE: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon("split-horizontal"),
  tooltip: "Open to the Side (→)",
};
const DROP: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon("close"),
  tooltip: "Forget This Question",
};

/** The box that is open, for the key that opens to the side. */
let current: AnswerBox | undefined;

export function openActiveToSide(): void {
  current?.openActive(true);
}

export class AnswerBox {
  readonly pick = vscode.window.createQuickPick<Row>();
  private readonly preview = new Preview();
  private opened = false;

  /** `keep` gets the answers that are shown when the person wants them in the results view. */
  constructor(title: string, placeholder: string, keep: (hits: readonly SearchHit[]) => void) {
    const { pick } = this;
    pick.title = title;
    pick.placeholder = placeholder;
    pick.matchOnDescription = true;
    // The server's order is the order. The editor would put rows first whose label has the letters;
    // the switch has no type, and exists since 2019.
    Object.assign(pick, { sortByLabel: false });
    pick.buttons = [
      { iconPath: new vscode.ThemeIcon("list-tree"), tooltip: "Keep in the Results View" },
    ];
    pick.onDidTriggerButton(() => {
      const hits = pick.items.flatMap((row) => row.hit ?? []);
      if (hits.length > 0) {
        keep(hits);
        pick.hide();
      }
    });
    pick.onDidTriggerItemButton(({ item, button }) =>
      button === DROP ? item.drop?.() : this.openRow(item, true),
    );
    pick.onDidAccept(() => this.openActive(false));
    pick.onDidChangeActive(([row]) => this.follow(row));
    pick.onDidHide(() => void this.end());
    current = this;
    void vscode.commands.executeCommand("setContext", CONTEXT.asking, true);
  }

  /** Whether the person looks at answers, so that they should stay as they are. */
  get isLookedAt(): boolean {
    return this.preview.isUsed;
  }

  /** Open the active row; a sentence alone stays where it is. */
  openActive(side: boolean): void {
    const row = this.pick.activeItems[0];
    if (row !== undefined) {
      this.openRow(row, side);
    }
  }

  private openRow(row: Row, side: boolean): void {
    if (row.hit !== undefined) {
      const hit = row.hit;
      this.opened = true;
      this.pick.hide();
      void this.preview.end(!side).then(() => open(hit, side));
    } else {
      row.act?.();
    }
  }

  /** The first row is shown only once the person has moved: who still types is not to be disturbed. */
  private follow(row: Row | undefined): void {
    if (row?.hit !== undefined && (this.preview.isUsed || row !== this.pick.items[0])) {
      this.preview.show(row.hit);
    }
  }

  private async end(): Promise<void> {
    if (current === this) {
      current = undefined;
      void vscode.commands.executeCommand("setContext", CONTEXT.asking, false);
    }
    this.pick.dispose();
    if (!this.opened) {
      await this.preview.end(false);
    }
  }
}

/** Rows of answers. `alwaysShow`: the server chose them, the box must not filter by letters. */
export function rowsOf(
  hits: readonly SearchHit[],
  words: readonly string[],
  alwaysShow: boolean,
): Row[] {
  return hits.map((hit) => ({ ...rowOf(hit, words), alwaysShow, hit, buttons: [TO_SIDE] }));
}

/** A sentence that cannot be picked. */
export function sentence(text: string): Row {
  return { label: `$(info) ${text}`, alwaysShow: true };
}

/** Something to do instead of an answer. */
export function action(label: string, act: () => void, description = ""): Row {
  return { label, description, alwaysShow: true, act };
}

/** A question that was asked before. */
export function asked(question: string, act: () => void, drop: () => void): Row {
  return { label: `$(history) ${question}`, alwaysShow: true, act, drop, buttons: [DROP] };
}

export function heading(label: string): Row {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}
