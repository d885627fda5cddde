// Finding what runs the server, with real processes and real folders where it matters.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { after, test } from "node:test";
import { locate, SettingError, type Surroundings } from "../src/server/locate";
import { bestOf, candidates, examine, isInside, isNewEnough, type Python } from "../src/server/pythons";
import { pythonIn } from "../src/server/environment";
import { run } from "../src/server/run";
import { copy } from "../src/server/stderr";

const root = mkdtempSync(path.join(tmpdir(), "wherein-client-"));
after(() => rmSync(root, { recursive: true, force: true }));

function around(given: Partial<Surroundings>): Surroundings {
  return {
    setting: "",
    version: "1.0.0",
    trusted: true,
    folders: ["/w"],
    pythonExtension: async () => [],
    privateEnvironment: async () => undefined,
    examine: async (command): Promise<Python> => ({ command, version: [3, 12], wherein: "1.0.0", venv: true }),
    ...given,
  };
}

const chosen = async () => ["/v/bin/python", "/w/.venv/bin/python"];
const ours = async () => "/storage/bin/python";

test("the setting comes before everything, then the Python extension, then our environment", async () => {
  const all = { pythonExtension: chosen, privateEnvironment: ours };
  assert.equal((await locate(around({ ...all, setting: "/set" })))?.command, "/set");
  assert.equal((await locate(around(all)))?.command, "/v/bin/python");
  assert.equal((await locate(around({ privateEnvironment: ours })))?.command, "/storage/bin/python");
  assert.equal(await locate(around({})), undefined);
});

test("an untrusted folder's environment is neither started nor asked", async () => {
  const touched: string[] = [];
  const found = await locate(
    around({
      trusted: false,
      pythonExtension: async () => (touched.push("extension"), ["/w/.venv/bin/python"]),
      examine: async (command) => (touched.push(command), undefined),
      privateEnvironment: ours,
    }),
  );
  assert.equal(found?.command, "/storage/bin/python");
  assert.deepEqual(touched, []);
});

test("the Python extension's choice counts only with this version of wherein", async () => {
  for (const wherein of ["", "0.9.0"]) {
    const found = await locate(
      around({
        pythonExtension: chosen,
        privateEnvironment: ours,
        examine: async (command) => ({ command, version: [3, 12], wherein, venv: true }),
      }),
    );
    assert.equal(found?.command, "/storage/bin/python");
  }
});

test("of several folders' choices the first with this version of wherein counts", async () => {
  const examine = async (command: string): Promise<Python> => ({
    command,
    version: [3, 12],
    wherein: command.startsWith("/v/") ? "" : "1.0.0",
    venv: true,
  });
  assert.equal((await locate(around({ pythonExtension: chosen, examine })))?.command, "/w/.venv/bin/python");
});

test("a setting that is no full path, or names a file of an untrusted folder, starts nothing", async () => {
  for (const setting of [".venv/bin/python", "python3"]) {
    await assert.rejects(locate(around({ setting })), SettingError);
  }
  const inside = { setting: "/w/.venv/bin/python" };
  assert.equal((await locate(around(inside)))?.command, inside.setting);
  await assert.rejects(locate(around({ ...inside, trusted: false })), /folder that you do not trust/);
});

test("the newest Python that can make an environment is taken", () => {
  const python = (minor: number, venv = true): Python => ({ command: "", version: [3, minor], wherein: "", venv });
  assert.deepEqual(bestOf([python(11), python(13), python(9), python(14, false)]), python(13));
  assert.deepEqual(bestOf([python(10), python(12, false)]), python(12, false));
  assert.equal(bestOf([python(10)]), undefined);
});

test("nothing in the open folders, and nothing relative, is a candidate", () => {
  const found = candidates("/usr/bin:.:/w/bin:/w:bin:/w2/bin", ["/w"], "linux");
  assert.ok(found.includes("/usr/bin/python3") && found.includes("/w2/bin/python3"));
  assert.ok(found.every((command) => path.isAbsolute(command) && !command.startsWith("/w/")));
  assert.ok(isInside("/w", ["/w"]) && !isInside("/w2/x", ["/w"]) && !isInside("/", ["/w"]));
});

