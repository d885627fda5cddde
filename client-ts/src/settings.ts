// The settings as package.json declares them, and the form in which the server takes them.

import * as vscode from "vscode";

export const SECTION = "wherein";

/** What goes to the server when it starts; names and defaults are those of its settings.py. */
export interface ServerSettings {
  readonly exclude: readonly string[];
  readonly maxFileKib: number;
  readonly model: string;
  readonly logLevel: string;
  readonly executeCommands: false;
}

/** Read the server's settings. The extension has commands of its own, so the server's are off. */
export function serverSettings(): ServerSettings {
  const found = vscode.workspace.getConfiguration(SECTION);
  return {
    exclude: found.get<string[]>("exclude", []),
    maxFileKib: found.get<number>("maxFileKib", 1024),
    model: found.get<string>("model", ""),
    logLevel: found.get<string>("logLevel", "warning"),
    executeCommands: false,
  };
}

/** Read the interpreter that the person set, "" for none. */
export function interpreterSetting(): string {
  return vscode.workspace.getConfiguration(SECTION).get<string>("interpreter", "").trim();
}
