// The private environment: a venv in the editor's own storage with wherein and its locked packages.
// No editor in here. Each installation has a numbered folder of its own, and the stamp in it is written
// last: one that fails takes nothing away, and one that succeeds is used from then on.

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { takeLock } from "./lock";
import { countPackages, environmentOf, explain, redacted, type Source } from "./pip";
import { pathsOf } from "./pythons";
import { run, type Outcome } from "./run";

const STAMP = "installed.json";
const LOCKED = "requirements.lock";
const ID = "id"; // written when the extension is packaged: a hash of the wheel and the lock
const BUSY = "installing.lock";
const FOLDER = /^server-([0-9a-f]{12})(?:-(\d+))?$/;
const MINUTE = 60_000;

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

  /** Its Python, of the newest installation; undefined while there is none. */
  async python(): Promise<string | undefined> {
    const id = await this.id();
    for (const { name, of } of (await this.folders()).reverse()) {
      const python = pythonIn(path.join(this.storage, name));
      if (of === id && (await this.isComplete(name)) && (await exists(python))) {
        return python;
      }
    }
    return undefined;
  }

  /** Make it with this Python. Throws InstallError; what was there before stays until this is done. */
  async install(
    base: string,
    source: Source,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<string> {
    const id = await this.id();
    const wheel = await this.wheel();
    if (id === undefined || wheel === undefined) {
      throw new InstallError("This copy of the extension has no server in it. Set wherein.interpreter");
    }
    await fs.mkdir(this.storage, { recursive: true });
    const lock = path.join(this.storage, BUSY);
    if (!(await takeLock(lock, 25 * MINUTE))) {
      throw new BusyError("Another window is installing wherein. This one starts it when it is there");
    }
    try {
      const before = await this.folders();
      const complete = await Promise.all(before.map(({ name }) => this.isComplete(name)));
      await this.removeFolders(before.filter((_, place) => complete[place]).map(({ name }) => name));
      const name = `server-${id}-${(before.at(-1)?.number ?? 0) + 1}`;
      const folder = path.join(this.storage, name);
      try {
        await this.build(folder, base, wheel, source, progress, signal);
      } catch (error) {
        await remove(folder);
        throw error;
      }
      await this.removeFolders([name]);
      return pythonIn(folder);
    } finally {
      await remove(lock);
    }
  }

  private async build(
    folder: string,
    base: string,
    wheel: string,
    source: Source,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    const lock = path.join(this.bundled, LOCKED);
    const packages = countPackages(await fs.readFile(lock, "utf8"));
    const begin = async (command: string, args: string[], onLine?: (line: string) => void) => {
      const log = (line: string): void => this.log(redacted(line));
      log(`${command} ${args.join(" ")}`);
      return run(command, args, {
        cwd: this.storage,
        env: environmentOf(source.network, process.env),
        timeoutMs: 20 * MINUTE,
        signal,
        onLine: (line) => {
          log(line);
          onLine?.(line);
        },
      });
    };
    progress("Making the environment", 0);
    check(await begin(base, ["-I", "-m", "venv", folder]), "venv", signal);
    const python = pythonIn(folder);
    const pip = ["-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"];
    const from = source.wheels === "" ? [] : ["--no-index", "--find-links", source.wheels];
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
    check(await begin(python, [...pip, ...from, ...locked], collected), "packages", signal);
    progress("Unpacking wherein", 0.95);
    const own = ["--no-index", "--no-deps", wheel];
    check(await begin(python, [...pip, ...own]), "wherein", signal);
    await fs.writeFile(path.join(folder, STAMP), JSON.stringify({ wheel: path.basename(wheel), base }));
  }

  /** Another version of the wheel or of the lock has another id, and so folders of its own. */
  private async id(): Promise<string | undefined> {
    return (await fs.readFile(path.join(this.bundled, ID), "utf8").catch(() => undefined))?.trim();
  }

  /** All installations, of other versions too, the oldest first. */
  private async folders(): Promise<{ name: string; of: string | undefined; number: number }[]> {
    const names = await fs.readdir(this.storage).catch(() => []);
    return names
      .flatMap((name) => {
        const [found, of, number] = FOLDER.exec(name) ?? [];
        return found === undefined ? [] : [{ name, of, number: Number(number ?? 0) }];
      })
      .sort((a, b) => a.number - b.number);
  }

  private async isComplete(name: string): Promise<boolean> {
    return exists(path.join(this.storage, name, STAMP));
  }

  private async wheel(): Promise<string | undefined> {
    const names = await fs.readdir(this.bundled).catch(() => []);
    const name = names.find((file) => file.startsWith("wherein-") && file.endsWith(".whl"));
    return name === undefined ? undefined : path.join(this.bundled, name);
  }

  /** Remove all but these; what another window still runs may refuse, and stays. */
  private async removeFolders(kept: readonly string[]): Promise<void> {
    for (const { name } of await this.folders()) {
      if (!kept.includes(name)) {
        await remove(path.join(this.storage, name)).catch((error: unknown) => this.log(String(error)));
      }
    }
  }
}

export function pythonIn(folder: string, platform: NodeJS.Platform = process.platform): string {
  const { join } = pathsOf(platform);
  return platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

function check(outcome: Outcome, step: string, signal: AbortSignal): void {
  if (signal.aborted) {
    throw new InstallError("Stopped. Nothing was installed");
  }
  if (outcome.code !== 0) {
    throw new InstallError(explain(step, `${outcome.stdout}\n${outcome.stderr}`));
  }
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
