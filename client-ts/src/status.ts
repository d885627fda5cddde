// The item in the status bar: asks the server often while it works, and seldom when it rests.

import * as vscode from "vscode";
import type { Client } from "./client";
import { SILENT, within } from "./deadline";
import { COMMANDS } from "./ids";
import { lookOf, lookOfLife, type Look } from "./look";
import * as protocol from "./protocol";

const BUSY_MS = 700;
const IDLE_MS = 5_000;
const SILENT_MS = 10_000; // how long a server may be busy with something else

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    "wherein.status",
    vscode.StatusBarAlignment.Right,
    100,
  );
  private readonly subscription: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private round = 0;

  constructor(private readonly client: Client) {
    this.item.name = "wherein";
    this.item.command = COMMANDS.menu;
    this.item.show();
    this.subscription = client.onDidChange(() => void this.refresh());
    void this.refresh();
  }

  /** Ask now instead of at the next turn. */
  async refresh(): Promise<void> {
    clearTimeout(this.timer);
    this.round += 1;
    const mine = this.round;
    const look = await this.look();
    if (mine !== this.round) {
      return; // a later refresh is on its way
    }
    this.draw(look);
    if (this.client.life === "running") {
      this.timer = setTimeout(() => void this.refresh(), look.busy ? BUSY_MS : IDLE_MS);
    }
  }

  dispose(): void {
    this.round += 1;
    clearTimeout(this.timer);
    this.subscription.dispose();
    this.item.dispose();
  }

  private async look(): Promise<Look> {
    if (this.client.life !== "running") {
      return lookOfLife(this.client.life, this.client.installed);
    }
    try {
      const { folders } = await within(SILENT_MS, this.client.request(protocol.status, {}), SILENT);
      return lookOf(folders);
    } catch (error) {
      const tooltip = error instanceof Error ? error.message : String(error);
      return { text: "$(error) wherein !", tooltip, alarm: "error", busy: true };
    }
  }

  private draw(look: Look): void {
    this.item.text = look.text;
    this.item.tooltip = look.tooltip;
    this.item.backgroundColor =
      look.alarm === "" ? undefined : new vscode.ThemeColor(`statusBarItem.${look.alarm}Background`);
  }
}
