// Entry of the extension: wires the parts together, and does nothing else.

import * as vscode from "vscode";
import { Client } from "./client";
import { ask } from "./commands/ask";
import * as protocol from "./protocol";
import { SECTION } from "./settings";
import { StatusItem } from "./status";

let client: Client | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const ours = new Client();
  client = ours;
  context.subscriptions.push(
    ours,
    new StatusItem(ours),
    vscode.commands.registerCommand("wherein.ask", () => ask(ours)),
    vscode.commands.registerCommand("wherein.restart", () => ours.restart()),
    vscode.commands.registerCommand("wherein.reindex", () => ours.request(protocol.reindex, {})),
    vscode.commands.registerCommand("wherein.showLog", () => ours.log.show()),
    vscode.workspace.onDidChangeConfiguration((event) =>
      event.affectsConfiguration(SECTION) ? ours.restart() : undefined,
    ),
  );
  await ours.start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
  client = undefined;
}
