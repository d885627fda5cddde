// The item in the status bar: the worst state of all folders, and one sentence for each of them.

import * as vscode from "vscode";
import type { Client } from "./client";
import * as protocol from "./protocol";

const BUSY_MS = 1_000;
const IDLE_MS = 10_000;

/** How a state looks, the worst first. A state that is not here is shown by its own name. */
const LOOKS: ReadonlyMap<string, (folder: protocol.FolderStatus) => string> = new Map([
  ["root_missing", () => "$(warning) wherein (folder gone)"],
  ["busy", () => "$(lock) wherein (busy)"],
  ["failed", () => "$(error) wherein !"],
  ["rebuilding", working],
  ["read_only", () => "$(warning) wherein (read only)"],
  ["paused", () => "$(debug-pause) wherein (paused)"],
  ["lexical_only", () => "$(search) wherein (words)"],
  ["indexing", working],
  ["watch_polling", () => "$(search) wherein"],
  ["ok", () => "$(search) wherein"],
]);
const ORDER = [...LOOKS.keys()];

/** Keeps the item true by asking the server, often while it works and seldom when it rests. */
export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    "wherein.status",
    vscode.StatusBarAlignment.Right,
    100,
  );
  private readonly subscription: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly client: Client) {
    this.item.name = "wherein";
    this.item.command = "wherein.ask";
    this.item.text = "$(sync~spin) wherein";
    this.item.show();
    this.subscription = client.onDidChange(() => void this.refresh());
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscription.dispose();
    this.item.dispose();
  }

  private async refresh(): Promise<void> {
    clearTimeout(this.timer);
    if (!this.client.running) {
      this.item.text = "$(circle-slash) wherein";
      this.item.tooltip = "wherein is not running";
      return;
    }
    let pause = IDLE_MS;
    try {
      const { folders } = await this.client.request(protocol.status, {});
      this.draw(folders);
      pause = folders.some((folder) => LOOKS.get(folder.state) === working) ? BUSY_MS : IDLE_MS;
    } catch (error) {
      this.item.tooltip = error instanceof Error ? error.message : String(error);
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), pause);
  }

  private draw(folders: readonly protocol.FolderStatus[]): void {
    const worst = [...folders].sort((a, b) => rank(a.state) - rank(b.state))[0];
    if (worst === undefined) {
      this.item.text = "$(search) wherein";
      this.item.tooltip = "No folder is open";
      return;
    }
    const look = LOOKS.get(worst.state);
    this.item.text = look === undefined ? `$(search) wherein (${worst.state})` : look(worst);
    this.item.tooltip = folders.map((folder) => `${folder.folder}: ${folder.sentence}`).join("\n");
  }
}

function rank(state: string): number {
  const place = ORDER.indexOf(state);
  return place === -1 ? 0 : place;
}

function working(folder: protocol.FolderStatus): string {
  const percent = folder.percent === null ? "" : ` ${Math.floor(folder.percent)} %`;
  return `$(sync~spin) wherein${percent}`;
}
