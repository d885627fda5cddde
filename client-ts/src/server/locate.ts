// Which Python runs the server. The order is part of the documentation: docs/editors/vscode.md.

import * as path from "node:path";
import { isInside, type Python } from "./pythons";

/** A setting that cannot be followed: a sentence for people. */
export class SettingError extends Error {}

/** A Python to start, and where the choice came from, for the log. */
export interface Interpreter {
  readonly command: string;
  readonly from: string;
  /** Whether it is in the environment that wherein has made. */
  readonly own?: boolean;
}

/** What the choice depends on. */
export interface Surroundings {
  readonly setting: string;
  /** The version of this extension: another wherein is not started unless the setting says so. */
  readonly version: string;
  readonly trusted: boolean;
  readonly folders: readonly string[];
  /** The Python extension's interpreters for the folders, none without that extension. */
  pythonExtension(): Promise<readonly string[]>;
  /** The Python of the private environment, undefined while it is not installed. */
  privateEnvironment(): Promise<string | undefined>;
  examine(command: string): Promise<Python | undefined>;
}

/** Choose; undefined when nothing has wherein and it must be installed first. Throws SettingError. */
export async function locate(around: Surroundings): Promise<Interpreter | undefined> {
  if (around.setting !== "") {
    return { command: allowed(around), from: "the setting wherein.interpreter" };
  }
  for (const chosen of around.trusted ? await around.pythonExtension() : []) {
    if ((await around.examine(chosen))?.wherein === around.version) {
      return { command: chosen, from: "the Python extension" };
    }
  }
  const ours = await around.privateEnvironment();
  if (ours !== undefined && (around.trusted || !isInside(ours, around.folders))) {
    return { command: ours, from: "the private environment", own: true };
  }
  return undefined;
}

/** The setting, where it names one file, and nothing of a folder that nobody trusts. */
function allowed({ setting, trusted, folders }: Surroundings): string {
  if (!path.isAbsolute(setting)) {
    throw new SettingError(
      `The setting wherein.interpreter is no full path: ${setting}. Set it to the full path of a Python that has wherein, or to nothing.`,
    );
  }
  if (!trusted && isInside(setting, folders)) {
    throw new SettingError(
      `The setting wherein.interpreter names a file of a folder that you do not trust: ${setting}. Trust the folder, or choose another Python.`,
    );
  }
  return setting;
}
