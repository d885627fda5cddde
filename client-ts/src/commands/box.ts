// The box with answers: rows with a preview that follows, opened in place or to the side.

import * as vscode from "vscode";
import { CONTEXT } from "../ids";
import type { SearchHit } from "../protocol";
import { inert, rowOf } from "../text";
import { open } from "./open";
import { Preview } from "./preview";

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
  current?.openActive("side");
}

/** What becomes of the answers that are shown. */
export interface Fate {
  /** The person wants them in the results view. */
  keep(hits: readonly SearchHit[]): void;
  /** One of them is opened. */
  opened?(): void;
}

export class AnswerBox {
  readonly pick = vscode.window.createQuickPick<Row>();
  private readonly preview = new Preview();
  private opened = false;
  private isStale = false;
  private wish: "here" | "side" | undefined;

  constructor(
    title: string,
    placeholder: string,
    private readonly fate: Fate,
  ) {
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
        fate.keep(hits);
        pick.hide();
      }
    });
    pick.onDidTriggerItemButton(({ item, button }) =>
      button === DROP ? item.drop?.() : this.openRow(item, "side"),
    );
    pick.onDidAccept(() => this.openActive("here"));
    pick.onDidChangeActive(([row]) => this.follow(row));
    pick.onDidHide(() => void this.end());
    current = this;
    void vscode.commands.executeCommand("setContext", CONTEXT.asking, true);
  }

  /** Whether the person looks at answers, so that they should stay as they are. */
  get isLookedAt(): boolean {
    return this.preview.isUsed;
  }

  /** Others are on their way: the rows that are shown answer what was typed before. */
  expect(): void {
    this.isStale = true;
    this.wish = undefined;
  }

  /** Show rows, and open the first if that was wanted before they came. */
  answer(rows: readonly Row[]): void {
    const { wish } = this;
    this.isStale = false;
    this.wish = undefined;
    this.pick.items = rows;
    if (wish !== undefined && rows[0]?.hit !== undefined) {
      this.openRow(rows[0], wish);
    }
  }

  /** Open the active row; a sentence alone stays where it is. */
  openActive(where: "here" | "side"): void {
    const { activeItems, items } = this.pick;
    const [first] = items;
    const active = activeItems[0];
    // The editor may not have told yet which of the new rows is the active one: as a rule the first.
    const row = active === undefined || items.includes(active) ? active : first;
    if (this.isStale && (row === undefined || row === first)) {
      this.wish = where; // nobody chose this row: the first of those that come is meant
    } else if (row !== undefined) {
      this.openRow(row, where);
    }
  }

  private openRow(row: Row, where: "here" | "side"): void {
    if (row.hit !== undefined) {
      const hit = row.hit;
      this.opened = true;
      this.fate.opened?.();
      this.pick.hide();
      void this.preview.end(where === "here", false).then(() => open(hit, where));
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
      await this.preview.end(false, current === undefined);
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

/** A sentence that cannot be picked; it may name files, or say what went wrong. */
export function sentence(text: string): Row {
  return { label: `$(info) ${inert(text)}`, alwaysShow: true };
}

/** Something to do instead of an answer. */
export function action(label: string, act: () => void, description = ""): Row {
  return { label, description, alwaysShow: true, act };
}

/** A question that was asked before. */
export function asked(question: string, act: () => void, drop: () => void): Row {
  return { label: `$(history) ${inert(question)}`, alwaysShow: true, act, drop, buttons: [DROP] };
}

export function heading(label: string): Row {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}
