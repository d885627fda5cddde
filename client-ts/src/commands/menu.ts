// The menu behind the status bar: what is so, and what can be done about it.

import * as vscode from "vscode";
import type { Client } from "../client";
import { COMMANDS, SECTION } from "../ids";
import { lookOfLife, nameOfFolder, told } from "../look";
import * as protocol from "../protocol";
import { run as runProgram } from "../server/run";
import { inert } from "../text";
import { does, LOG, REPAIR, remediesFor, withoutPip, type Circumstances, type Entry } from "./remedies";

const DOCTOR_MS = 60_000;
const ANSWER_MS = 5_000; // a server that hangs must not keep the menu from who wants to restart it

export async function menu(client: Client): Promise<void> {
  const picked = await vscode.window.showQuickPick(entries(client), {
    title: "wherein",
    placeHolder: "What now?",
    matchOnDetail: true,
  });
  await picked?.act?.();
}

async function entries(client: Client): Promise<Entry[]> {
  const { life } = client;
  if (life === "installing") {
    return [does("output", "Show the log", COMMANDS.showLog, "what is being installed")];
  }
  if (life === "missing") {
    return [does("cloud-download", "Install the server…", COMMANDS.setUp), LOG];
  }
  if (life !== "running") {
    return withoutServer(lookOfLife(life).tooltip, await isOwn(client));
  }
  try {
    const { folders } = await inTime(client.request(protocol.status, {}));
    const troubled = folders.some(({ state }) => state === "lexical_only");
    return withServer(folders, {
      own: troubled && (await isOwn(client)),
      model: vscode.workspace.getConfiguration(SECTION).get<string>("model", "").trim(),
    });
  } catch (error) {
    return withoutServer(error instanceof Error ? error.message : String(error), false);
  }
}

function withoutServer(why: string, own: boolean): Entry[] {
  return [
    { label: why, kind: vscode.QuickPickItemKind.Separator },
    does("debug-restart", "Restart", COMMANDS.restart),
    ...(own ? [REPAIR] : []),
    LOG,
    DOCTOR,
  ];
}

function withServer(folders: readonly protocol.FolderStatus[], about: Circumstances): Entry[] {
  const paused = folders.some(({ state }) => state === "paused");
  const remedies = remediesFor(folders, about);
  return [
    ...folders.map((folder) => described(folder, about.own)),
    ...remedies,
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    does("search", "Ask the code", COMMANDS.ask),
    paused
      ? does("debug-start", "Resume", COMMANDS.resume, "follow the files again")
      : does("debug-pause", "Pause", COMMANDS.pause, "stop indexing until you resume; searching goes on"),
    does("refresh", "Rebuild the index", COMMANDS.reindex, "read and index every file again"),
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    does("server-process", "Show the workers", COMMANDS.showWorkers),
    DOCTOR,
    ...(remedies.includes(LOG) ? [] : [LOG]),
    does("debug-restart", "Restart", COMMANDS.restart),
  ];
}

const DOCTOR = does("pulse", "Doctor", COMMANDS.doctor, "what this installation is made of, and what is wrong");

async function isOwn(client: Client): Promise<boolean> {
  return (await client.interpreter())?.own === true;
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("wherein does not answer")), ANSWER_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** A folder's state in its own words; picking it asks the code. */
function described(folder: protocol.FolderStatus, own: boolean): Entry {
  const more = folder.reasons.filter((reason) => reason !== folder.sentence);
  const all = [told(folder), ...more].map((sentence) => (own ? withoutPip(sentence) : sentence));
  return {
    label: `$(folder) ${inert(nameOfFolder(folder.folder))}`,
    detail: inert(all.join(". ")),
    act: () => vscode.commands.executeCommand(COMMANDS.ask),
  };
}

/** The worker processes as they are now. */
export async function showWorkers(client: Client): Promise<void> {
  const rows = client.request(protocol.workers, {}).then(({ workers }) =>
    workers.map((worker) => ({
      label: `$(${worker.state === "running" || worker.state === "ready" ? "circle-filled" : "circle-outline"}) ${inert(worker.type.replaceAll("_", " "))}`,
      description: worker.state,
      detail: [
        worker.pid === null ? "no process" : `process ${worker.pid}`,
        `${Math.round(worker.rss / 2 ** 20)} MB`,
        `${worker.cpuS.toFixed(1)} s of CPU`,
        ...(worker.restarts > 0 ? [`restarted ${worker.restarts} times`] : []),
        ...(worker.lastError === "" ? [] : [inert(worker.lastError)]),
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
