// The menu behind the status bar: what it offers for each state, and that nothing in it becomes an icon.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Client, Life } from "../src/client";
import { menu, showWorkers } from "../src/commands/menu";
import type { FolderStatus } from "../src/protocol";
import { reset, screen } from "./editor";
import { configured } from "./vscode";

interface Row {
  readonly label: string;
  readonly detail?: string;
  act?(): unknown;
}

const DAMAGED = "FILE is damaged. Install wherein again: pip install --force-reinstall wherein. Words still work";

beforeEach(() => {
  reset();
  configured.clear();
});

function folder(state: string, sentence = state): FolderStatus {
  const counts = { files: 1, chunks: 1, vectors: 1, pending: 0, percent: null, ownerPid: null };
  return { folder: "file:///a/$(bug)", state, sentence, reasons: [], ...counts };
}

async function shown(folders: readonly FolderStatus[], own = true, life: Life = "running"): Promise<Row[]> {
  const client = {
    life,
    interpreter: async () => ({ command: "python", from: "", own }),
    request: async () => ({ folders }),
  } as unknown as Client;
  await menu(client);
  return screen.ran[0]?.[1] as Row[];
}

/** The entries between the folders and what is always there. */
function remedies(rows: readonly Row[]): string[] {
  const labels = rows.map(({ label }) => label);
  return labels.slice(1, labels.indexOf(""));
}

test("each state has what can be done about it on top", async () => {
  assert.deepEqual(remedies(await shown([folder("ok")])), []);
  assert.deepEqual(remedies(await shown([folder("lexical_only")])), ["$(tools) Repair"]);
  assert.deepEqual(remedies(await shown([folder("failed")])), ["$(debug-restart) Retry", "$(output) Show the log"]);
  const limit = folder("watch_polling", "The limit is reached. Raise fs.inotify.max_user_watches to be told at once");
  assert.deepEqual(remedies(await shown([limit])), ["$(question) How to raise it"]);
  assert.deepEqual(remedies(await shown([folder("watch_polling")])), []);
});

test("a damaged model is repaired where wherein has installed it; by hand it is pip's", async () => {
  const [own, repair] = await shown([folder("lexical_only", DAMAGED)]);
  assert.equal(own?.detail, "FILE is damaged. Install wherein again. Words still work");
  await repair?.act?.();
  assert.deepEqual(screen.ran.at(-1), ["wherein.setUp"]);
  const rows = await shown([folder("lexical_only", DAMAGED)], false);
  assert.deepEqual([rows[0]?.detail, remedies(rows)], [DAMAGED, []]);
});

test("a model that was set is chosen anew", async () => {
  configured.set("wherein.model", "/models/mine");
  const [, choose] = await shown([folder("lexical_only")]);
  assert.equal(choose?.label, "$(gear) Choose another model…");
  await choose?.act?.();
  assert.deepEqual(screen.ran.at(-1), ["workbench.action.openSettings", "wherein.model"]);
});

test("who does not want to wait for the plug gets to the setting", async () => {
  const [, go] = await shown([folder("on_battery")]);
  assert.equal(go?.label, "$(gear) Do not wait…");
  await go?.act?.();
  assert.deepEqual(screen.ran.at(-1), ["workbench.action.openSettings", "wherein.pauseOnBattery"]);
});

test("how to raise the limit is said as a command", async () => {
  const [, how] = await shown([folder("watch_polling", "Raise fs.inotify.max_user_instances to be told at once")]);
  await how?.act?.();
  assert.match(screen.said.join(), /sudo sysctl fs\.inotify\.max_user_instances=\d+/);
});

test("a server that could not be started is repaired where wherein has installed it", async () => {
  const labels = (await shown([], true, "failed")).map(({ label }) => label);
  assert.deepEqual(labels.slice(1), ["$(debug-restart) Restart", "$(tools) Repair", "$(output) Show the log", "$(pulse) Doctor"]);
  assert.ok(!(await shown([], false, "failed")).some(({ label }) => label === "$(tools) Repair"));
});

test("a server that does not answer leaves the restart", async () => {
  const client = { life: "running", request: () => Promise.reject(new Error("gone")) } as unknown as Client;
  await menu(client);
  const rows = screen.ran[0]?.[1] as Row[];
  assert.deepEqual(rows.slice(0, 2).map(({ label }) => label), ["gone", "$(debug-restart) Restart"]);
});

test("names and errors never become an icon", async () => {
  const [first] = await shown([folder("failed", "It said $(bug)")]);
  assert.deepEqual([first?.label, first?.detail], ["$(folder) \\$(bug)", "It said \\$(bug)"]);
  const worker = { type: "file_watcher", pid: 1, state: "ready", restarts: 0, cpuS: 1, rss: 1, lastError: "$(bug)" };
  await showWorkers({ request: async () => ({ workers: [worker] }) } as unknown as Client);
  assert.match((screen.ran[0]?.[1] as Row[])[0]?.detail ?? "", /, \\\$\(bug\)$/);
});
