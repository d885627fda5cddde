// The menu behind the status bar: what is so, and what can be done about it.

import * as vscode from "vscode";
import type { Client } from "../client";
import { COMMANDS } from "../ids";
import { lookOfLife, nameOfFolder, told } from "../look";
import * as protocol from "../protocol";
import { run as runProgram } from "../server/run";

interface Entry extends vscode.QuickPickItem {
  readonly command?: string;
}

const DOCTOR_MS = 60_000;

export async function menu(client: Client): Promise<void> {
  const picked = await vscode.window.showQuickPick(entries(client), {
    title: "wherein",
    placeHolder: "What now?",
    matchOnDetail: true,
  });
  if (picked?.command !== undefined) {
    await vscode.commands.executeCommand(picked.command);
  }
}

async function entries(client: Client): Promise<Entry[]> {
  const { life } = client;
  if (life === "installing") {
    return [does("output", "Show the log", COMMANDS.showLog, "what is being installed")];
  }
  if (life === "missing") {
    return [
      does("cloud-download", "Install the server…", COMMANDS.setUp),
      does("output", "Show the log", COMMANDS.showLog),
    ];
  }
  if (life !== "running") {
    return [
      { label: lookOfLife(life).tooltip, kind: vscode.QuickPickItemKind.Separator },
      does("debug-restart", "Restart", COMMANDS.restart),
      does("output", "Show the log", COMMANDS.showLog),
      does("pulse", "Doctor", COMMANDS.doctor, "what this installation is made of, and what is wrong"),
    ];
  }
  const { folders } = await client.request(protocol.status, {});
  const paused = folders.some(({ state }) => state === "paused");
  return [
    ...folders.map(described),
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    does("search", "Ask the code", COMMANDS.ask),
    paused
      ? does("debug-start", "Resume", COMMANDS.resume, "follow the files again")
      : does("debug-pause", "Pause", COMMANDS.pause, "stop indexing until you resume; searching goes on"),
    does("refresh", "Rebuild the index", COMMANDS.reindex, "read and index every file again"),
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    does("server-process", "Show the workers", COMMANDS.showWorkers),
    does("pulse", "Doctor", COMMANDS.doctor, "what this installation is made of, and what is wrong"),
    does("output", "Show the log", COMMANDS.showLog),
    does("debug-restart", "Restart", COMMANDS.restart),
  ];
}

/** A folder's state in its own words; picking it asks the code. */
function described(folder: protocol.FolderStatus): Entry {
  const more = folder.reasons.filter((reason) => reason !== folder.sentence);
  return {
    label: `$(folder) ${nameOfFolder(folder.folder)}`,
    detail: [told(folder), ...more].join(". "),
    command: COMMANDS.ask,
  };
}

function does(icon: string, label: string, command: string, description = ""): Entry {
  return { label: `$(${icon}) ${label}`, description, command };
}

/** The worker processes as they are now. */
export async function showWorkers(client: Client): Promise<void> {
  const rows = client.request(protocol.workers, {}).then(({ workers }) =>
    workers.map((worker) => ({
      label: `$(${worker.state === "running" || worker.state === "ready" ? "circle-filled" : "circle-outline"}) ${worker.type.replaceAll("_", " ")}`,
      description: worker.state,
      detail: [
        worker.pid === null ? "no process" : `process ${worker.pid}`,
        `${Math.round(worker.rss / 2 ** 20)} MB`,
        `${worker.cpuS.toFixed(1)} s of CPU`,
        ...(worker.restarts > 0 ? [`restarted ${worker.restarts} times`] : []),
        ...(worker.lastError === "" ? [] : [worker.lastError]),
      ].join(", "),
    })),
  );
  await vscode.window.showQuickPick(rows, { title: "Workers", matchOnDetail: true });
}

/** Say whether a file is in the index, and why not. */
export async function why(client: Client, uri?: vscode.Uri): Promise<void> {
  const file = uri ?? vscode.window.activeTextEditor?.document.uri;
  if (file?.scheme !== "file") {
    void vscode.window.showInformationMessage("Open the file first that you want to know about");
    return;
  }
  try {
    const { sentence } = await client.request(protocol.why, { uri: file.toString() });
    void vscode.window.showInformationMessage(sentence);
  } catch (error) {
    void vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error));
  }
}

/** Run `wherein doctor` and show what it says in the log. */
export async function doctor(client: Client): Promise<void> {
  const python = await client.interpreter();
  client.log.show();
  if (python === undefined) {
    client.log.warn("the server is not installed: there is nothing to examine yet");
    return;
  }
  const { stdout, stderr } = await runProgram(
    python.command,
    ["-I", "-m", "wherein", "doctor"],
    // Not in the folder that is open: nothing there has a say in how Python starts.
    { cwd: client.home, timeoutMs: DOCTOR_MS, env: { ...process.env, NO_COLOR: "1" } },
  );
  client.log.info(`doctor\n${stdout}\n${stderr}`.trimEnd()); // one entry: the log marks each with its time
}
