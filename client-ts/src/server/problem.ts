// Saying what went wrong, with a button for each way on.

import * as vscode from "vscode";
import { SECTION } from "../ids";

export const CHOOSE = "Choose a Python…";
export const GET_PYTHON = "Install Python";
const LOG = "Show Log";
const PYTHON = "https://www.python.org/downloads/";

/** Show a sentence, do what these buttons say, and tell which of the ways was picked. */
export async function problem<Way extends string>(
  log: vscode.LogOutputChannel,
  sentence: string,
  ...ways: Way[]
): Promise<Way | undefined> {
  const picked = await vscode.window.showErrorMessage<string>(sentence, ...ways, LOG);
  if (picked === CHOOSE) {
    await openSetting();
  } else if (picked === GET_PYTHON) {
    await vscode.env.openExternal(vscode.Uri.parse(PYTHON));
  } else if (picked === LOG) {
    log.show();
  }
  return ways.find((way) => way === picked);
}

export async function openSetting(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettings", `${SECTION}.interpreter`);
}
