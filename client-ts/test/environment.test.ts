// Installing the server, with real folders and programs that stand in for Python.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { InstallError, PrivateEnvironment, pythonIn } from "../src/server/environment";
import { takeLock } from "../src/server/lock";
import { countPackages, environmentOf, explain, type Network } from "../src/server/pip";
import { run } from "../src/server/run";

const root = mkdtempSync(path.join(tmpdir(), "wherein-client-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** An extension folder with a wheel in it, and a Python that does as the script says. */
function prepared(name: string, script: string): { environment: PrivateEnvironment; python: string; storage: string; log: string[] } {
  const bundled = path.join(root, name, "bundled");
  const storage = path.join(root, name, "storage");
  mkdirSync(bundled, { recursive: true });
  writeFileSync(path.join(bundled, "wherein-1.0.0-py3-none-any.whl"), "");
  writeFileSync(path.join(bundled, "requirements.lock"), "a==1 \\\n    --hash=sha256:00\nb-c==2\n");
  writeFileSync(path.join(bundled, "id"), "0123456789ab\n");
  const python = path.join(root, name, "python");
  writeFileSync(python, `#!/bin/sh\n${script}\n`);
  chmodSync(python, 0o755);
  const log: string[] = [];
  const environment = new PrivateEnvironment(storage, bundled, (line) => log.push(line));
  return { environment, python, storage, log };
}

const MAKES = 'mkdir -p "$4/bin" && cp "$0" "$4/bin/python"';
const network: Network = { proxy: "", noProxy: [], unchecked: [] };
const NOWHERE = { wheels: "", network };
const never = new AbortController().signal;

test("an environment is there once all steps are done, and older ones go", async () => {
  const said: string[] = [];
  const calls = path.join(root, "calls");
  const { environment, python, storage, log } = prepared(
    "good",
    `echo "$@" >> ${calls}; echo "through $https_proxy"\nif [ "$3" = venv ]; then ${MAKES}; else echo "Collecting a"; fi`,
  );
  mkdirSync(path.join(storage, "server-aaaaaaaaaaaa"), { recursive: true });
  assert.equal(await environment.python(), undefined);
  const source = { wheels: "/wheels", network: { ...network, proxy: "http://me:secret@proxy" } };
  const made = await environment.install(python, source, (sentence) => said.push(sentence), never);
  assert.equal(made, pythonIn(path.join(storage, "server-0123456789ab-1")));
  assert.equal(await environment.python(), made);
  assert.deepEqual(readdirSync(storage), ["server-0123456789ab-1"]);
  assert.ok(said.includes("Fetching a, 1 of 2"));
  const { stdout } = await run("cat", [calls], { cwd: root, timeoutMs: 60_000 });
  const locked = stdout.split("\n")[1] ?? "";
  assert.match(locked, /--no-index --find-links \/wheels .*--require-hashes --only-binary :all: -r /);
  assert.ok(log.includes("through http://****@proxy"), "the proxy is told, and its password not logged");
  assert.ok(![stdout, ...log].join("\n").includes("secret"), "nor is it in an argument");
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
  const half = path.join(storage, "server-0123456789ab-1");
  mkdirSync(path.dirname(pythonIn(half)), { recursive: true });
  writeFileSync(pythonIn(half), "");
  assert.equal(await environment.python(), undefined);
});

test("installing anew that fails or is stopped leaves what works; one that succeeds takes its place", async () => {
  const { environment, python, storage } = prepared(
    "anew",
    `if [ "$3" = venv ]; then ${MAKES}; elif [ -e "$(dirname "$0")/../../../offline" ]; then exit 1; fi`,
  );
  const first = await environment.install(python, NOWHERE, () => undefined, never);
  writeFileSync(path.join(root, "anew", "offline"), "");
  await assert.rejects(environment.install(python, NOWHERE, () => undefined, never), InstallError);
  await assert.rejects(environment.install(python, NOWHERE, () => undefined, AbortSignal.abort()), /Stopped/);
  assert.equal(await environment.python(), first);
  assert.deepEqual(readdirSync(storage), [path.basename(path.dirname(path.dirname(first)))]);
  rmSync(path.join(root, "anew", "offline"));
  const second = await environment.install(python, NOWHERE, () => undefined, never);
  assert.notEqual(second, first);
  assert.equal(await environment.python(), second);
  assert.equal(existsSync(first), false);
});

test("a second window waits for the first while that one is there", async () => {
  const { environment, python, storage } = prepared("two", `if [ "$3" = venv ]; then ${MAKES}; fi`);
  mkdirSync(storage, { recursive: true });
  const lock = path.join(storage, "installing.lock");
  writeFileSync(lock, `${process.ppid} ${hostname()}\n`);
  await assert.rejects(environment.install(python, NOWHERE, () => undefined, never), /Another window/);
  assert.ok(existsSync(lock));
  const { stdout } = await run("sh", ["-c", "echo $$"], { cwd: root, timeoutMs: 60_000 });
  writeFileSync(lock, `${stdout} ${hostname()}\n`);
  await environment.install(python, NOWHERE, () => undefined, never);
  assert.equal(existsSync(lock), false);
});

test("a lock that is as old as no installation is void, whoever holds it", async () => {
  const lock = path.join(root, "old.lock");
  writeFileSync(lock, "");
  assert.equal(await takeLock(lock, 60_000), false);
  assert.equal(await takeLock(lock, 0), true);
});

test("pip's way to the network is the editor's, where pip has none of its own", () => {
  const base = { HTTPS_PROXY: "http://other", PATH: "/bin" };
  assert.deepEqual(environmentOf(network, base), base);
  const given: Network = { proxy: "http://p", noProxy: ["a", "b"], unchecked: ["pypi.org"] };
  const ours = { http_proxy: "http://p", https_proxy: "http://p", no_proxy: "a,b" };
  assert.deepEqual(environmentOf(given, base), { PATH: "/bin", ...ours, PIP_TRUSTED_HOST: "pypi.org" });
  assert.equal(environmentOf(given, { PIP_TRUSTED_HOST: "x" })["PIP_TRUSTED_HOST"], "x");
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
