// A lock between windows: a file that names who holds it. No editor in here.

import * as fs from "node:fs/promises";
import * as os from "node:os";

/** Take it; false while somebody else is at work. A lock of a process that is gone is void, and an old one. */
export async function takeLock(file: string, maxAgeMs: number): Promise<boolean> {
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      await fs.writeFile(file, `${process.pid} ${os.hostname()}\n`, { flag: "wx" });
      return true;
    } catch {
      if (await isHeld(file, maxAgeMs)) {
        return false;
      }
      await fs.rm(file, { recursive: true, force: true });
    }
  }
  return false;
}

async function isHeld(file: string, maxAgeMs: number): Promise<boolean> {
  const made = (await fs.stat(file).catch(() => undefined))?.mtimeMs ?? 0;
  if (Date.now() - made >= maxAgeMs) {
    return false;
  }
  const text = await fs.readFile(file, "utf8").catch(() => "");
  const [, pid, host] = /^(\d+) (.*)\n$/.exec(text) ?? [];
  // Of a process elsewhere, or of one that is just writing its name, nothing is known: time decides.
  return pid === undefined || host !== os.hostname() || isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
