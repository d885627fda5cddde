// Entry of the extension: wires the parts together, and does nothing else.

import * as vscode from "vscode";
import { Client } from "./client";
import { ask } from "./commands/ask";
import { openActiveToSide } from "./commands/box";
import { doctor, menu, showWorkers, why } from "./commands/menu";
import { findSimilar } from "./commands/similar";
import { COMMANDS } from "./ids";
import * as protocol from "./protocol";
import { fetchSecondModel } from "./server/secondmodel";
import { meaningOf } from "./settings";
import { StatusItem } from "./status";
import { registerTool } from "./tool";
import { ResultsView } from "./views/results";

let client: Client | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const ours = new Client(context);
  client = ours;
  const memory = context.workspaceState;
  const results = new ResultsView(ours, memory);
  const status = new StatusItem(ours);
  const on = (command: string, act: (...args: never[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(command, act);
  const tell = async (request: protocol.Request<protocol.NoParams, unknown>): Promise<void> => {
    try {
      await ours.request(request, {});
    } catch (error) {
      void vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error));
    }
    await status.refresh();
  };
  context.subscriptions.push(
    ours,
    results,
    status,
    registerTool(ours),
    on(COMMANDS.ask, (question?: string) => ask(ours, results, memory, question)),
    on(COMMANDS.openToSide, openActiveToSide),
    on(COMMANDS.findSimilar, () => findSimilar(ours, results)),
    on(COMMANDS.menu, () => menu(ours)),
    on(COMMANDS.pause, () => tell(protocol.pause)),
    on(COMMANDS.resume, () => tell(protocol.resume)),
    on(COMMANDS.reindex, () => tell(protocol.reindex)),
    on(COMMANDS.restart, () => ours.restart()),
    on(COMMANDS.setUp, () => ours.setUp()),
    on(COMMANDS.fetchSecondModel, () => fetchSecondModel(ours)),
    on(COMMANDS.showLog, () => ours.log.show()),
    on(COMMANDS.showWorkers, () => showWorkers(ours)),
    on(COMMANDS.doctor, () => doctor(ours)),
    on(COMMANDS.why, (uri?: vscode.Uri) => why(ours, uri)),
    vscode.workspace.onDidGrantWorkspaceTrust(() => ours.reconsider()),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      const meaning = meaningOf(event);
      if (meaning === "restart") {
        await ours.restart();
      } else if (meaning === "send") {
        await ours.configure();
      }
    }),
  );
  void begin(ours);
}

/** Start without holding up the editor; the one question comes only when the server is not there. */
async function begin(ours: Client): Promise<void> {
  await ours.start();
  if (ours.life === "missing") {
    await ours.setUp(false);
  }
}

export async function deactivate(): Promise<void> {
  await client?.stop();
  client = undefined;
}
