// The private environment: a venv in the editor's own storage with wherein and its locked packages.
// No editor in here. Its folder is named by what it is made of; the stamp in it is written last.

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { pathsOf } from "./pythons";
import { run, type Outcome } from "./run";

const STAMP = "installed.json";
const LOCK = "requirements.lock";
const ID = "id"; // written when the extension is packaged: a hash of the wheel and the lock
const MINUTE = 60_000;

/** Where the packages come from: a folder of wheels, or the index that pip is set up for. */
export interface Source {
  readonly wheels: string;
  readonly proxy: string;
}

export interface Progress {
  /** A sentence about this step, and how much of all is done, from 0 to 1. */
  (sentence: string, share: number): void;
}

/** An installation that did not succeed: a sentence for people. Details are in the log. */
export class InstallError extends Error {}

/** Somebody else is at it; nothing needs to be done. */
export class BusyError extends InstallError {}

export class PrivateEnvironment {
  /** `storage` belongs to the extension on this machine; `bundled` holds the wheel and the lock. */
  constructor(
    private readonly storage: string,
    private readonly bundled: string,
    private readonly log: (line: string) => void,
  ) {}

  /** Whether there is anything to install from: not in a development checkout. */
  async isBundled(): Promise<boolean> {
    return (await this.wheel()) !== undefined;
  }

  /** Its Python; undefined while it is not installed. */
  async python(): Promise<string | undefined> {
    const folder = await this.folder();
    if (folder === undefined || !(await exists(path.join(folder, STAMP)))) {
      return undefined;
    }
    const python = pythonIn(folder);
    return (await exists(python)) ? python : undefined;
  }

