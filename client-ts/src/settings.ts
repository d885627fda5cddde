// The settings as package.json declares them, and the form in which the server takes them.

import * as vscode from "vscode";
import { SECTION, SENT } from "./ids";

/** What goes to the server when it starts; defaults are those of package.json. */
export type ServerSettings = Readonly<Record<string, unknown>>;

/** Read the server's settings. The extension has commands of its own, so the server's are off. */
export function serverSettings(): ServerSettings {
  const found = vscode.workspace.getConfiguration(SECTION);
  return {
    ...Object.fromEntries(SENT.map((name) => [name, found.get<unknown>(name)])),
    exclude: [...found.get<string[]>("exclude", []), ...editorExcludes()],
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
  return patterns.filter(([, on]) => on === true).map(([glob]) => asRule(glob));
}

/** The editor's globs begin at the top of a folder, those of an ignore file at any depth unless told. */
function asRule(glob: string): string {
  return glob.startsWith("**/") || glob.startsWith("/") ? glob : `/${glob}`;
}

/** Settings of the machine: the server takes them with `initialize` only. */
const RESTART = ["interpreter", "model", "qualityModel"] as const;

/** What a change of the configuration means: a start anew, other settings, or nothing to us. */
export function meaningOf(event: vscode.ConfigurationChangeEvent): "restart" | "send" | "nothing" {
  const affects = (name: string): boolean => event.affectsConfiguration(name);
  if (RESTART.some((name) => affects(`${SECTION}.${name}`))) {
    return "restart";
  }
  const sent = [...SENT.map((name) => `${SECTION}.${name}`), "files.exclude", "search.exclude"];
  return sent.some(affects) ? "send" : "nothing";
}

/** Read the interpreter that the person set, "" for none. */
export function interpreterSetting(): string {
  return textSetting("interpreter");
}

/** Read the folder of wheels to install the server from, "" for the package index. */
export function wheelsSetting(): string {
  return textSetting("wheels");
}

/** The editor's proxy, "" for none; the hosts that are reached without it; whether certificates are checked. */
export function proxySettings(): { proxy: string; noProxy: string[]; strict: boolean } {
  const http = vscode.workspace.getConfiguration("http");
  const on = http.get<string>("proxySupport") !== "off";
  return {
    proxy: on ? http.get<string>("proxy", "").trim() : "",
    noProxy: on ? http.get<string[]>("noProxy", []) : [],
    strict: http.get<boolean>("proxyStrictSSL", true),
  };
}

function textSetting(name: string): string {
  return vscode.workspace.getConfiguration(SECTION).get<string>(name, "").trim();
}
