// Running a program to its end, with a deadline and a way to stop it. No editor in here.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface Outcome {
  /** null when it could not be started, was stopped, or took too long. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly cwd: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with each line of either stream. */
  readonly onLine?: (line: string) => void;
}

/** Run a program without a shell. Never rejects: what went wrong is in `stderr`. */
export function run(command: string, args: readonly string[], options: Options): Promise<Outcome> {
  return new Promise((resolve) => {
    const out: string[] = [];
    const err: string[] = [];
    const deadline = AbortSignal.timeout(options.timeoutMs);
    const child = spawn(command, [...args], {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      signal: options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]),
    });
    const read = (stream: NodeJS.ReadableStream, into: string[]): void => {
      createInterface({ input: stream }).on("line", (line) => {
        into.push(line);
        options.onLine?.(line);
      });
    };
    read(child.stdout, out);
    read(child.stderr, err);
    child.on("error", (error) => err.push(error.message));
    child.on("close", (code, signal) => {
      const ended = signal === null ? code : null;
      resolve({ code: ended, stdout: out.join("\n"), stderr: err.join("\n") });
    });
  });
}
