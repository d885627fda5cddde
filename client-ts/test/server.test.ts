// Finding and installing the server, with real processes and real folders where it matters.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { countPackages, explain, InstallError, PrivateEnvironment, pythonIn } from "../src/server/environment";
import { locate, type Surroundings } from "../src/server/locate";
import { candidates, examine, isInside, isNewEnough, type Python } from "../src/server/pythons";
import { run } from "../src/server/run";

const root = mkdtempSync(path.join(tmpdir(), "wherein-client-"));
after(() => rmSync(root, { recursive: true, force: true }));

function around(given: Partial<Surroundings>): Surroundings {
  return {
    setting: "",
    version: "1.0.0",
    trusted: true,
    folders: ["/w"],
    pythonExtension: async () => undefined,
    privateEnvironment: async () => undefined,
    examine: async (command): Promise<Python> => ({ command, version: [3, 12], wherein: "1.0.0", venv: true }),
    ...given,
  };
}

const chosen = async () => "/w/.venv/bin/python";
const ours = async () => "/storage/bin/python";

test("the setting comes before everything, then the Python extension, then our environment", async () => {
  const all = { pythonExtension: chosen, privateEnvironment: ours };
  assert.equal((await locate(around({ ...all, setting: "/set" })))?.command, "/set");
  assert.equal((await locate(around(all)))?.command, "/w/.venv/bin/python");
  assert.equal((await locate(around({ privateEnvironment: ours })))?.command, "/storage/bin/python");
  assert.equal(await locate(around({})), undefined);
});

test("an untrusted folder's environment is neither started nor asked", async () => {
  const touched: string[] = [];
  const found = await locate(
    around({
      trusted: false,
      pythonExtension: async () => (touched.push("extension"), "/w/.venv/bin/python"),
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

/** An extension folder with a wheel in it, and a Python that does as the script says. */
function prepared(name: string, script: string): { environment: PrivateEnvironment; python: string; storage: string } {
  const bundled = path.join(root, name, "bundled");
  const storage = path.join(root, name, "storage");
  mkdirSync(bundled, { recursive: true });
  writeFileSync(path.join(bundled, "wherein-1.0.0-py3-none-any.whl"), "");
  writeFileSync(path.join(bundled, "requirements.lock"), "a==1 \\\n    --hash=sha256:00\nb-c==2\n");
  writeFileSync(path.join(bundled, "id"), "0123456789ab\n");
  const python = path.join(root, name, "python");
  writeFileSync(python, `#!/bin/sh\n${script}\n`);
  chmodSync(python, 0o755);
  return { environment: new PrivateEnvironment(storage, bundled, () => undefined), python, storage };
}

const MAKES = 'mkdir -p "$4/bin" && cp "$0" "$4/bin/python"';
const NOWHERE = { wheels: "", proxy: "" };
const never = new AbortController().signal;

test("an environment is there once all steps are done, and older ones go", async () => {
  const said: string[] = [];
  const calls = path.join(root, "calls");
  const { environment, python, storage } = prepared(
    "good",
    `echo "$@" >> ${calls}\nif [ "$3" = venv ]; then ${MAKES}; else echo "Collecting a"; fi`,
  );
  mkdirSync(path.join(storage, "server-aaaaaaaaaaaa"), { recursive: true });
  assert.equal(await environment.python(), undefined);
  const source = { wheels: "/wheels", proxy: "http://proxy" };
  const made = await environment.install(python, source, (sentence) => said.push(sentence), never);
  assert.equal(made, pythonIn(path.join(storage, "server-0123456789ab")));
  assert.equal(await environment.python(), made);
  assert.deepEqual(readdirSync(storage), ["server-0123456789ab"]);
  assert.ok(said.includes("Fetching a, 1 of 2"));
  const { stdout } = await run("cat", [calls], { cwd: root, timeoutMs: 60_000 });
  const locked = stdout.split("\n")[1] ?? "";
  assert.match(locked, /--no-index --find-links \/wheels --proxy http:\/\/proxy .*--require-hashes --only-binary :all: -r /);
});

test("a failed installation leaves nothing and says why", async () => {
  const { environment, python, storage } = prepared(
    "bad",
    `if [ "$3" = venv ]; then ${MAKES}; else echo "OSError: [Errno 28] No space left on device" >&2; exit 1; fi`,
  );
  await assert.rejects(environment.install(python, NOWHERE, () => undefined, never), (error) => {
    assert.ok(error instanceof InstallError);
    assert.match(error.message, /no space left/);
    return true;
  });
  assert.equal(await environment.python(), undefined);
  assert.deepEqual(readdirSync(storage), []);
});

test("an installation that was interrupted counts for nothing", async () => {
  const { environment, storage } = prepared("cut", "");
  const half = path.join(storage, "server-0123456789ab");
  mkdirSync(path.dirname(pythonIn(half)), { recursive: true });
  writeFileSync(pythonIn(half), "");
  assert.equal(await environment.python(), undefined);
});

test("a second window waits for the first", async () => {
  const { environment, python, storage } = prepared("two", `if [ "$3" = venv ]; then ${MAKES}; fi`);
  mkdirSync(path.join(storage, "server-0123456789ab.lock"), { recursive: true });
  await assert.rejects(environment.install(python, NOWHERE, () => undefined, never), /Another window/);
  assert.ok(existsSync(path.join(storage, "server-0123456789ab.lock")));
});

test("without a bundle there is nothing to install", async () => {
  const environment = new PrivateEnvironment(path.join(root, "s"), path.join(root, "none"), () => undefined);
  assert.equal(await environment.isBundled(), false);
  assert.equal(await environment.python(), undefined);
});

test("packages are counted, and failures are explained", () => {
  assert.equal(countPackages("a==1 \\\n  --hash=x\n# c==1\nb==2\n"), 2);
  const cases: [string, RegExp][] = [
    ["ensurepip is not available", /python3-venv/],
    ["THESE PACKAGES DO NOT MATCH THE HASHES", /hash differs/],
    ["NewConnectionError: nope", /could not be reached/],
    ["Could not find a version that satisfies the requirement numpy==2.4.6", /numpy==2.4.6/],
    ["ProxyError('x')", /http\.proxy/],
    ["whatever", /could not be installed/],
  ];
  for (const [output, expected] of cases) {
    assert.match(explain("packages", output), expected);
  }
});
