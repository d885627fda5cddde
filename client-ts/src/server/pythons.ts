// Which Pythons there are on this machine, and what each of them can do. No editor in here.

import * as path from "node:path";
import { run } from "./run";

/** What a Python says of itself. `wherein` is the version that it has, "" for none. */
export interface Python {
  readonly command: string;
  readonly version: readonly [number, number];
  readonly wherein: string;
  /** Whether it can make environments with pip in them. */
  readonly venv: boolean;
}

/** The oldest Python that the locked packages are there for. */
export const OLDEST = [3, 11] as const;

const ABOUT = `
import importlib.metadata as m, importlib.util as u, json, sys
try: wherein = m.version("wherein")
except m.PackageNotFoundError: wherein = ""
venv = all(u.find_spec(n) for n in ("venv", "ensurepip"))
print(json.dumps([sys.executable, sys.version_info[:2], wherein, venv]))
`;

/** Ask a Python about itself; undefined when it does not answer. */
export async function examine(command: string, cwd: string): Promise<Python | undefined> {
  const outcome = await run(command, ["-I", "-c", ABOUT], { cwd, timeoutMs: 15_000 });
  if (outcome.code !== 0) {
    return undefined;
  }
  try {
    const [executable, version, wherein, venv] = JSON.parse(outcome.stdout) as [
      string,
      [number, number],
      string,
      boolean,
    ];
    return { command: executable, version, wherein, venv };
  } catch {
    return undefined;
  }
}

/** The newest of those that can make an environment; else one that is new enough, for what can be said of it. */
export function bestOf(pythons: readonly Python[]): Python | undefined {
  const found = pythons.filter(isNewEnough);
  const age = ({ version: [major, minor] }: Python): number => major * 1000 + minor;
  return found.filter(({ venv }) => venv).sort((a, b) => age(b) - age(a))[0] ?? found[0];
}

export function isNewEnough(python: Python): boolean {
  const [major, minor] = python.version;
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** How paths are written on a system. */
export function pathsOf(platform: NodeJS.Platform): path.PlatformPath {
  return platform === "win32" ? path.win32 : path.posix;
}

/** Whether a file lies in one of the folders. */
export function isInside(
  file: string,
  folders: readonly string[],
  platform: NodeJS.Platform = process.platform,
): boolean {
  const { relative, isAbsolute, sep } = pathsOf(platform);
  return folders.some((folder) => {
    const way = relative(folder, file);
    return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
  });
}

/**
 * List what to try, as full paths of every Python on the PATH. Relative parts of the PATH, and those
 * inside the folders that are open, are passed over: nothing of a workspace is run.
 */
export function candidates(
  searchPath: string,
  folders: readonly string[],
  platform: NodeJS.Platform = process.platform,
): string[] {
  const windows = platform === "win32";
  const { isAbsolute, join } = pathsOf(platform);
  const names = windows
    ? ["python3.exe", "python.exe", "py.exe"]
    : ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
  const parts = searchPath
    .split(windows ? ";" : ":")
    .map((part) => (windows ? part.replace(/^"(.*)"$/, "$1") : part))
    .filter((part) => isAbsolute(part) && !isInside(part, folders, platform));
  // A graphical session on macOS has a short PATH; these are where Pythons are installed there.
  const usual = platform === "darwin" ? ["/opt/homebrew/bin", "/usr/local/bin"] : [];
  const places = [...new Set([...parts, ...usual])];
  return names.flatMap((name) => places.map((place) => join(place, name)));
}
