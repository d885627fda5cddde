// What the server says on stderr, into the editor's log with the level that it has there. No editor in here.

import { createInterface } from "node:readline";

/** As much of the editor's log as is used. */
export interface Log {
  debug(line: string): void;
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

/** A record as the server's logs.py writes it; its time is left out, since the log has its own. */
const RECORD = /^[\d-]+ [\d:,.]+ (wherein\[\d+\]) (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)$/;

const LEVELS: Readonly<Record<string, keyof Log>> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
};

/** Copy line by line. What is no record belongs to the one before it; without one it is an error. */
export function copy(stream: NodeJS.ReadableStream, log: Log): void {
  let level: keyof Log = "error";
  createInterface({ input: stream }).on("line", (line) => {
    const [, who, name, said] = RECORD.exec(line) ?? [];
    if (name !== undefined) {
      level = LEVELS[name] ?? "error";
    }
    log[level](name === undefined ? line : `${who} ${said}`);
  });
}
