// The settings as package.json declares them, and the form in which the server takes them.

import * as vscode from "vscode";
import { SECTION } from "./ids";

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
    exclude: [...found.get<string[]>("exclude", []), ...editorExcludes()],
    maxFileKib: found.get<number>("maxFileKib", 1024),
    model: found.get<string>("model", ""),
    logLevel: found.get<string>("logLevel", "warning"),
    executeCommands: false,
  };
}

/** The editor's own excludes; those that depend on a sibling file are no globs and stay out. */
function editorExcludes(): string[] {
  const patterns = ["files", "search"].flatMap((section) =>
    Object.entries(
      vscode.workspace.getConfiguration(section).get<Record<string, unknown>>("exclude", {}),
    ),
  );
  return patterns.filter(([, on]) => on === true).map(([glob]) => glob);
}

/** Whether a change of the configuration concerns the server. */
export function concernsServer(event: vscode.ConfigurationChangeEvent): boolean {
  return [SECTION, "files.exclude", "search.exclude"].some((name) =>
    event.affectsConfiguration(name),
  );
}

/** Read the interpreter that the person set, "" for none. */
export function interpreterSetting(): string {
  return textSetting("interpreter");
}

/** Read the folder of wheels to install the server from, "" for the package index. */
export function wheelsSetting(): string {
  return textSetting("wheels");
}

/** The editor's proxy, "" for none. */
export function proxySetting(): string {
  return vscode.workspace.getConfiguration("http").get<string>("proxy", "").trim();
}

function textSetting(name: string): string {
  return vscode.workspace.getConfiguration(SECTION).get<string>(name, "").trim();
}
