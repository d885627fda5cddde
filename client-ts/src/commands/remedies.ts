// What a person can do about the state of a folder: entries on top of the menu.

import * as vscode from "vscode";
import { COMMANDS, SECTION } from "../ids";
import type { FolderStatus } from "../protocol";

export interface Entry extends vscode.QuickPickItem {
  readonly act?: () => unknown;
}

/** What is known beside the states. */
export interface Circumstances {
  /** Whether the server is the one that wherein has installed. */
  readonly own: boolean;
  /** The model that the person has set, "" for the one in the package. */
  readonly model: string;
}

const COPY = "Copy the Command";
const ENOUGH = { max_user_watches: 524_288, max_user_instances: 1_024 };

export function does(icon: string, label: string, command: string, description = "", ...args: unknown[]): Entry {
  const act = (): unknown => vscode.commands.executeCommand(command, ...args);
  return { label: `$(${icon}) ${label}`, description, act };
}

/** Install the private environment anew; the server's files may be damaged. */
export const REPAIR = does("tools", "Repair", COMMANDS.setUp, "install the server's files again");
export const LOG = does("output", "Show the log", COMMANDS.showLog);

/** The entries for these folders, each once. */
export function remediesFor(folders: readonly FolderStatus[], about: Circumstances): Entry[] {
  const found = folders.flatMap((folder) => forOne(folder, about));
  return found.filter((entry, index) => found.findIndex(({ label }) => label === entry.label) === index);
}

function forOne({ state, sentence }: FolderStatus, { own, model }: Circumstances): Entry[] {
  if (state === "failed") {
    return [does("debug-restart", "Retry", COMMANDS.restart, "start the workers again"), LOG];
  }
  if (state === "lexical_only" && model !== "") {
    const setting = `${SECTION}.model`;
    return [does("gear", "Choose another model…", "workbench.action.openSettings", `it is set to ${model}`, setting)];
  }
  if (state === "lexical_only" && own) {
    return [REPAIR];
  }
  if (state === "on_battery") {
    return [does("gear", "Do not wait…", "workbench.action.openSettings", "", `${SECTION}.pauseOnBattery`)];
  }
  const limit = state === "watch_polling" ? /fs\.inotify\.(max_user_\w+)/.exec(sentence)?.[1] : undefined;
  return isLimit(limit) ? [{ label: "$(question) How to raise it", act: () => sayHowToRaise(limit) }] : [];
}

function isLimit(name: string | undefined): name is keyof typeof ENOUGH {
  return name !== undefined && name in ENOUGH;
}

async function sayHowToRaise(limit: keyof typeof ENOUGH): Promise<void> {
  const command = `sudo sysctl fs.inotify.${limit}=${ENOUGH[limit]}`;
  const picked = await vscode.window.showInformationMessage(
    `In a terminal: ${command}. A file in /etc/sysctl.d with the part after sysctl keeps it over a restart of the machine.`,
    COPY,
  );
  if (picked === COPY) {
    await vscode.env.clipboard.writeText(command);
  }
}

/** A state's reasons for who cannot use pip on the server's files: wherein has installed them, and repairs them. */
export function withoutPip(sentence: string): string {
  return sentence.replace(/: pip install [^.]*/, "");
}
