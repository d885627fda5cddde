// Which Python runs the server. The order is part of the documentation: docs/editors/vscode.md.

import { isInside, type Python } from "./pythons";

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
  /** The Python extension's interpreter for this workspace, undefined without that extension. */
  pythonExtension(): Promise<string | undefined>;
  /** The Python of the private environment, undefined while it is not installed. */
  privateEnvironment(): Promise<string | undefined>;
  examine(command: string): Promise<Python | undefined>;
}

/** Choose; undefined when nothing has wherein and it must be installed first. */
export async function locate(around: Surroundings): Promise<Interpreter | undefined> {
  if (around.setting !== "") {
    return { command: around.setting, from: "the setting wherein.interpreter" };
  }
  const chosen = around.trusted ? await around.pythonExtension() : undefined;
  if (chosen !== undefined && (await around.examine(chosen))?.wherein === around.version) {
    return { command: chosen, from: "the Python extension" };
  }
  const ours = await around.privateEnvironment();
  if (ours !== undefined && (around.trusted || !isInside(ours, around.folders))) {
    return { command: ours, from: "the private environment", own: true };
  }
  return undefined;
}
