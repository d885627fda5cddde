// Makes the .vsix: `npm run package`. Needs .venv (make setup) and no network.
// Beside the bundle it holds the wheel of wherein and the locked requirements, from which the
// extension makes its private environment. Everything is put together in a folder of this run's own,
// so that two at once do not meet.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PICTURES = ["ask", "narrow", "results", "similar", "status"]; // of the walkthrough

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const target = path.resolve(process.argv[2] ?? path.join(root, "dist", `wherein-${version}.vsix`));
const windows = process.platform === "win32";
const python = path.join(root, ".venv", windows ? "Scripts/python.exe" : "bin/python");

if (!existsSync(python)) {
  console.error("There is no .venv. Run make setup first");
  process.exit(1);
}

mkdirSync(path.dirname(target), { recursive: true });
// Beside the target: renaming what is finished is then one step.
const stage = mkdtempSync(path.join(path.dirname(target), ".packing-"));
try {
  pack();
} finally {
  rmSync(stage, { recursive: true, force: true });
}
console.log(target);

function pack() {
  const put = (from, to = from) => cpSync(path.join(root, from), path.join(stage, to), { recursive: true });
  put("package.json");
  put("LICENSE");
  put("CHANGELOG.md");
  put("client-ts/README.md", "README.md");
  put("media");
  writeFileSync(path.join(stage, ".vscodeignore"), ""); // all that is here goes in
  for (const name of PICTURES) {
    put(`docs/images/${name}.png`);
  }
  bundleServer(path.join(stage, "bundled"));
  const bundle = path.join(stage, "client-ts", "dist", "extension.js");
  run(root, "npm", "run", "--silent", "bundle", "--", `--outfile=${bundle}`);
  const vsce = path.join(root, "node_modules", "@vscode", "vsce", "vsce");
  const made = path.join(stage, "made.vsix");
  run(stage, process.execPath, vsce, "package", "--no-dependencies", "--allow-missing-repository", "--out", made);
  renameSync(made, target);
}

/** The wheel, the lock, and an id made of both: another id is another environment. */
function bundleServer(folder) {
  run(root, python, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder);
  const [wheel] = readdirSync(folder).filter((name) => name.endsWith(".whl"));
  cpSync(path.join(root, "requirements", "runtime.lock"), path.join(folder, "requirements.lock"));
  const hash = createHash("sha256");
  for (const name of [wheel, "requirements.lock"]) {
    hash.update(readFileSync(path.join(folder, name)));
  }
  writeFileSync(path.join(folder, "id"), `${hash.digest("hex").slice(0, 12)}\n`);
}

/** Run a program; what it said is in the error when it fails. */
function run(cwd, command, ...args) {
  execFileSync(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], shell: windows && command === "npm" });
}
