// The one module that loads vscode-languageclient. It is imported when the server is started.

import type * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  State,
} from "vscode-languageclient/node";
import { SECTION } from "./ids";
import { copy } from "./server/stderr";
import type { ServerSettings } from "./settings";

/** A server process and the way to it. */
export interface Server {
  /** Rejects when the server ends before it answers. */
  start(): Promise<void>;
  /** Ends it, however it is. */
  end(): Promise<void>;
  sendRequest<R>(method: string, params: unknown, token?: vscode.CancellationToken): Promise<R>;
  sendNotification(method: string, params: unknown): Promise<void>;
}

export interface Launch {
  readonly command: string;
  /** Where it runs: not in a folder that is open. */
  readonly cwd: string;
  readonly settings: ServerSettings;
  readonly log: vscode.LogOutputChannel;
  /** The server is gone and nobody asked for it. */
  ended(): void;
}

/** What goes wrong is told by client.ts, once and in our words: the library's own words are for the log. */
class QuietClient extends LanguageClient implements Server {
  override error(message: string, data?: unknown): void {
    super.error(message, data instanceof Error ? data.message : data, false);
  }

  async end(): Promise<void> {
    if (this.state === State.Starting) {
      this.serverProcess?.kill("SIGKILL"); // it does not hear anything else yet
    } else if (this.needsStop()) {
      await this.dispose();
    }
  }
}

export function makeServer({ command, cwd, settings, log, ended }: Launch): Server {
  return new QuietClient(
    SECTION,
    SECTION,
    { command, args: ["-I", "-m", "wherein", "serve", "--stdio"], options: { cwd } },
    {
      documentSelector: [{ scheme: "file" }],
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      stdioOptions: { stdout: copy, stderr: copy },
      initializationOptions: settings,
      // The item in the status bar shows how far the index is; the editor would show it once more.
      middleware: { handleWorkDoneProgress: () => undefined },
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          ended();
          // Another start is another client, with a Python that is looked for anew.
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    },
  );
}
