// Fetching the second model, which orders the best answers anew: what `wherein model build` does, without a terminal.

import * as vscode from "vscode";
import type { Client } from "../client";
import { SECTION } from "../ids";
import { environmentOf } from "./pip";
import { problem } from "./problem";
import { run } from "./run";
import { indexOf, networkTo, nameOf } from "./source";

const MODEL = "all-MiniLM-L6-v2";
const SIZE = "84 MB to fetch, 23 MB on disk";
const PATIENCE_MS = 3_600_000;
const FETCH = "Fetch";
const USE = "Use It";
const RETRY = "Try Again";

/** Ask, fetch the model, and offer to use it. */
export async function fetchSecondModel(client: Client): Promise<void> {
  const python = await client.interpreter();
  if (python === undefined) {
    await client.setUp(); // the model is fetched by the server's own Python
    return;
  }
  const index = await indexOf([python.command], client.home);
  const picked = await vscode.window.showInformationMessage(
    `Fetch ${MODEL}, which orders the best answers anew, from ${nameOf(index)}? ${SIZE}.`,
    FETCH,
  );
  if (picked === FETCH && (await fetched(client, python.command, index))) {
    await client.restart();
    const use = await vscode.window.showInformationMessage(
      `${MODEL} is here. The setting wherein.quality says when it is used.`,
      USE,
    );
    if (use === USE) {
      const settings = vscode.workspace.getConfiguration(SECTION);
      await settings.update("quality", "on", vscode.ConfigurationTarget.Global);
    }
  }
}

async function fetched(client: Client, command: string, index: string): Promise<boolean> {
  const outcome = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: `Fetching ${MODEL}, 84 MB`,
      cancellable: true,
    },
    async (_, token) => {
      const stop = new AbortController();
      const watch = token.onCancellationRequested(() => stop.abort());
      const done = await run(command, ["-I", "-m", "wherein", "model", "build", MODEL, "--yes"], {
        cwd: client.home,
        env: environmentOf(networkTo(index), process.env),
        timeoutMs: PATIENCE_MS,
        signal: stop.signal,
        onLine: (line) => client.log.info(line),
      });
      watch.dispose();
      return stop.signal.aborted ? undefined : done;
    },
  );
  if (outcome === undefined || outcome.code === 0) {
    return outcome !== undefined;
  }
  const last = outcome.stderr.trim().split("\n").at(-1) ?? "";
  const again = await problem(client.log, `${MODEL} could not be fetched. ${last}`, RETRY);
  return again === RETRY && fetched(client, command, index);
}