test("on Windows, Pythons are programs on the PATH as Windows writes it", () => {
  const found = candidates('C:\\Python312\\;"C:\\Program Files\\Python";bin;C:\\W\\bin', ["c:\\w"], "win32");
  assert.deepEqual(found.slice(0, 2), ["C:\\Python312\\python3.exe", "C:\\Program Files\\Python\\python3.exe"]);
  assert.ok(found.includes("C:\\Python312\\py.exe"));
  assert.ok(found.every((command) => !command.toLowerCase().startsWith("c:\\w\\") && command.endsWith(".exe")));
  assert.equal(pythonIn("C:\\s\\server-1", "win32"), "C:\\s\\server-1\\Scripts\\python.exe");
});

test("on macOS, Pythons are found where they are installed though the PATH is short", () => {
  const found = candidates("/usr/bin:/bin", [], "darwin");
  assert.equal(found[0], "/usr/bin/python3");
  assert.ok(found.includes("/opt/homebrew/bin/python3") && found.includes("/usr/local/bin/python3.12"));
  assert.equal(pythonIn("/s/server-1", "darwin"), "/s/server-1/bin/python");
});

test("a file whose name begins with dots lies where it lies", () => {
  assert.ok(isInside("/w/..x/python", ["/w"], "linux"));
  assert.ok(!isInside("/x/python", ["/w"], "linux"));
  assert.ok(isInside("D:\\w\\.venv\\Scripts\\python.exe", ["d:\\W"], "win32"));
  assert.ok(!isInside("E:\\python.exe", ["D:\\w"], "win32"));
});

test("a Python says what it can do; something else says nothing", async () => {
  const python = await examine("python3", root);
  assert.ok(python !== undefined && path.isAbsolute(python.command) && python.version[0] === 3);
  assert.equal(await examine(path.join(root, "nowhere"), root), undefined);
  assert.equal(await examine(process.execPath, root), undefined);
  assert.deepEqual(
    ([[3, 10], [3, 11], [4, 0], [2, 9]] as [number, number][]).map((version) =>
      isNewEnough({ command: "", version, wherein: "", venv: true }),
    ),
    [false, true, true, false],
  );
});

test("a module of the folder does not get into an examination", async () => {
  const folder = path.join(root, "hostile");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "json.py"), "raise SystemExit(7)\n");
  assert.notEqual(await examine("python3", folder), undefined);
});

test("a program is stopped by its signal and by its deadline", async () => {
  const stop = new AbortController();
  const sleeping = run("sleep", ["60"], { cwd: root, timeoutMs: 60_000, signal: stop.signal });
  stop.abort();
  assert.equal((await sleeping).code, null);
  assert.equal((await run("sleep", ["60"], { cwd: root, timeoutMs: 50 })).code, null);
  assert.equal((await run("sh", ["-c", "exit 3"], { cwd: root, timeoutMs: 60_000 })).code, 3);
});

test("what the server says goes to the log with its level", async () => {
  const said: [string, string][] = [];
  const as = (level: string) => (line: string) => void said.push([level, line]);
  const log = { debug: as("debug"), info: as("info"), warn: as("warn"), error: as("error") };
  const record = (level: string): string => `2026-01-02 03:04:05,678 wherein[9] ${level} lsp: x`;
  const lines = ["no module", record("DEBUG"), record("INFO"), record("WARNING"), "  more", record("CRITICAL")];
  const stream = Readable.from(lines.map((line) => `${line}\n`));
  copy(stream, log);
  await finished(stream);
  await new Promise(setImmediate);
  assert.deepEqual(said, [
    ["error", "no module"],
    ["debug", "wherein[9] lsp: x"],
    ["info", "wherein[9] lsp: x"],
    ["warn", "wherein[9] lsp: x"],
    ["warn", "  more"],
    ["error", "wherein[9] lsp: x"],
  ]);
});
