// Which Python runs the server.

import { interpreterSetting } from "./settings";

/** A Python to start, and where the choice came from, for the log. */
export interface Interpreter {
  readonly command: string;
  readonly from: string;
}

/** Take the setting, else the Python on the PATH. */
export function findInterpreter(): Interpreter {
  const set = interpreterSetting();
  if (set !== "") {
    return { command: set, from: "the setting wherein.interpreter" };
  }
  return { command: process.platform === "win32" ? "python" : "python3", from: "the PATH" };
}
