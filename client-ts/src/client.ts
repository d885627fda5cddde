// The server's life as the editor sees it: start, stop, restart, and requests to it.

import * as vscode from "vscode";
import { LanguageClient, State, type RequestParam, type RequestType } from "vscode-languageclient/node";
import { findInterpreter } from "./interpreter";
import { SECTION, serverSettings } from "./settings";

const OPEN_SETTING = "Choose Interpreter";
const SHOW_LOG = "Show Log";

/** One language server for the window. */
export class Client implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel(SECTION, { log: true });
  private readonly changed = new vscode.EventEmitter<boolean>();
  private client: LanguageClient | undefined;

  /** Fires with true when the server can be asked, and with false when it went away. */
  readonly onDidChange = this.changed.event;

  get running(): boolean {
    return this.client?.state === State.Running;
  }

  /** Start the server. A failure is told to the person once, and never thrown. */
  async start(): Promise<void> {
    const python = findInterpreter();
    this.log.info(`starting with ${python.command}, from ${python.from}`);
    const client = new LanguageClient(
      SECTION,
      SECTION,
      { command: python.command, args: ["-I", "-m", "wherein", "serve", "--stdio"] },
      {
        documentSelector: [{ scheme: "file" }],
        outputChannel: this.log,
        initializationOptions: serverSettings(),
        // The failure is reported below, in our words.
        initializationFailedHandler: () => false,
      },
    );
    this.client = client;
    client.onDidChangeState((event) => this.changed.fire(event.newState === State.Running));
    try {
      await client.start();
    } catch (error) {
      this.log.error(error instanceof Error ? error : String(error));
      void this.explain(python.command);
    }
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.state === State.Running) {
      await client.stop();
    }
    await client?.dispose();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Ask the server. Rejects when it is not running, or when the token is cancelled. */
  async request<P, R>(
    type: RequestType<P, R, void>,
    params: RequestParam<P>,
    token?: vscode.CancellationToken,
  ): Promise<R> {
    if (this.client === undefined || !this.running) {
      throw new Error("wherein is not running. Its log says why");
    }
    return this.client.sendRequest(type, params, token);
  }

  dispose(): void {
    this.changed.dispose();
    this.log.dispose();
  }

  private async explain(command: string): Promise<void> {
    const picked = await vscode.window.showErrorMessage(
      `wherein could not be started with ${command}. It needs a Python that has wherein installed.`,
      OPEN_SETTING,
      SHOW_LOG,
    );
    if (picked === OPEN_SETTING) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "wherein.interpreter");
    } else if (picked === SHOW_LOG) {
      this.log.show();
    }
  }
}