  /** Make it with this Python. Throws InstallError; leaves nothing half done. */
  async install(
    base: string,
    source: Source,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<string> {
    const folder = await this.folder();
    const wheel = await this.wheel();
    if (folder === undefined || wheel === undefined) {
      throw new InstallError("This copy of the extension has no server in it. Set wherein.interpreter");
    }
    await fs.mkdir(this.storage, { recursive: true });
    const lock = `${folder}.lock`;
    if (!(await take(lock))) {
      throw new BusyError("Another window is installing wherein. This one starts it when it is there");
    }
    try {
      await this.build(folder, base, wheel, source, progress, signal);
    } catch (error) {
      await remove(folder);
      throw error;
    } finally {
      await remove(lock);
    }
    await this.removeOthers(folder);
    return pythonIn(folder);
  }

  private async build(
    folder: string,
    base: string,
    wheel: string,
    source: Source,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    const lock = path.join(this.bundled, LOCK);
    const packages = countPackages(await fs.readFile(lock, "utf8"));
    const begin = async (command: string, args: string[], onLine?: (line: string) => void) => {
      this.log(`${command} ${args.join(" ")}`);
      return run(command, args, {
        cwd: this.storage,
        timeoutMs: 20 * MINUTE,
        signal,
        onLine: (line) => {
          this.log(line);
          onLine?.(line);
        },
      });
    };
    await remove(folder);
    progress("Making the environment", 0);
    check(await begin(base, ["-I", "-m", "venv", folder]), "venv", signal);
    const python = pythonIn(folder);
    const pip = ["-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"];
    const from = source.wheels === "" ? [] : ["--no-index", "--find-links", source.wheels];
    const through = source.proxy === "" ? [] : ["--proxy", source.proxy];
    let seen = 0;
    const collected = (line: string): void => {
      const name = /^Collecting ([\w.-]+)/.exec(line)?.[1];
      if (name !== undefined) {
        seen += 1;
        progress(`Fetching ${name}, ${seen} of ${packages}`, (0.8 * seen) / packages);
      } else if (line.startsWith("Installing collected packages")) {
        progress("Unpacking the packages", 0.8);
      }
    };
    const locked = ["--progress-bar", "off", "--require-hashes", "--only-binary", ":all:", "-r", lock];
    check(await begin(python, [...pip, ...from, ...through, ...locked], collected), "packages", signal);
    progress("Unpacking wherein", 0.95);
    const own = ["--no-index", "--no-deps", wheel];
    check(await begin(python, [...pip, ...own]), "wherein", signal);
    await fs.writeFile(path.join(folder, STAMP), JSON.stringify({ wheel: path.basename(wheel), base }));
  }

  /** Another version of the wheel or of the lock has another id, and so a folder of its own. */
  private async folder(): Promise<string | undefined> {
    const id = await fs.readFile(path.join(this.bundled, ID), "utf8").catch(() => undefined);
    return id === undefined ? undefined : path.join(this.storage, `server-${id.trim()}`);
  }

  private async wheel(): Promise<string | undefined> {
    const names = await fs.readdir(this.bundled).catch(() => []);
    const name = names.find((file) => file.startsWith("wherein-") && file.endsWith(".whl"));
    return name === undefined ? undefined : path.join(this.bundled, name);
  }

  /** Remove what older versions left; what another window still runs may refuse, and stays. */
  private async removeOthers(kept: string): Promise<void> {
    for (const name of await fs.readdir(this.storage)) {
      const other = path.join(this.storage, name);
      if (/^server-[0-9a-f]{12}$/.test(name) && other !== kept) {
        await remove(other).catch((error: unknown) => this.log(String(error)));
      }
    }
  }
}

export function pythonIn(folder: string, platform: NodeJS.Platform = process.platform): string {
  const { join } = pathsOf(platform);
  return platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

export function countPackages(lock: string): number {
  return lock.split("\n").filter((line) => /^[\w.-]+==/.test(line)).length;
}

/** Say in a sentence why a step did not succeed. */
export function explain(step: string, output: string): string {
  if (/ensurepip is not available|No module named '?(ensurepip|venv)/.test(output)) {
    return "This Python cannot make environments. Install its venv package (on Debian and Ubuntu: python3-venv)";
  }
  if (/No space left|ENOSPC|not enough space/i.test(output)) {
    return "There is no space left on the disk";
  }
  if (/HASHES DO NOT MATCH|THESE PACKAGES DO NOT MATCH/i.test(output)) {
    return "A package is not the one that was expected: its hash differs. Nothing was installed";
  }
  if (/ProxyError|Tunnel connection failed/i.test(output)) {
    return "The proxy refused the connection. Check the setting http.proxy";
  }
  if (/NewConnectionError|ConnectTimeout|Name or service not known|getaddrinfo|Temporary failure|Network is unreachable/i.test(output)) {
    return "The package index could not be reached. Check the network, or set wherein.wheels to a folder of wheels";
  }
  if (/No matching distribution|Could not find a version/i.test(output)) {
    const name = /(?:No matching distribution found for|satisfies the requirement) ([\w.=-]+)/.exec(output)?.[1];
    return `The package index has no package ${name ?? "that is needed"} for this Python and system`;
  }
  return step === "venv" ? "The environment could not be made" : "The packages could not be installed";
}

function check(outcome: Outcome, step: string, signal: AbortSignal): void {
  if (signal.aborted) {
    throw new InstallError("Stopped. Nothing was installed");
  }
  if (outcome.code !== 0) {
    throw new InstallError(explain(step, `${outcome.stdout}\n${outcome.stderr}`));
  }
}

/** Take a lock that is a folder; one that is older than an installation may take is void. */
async function take(lock: string): Promise<boolean> {
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      await fs.mkdir(lock);
      return true;
    } catch {
      const age = Date.now() - ((await fs.stat(lock).catch(() => undefined))?.mtimeMs ?? 0);
      if (age < 25 * MINUTE) {
        return false;
      }
      await remove(lock);
    }
  }
  return false;
}

async function remove(target: string): Promise<void> {
  await fs.rm(target, { recursive: true, force: true });
}

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}
