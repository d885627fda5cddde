// Makes the .vsix: `npm run package`. Needs .venv (make setup) and no network.
// Beside the bundle it holds the wheel of wherein and the locked requirements, from which the
// extension makes its private environment.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bundled = path.join(root, "bundled");
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const target = path.resolve(process.argv[2] ?? path.join(root, "dist", `wherein-${version}.vsix`));
const windows = process.platform === "win32";
const python = path.join(root, ".venv", windows ? "Scripts/python.exe" : "bin/python");

if (!existsSync(python)) {
  console.error("There is no .venv. Run make setup first");
  process.exit(1);
}

const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });

rmSync(bundled, { recursive: true, force: true });
mkdirSync(bundled);
run(python, "-m", "hatchling", "build", "--target", "wheel", "--directory", bundled);
const [wheel] = readdirSync(bundled).filter((name) => name.endsWith(".whl"));
cpSync(path.join(root, "requirements", "runtime.lock"), path.join(bundled, "requirements.lock"));
const hash = createHash("sha256");
for (const name of [wheel, "requirements.lock"]) {
  hash.update(readFileSync(path.join(bundled, name)));
}
writeFileSync(path.join(bundled, "id"), `${hash.digest("hex").slice(0, 12)}\n`);

run("npm", "run", "--silent", "build");
mkdirSync(path.dirname(target), { recursive: true });
const vsce = path.join(root, "node_modules", "@vscode", "vsce", "vsce");
run(process.execPath, vsce, "package", "--no-dependencies", "--allow-missing-repository", "--readme-path", "client-ts/README.md", "--out", target);
console.log(target);
