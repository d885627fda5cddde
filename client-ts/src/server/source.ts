// Where pip takes the packages from, and how it gets there.

import { proxySettings, wheelsSetting } from "../settings";
import type { Network } from "./pip";
import { run } from "./run";

const PYPI = "pypi.org";
const FILES_OF_PYPI = "files.pythonhosted.org";

/** The index that pip is set up for, "" for PyPI. It may have a password in it. */
export async function indexOf(pythons: readonly string[], cwd: string): Promise<string> {
  const set = process.env["PIP_INDEX_URL"];
  if (set !== undefined) {
    return set;
  }
  for (const command of pythons) {
    const ask = ["-I", "-m", "pip", "config", "get", "global.index-url"];
    const outcome = await run(command, ask, { cwd, timeoutMs: 15_000 });
    if (outcome.code === 0) {
      return outcome.stdout.trim();
    }
  }
  return "";
}

/** Where the packages will come from, in words. */
export function sourceInWords(index: string): string {
  return wheelsSetting() === "" ? nameOf(index) : `the folder ${wheelsSetting()}`;
}

/** An index by its host. */
export function nameOf(index: string): string {
  return hostOf(index) ?? "your package index";
}

/** The editor's way to this index. */
export function networkTo(index: string): Network {
  const { proxy, noProxy, strict } = proxySettings();
  const host = hostOf(index);
  const hosts = host === PYPI ? [PYPI, FILES_OF_PYPI] : host === undefined ? [] : [host];
  return { proxy, noProxy, unchecked: strict ? [] : hosts };
}

function hostOf(index: string): string | undefined {
  try {
    return index === "" ? PYPI : new URL(index).host;
  } catch {
    return undefined;
  }
}
