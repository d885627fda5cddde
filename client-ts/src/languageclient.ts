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
import type { ServerSettings } from "./settings";

export interface Events {
  running(): void;
  /** The server is gone and nobody asked for it; true to start it again. */
  ended(): boolean;
}

export function makeLanguageClient(
  python: string,
  settings: ServerSettings,
  log: vscode.LogOutputChannel,
  events: Events,
): LanguageClient {
  const client = new LanguageClient(
    SECTION,
    SECTION,
    { command: python, args: ["-I", "-m", "wherein", "serve", "--stdio"] },
    {
      documentSelector: [{ scheme: "file" }],
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: settings,
      // The item in the status bar shows how far the index is; the editor would show it once more.
      middleware: { handleWorkDoneProgress: () => undefined },
      // What goes wrong is told by client.ts, once and in our words.
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({
          action: events.ended() ? CloseAction.Restart : CloseAction.DoNotRestart,
          handled: true,
        }),
      },
    },
  );
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Running) {
      events.running();
    }
  });
  return client;
}
