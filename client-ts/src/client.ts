// The server's life as the editor sees it: find, start, stop, restart, and requests to it.

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { SECTION } from "./ids";
import type { Request } from "./protocol";
import type { Interpreter } from "./server/locate";
import { Setup } from "./server/setup";
import { serverSettings } from "./settings";

const SHOW_LOG = "Show Log";
const RETRY = "Try Again";
const SETTING = "Choose a Python…";
const AGAIN = "Install Again";
const BUDGET = 5; // ends of the server within the window below; after that a person must look
const WINDOW_MS = 180_000;
const LOOK_MS = 3_000; // another window may be installing the server
const START_MS = 30_000; // a cold start on a slow disk; after that a question says what is the matter

/** What can be said of the server: only "running" answers requests. */
export type Life = "starting" | "running" | "missing" | "installing" | "failed" | "stopped";

/** One language server for the window. */
export class Client implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel(SECTION, { log: true });
  private readonly changed = new vscode.EventEmitter<Life>();
  private readonly setup: Setup;
  private client: LanguageClient | undefined;
  private starting: Promise<void> | undefined;
  private ends: number[] = [];
  private looking: NodeJS.Timeout | undefined;
  private now: Life = "stopped";

  /** Fires whenever the server's life takes a turn. */
  readonly onDidChange = this.changed.event;

  /** How much of the installation is done, from 0 to 1, while there is one. */
  installed: number | undefined;

  constructor(context: vscode.ExtensionContext) {
    this.setup = new Setup(context, this.log, (share) => {
      this.installed = share;
      this.turn(share === undefined ? "missing" : "installing", share !== undefined);
    });
  }

  get life(): Life {
    return this.now;
  }

  /** Start the server, or do nothing when it starts or runs. Never throws: failures are told. */
  async start(): Promise<void> {
    if (this.now === "running") {
      return;
    }
    this.starting ??= this.begin().finally(() => (this.starting = undefined));
    await this.starting;
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.turn("stopped");
    if (client?.needsStop() === true) {
      await client.stop().catch((error: unknown) => this.log.warn(String(error)));
    }
    await client?.dispose().catch((error: unknown) => this.log.warn(String(error)));
  }

  async restart(): Promise<void> {
    await this.starting;
    await this.stop();
    this.ends = [];
    await this.start();
  }

  /** Ask whether to install the server, and start it when it is there. */
  async setUp(): Promise<void> {
    if (await this.setup.offer()) {
      await this.restart();
    }
  }

  /** Ask the server, once it runs. Rejects with a sentence when it does not. */
  async request<P, R>(
    request: Request<P, R>,
    params: P,
    token?: vscode.CancellationToken,
  ): Promise<R> {
    await this.settled();
    if (this.client === undefined || this.now !== "running") {
      throw new Error(SENTENCES[this.now]);
    }
    // An absent token must not be passed on: the library would send a list of two.
    return token === undefined
      ? this.client.sendRequest<R>(request.method, params)
      : this.client.sendRequest<R>(request.method, params, token);
  }

  /** Tell a running server the settings as they are now; they count at once. */
  async configure(): Promise<void> {
    await this.settled();
    if (this.now === "running") {
      const settings = { [SECTION]: serverSettings() };
      await this.client?.sendNotification("workspace/didChangeConfiguration", { settings });
    }
  }

  /** A folder of the extension's own, to run programs in. */
  get home(): string {
    return this.setup.storage;
  }

  /** Which Python runs the server, for `wherein doctor`. */
  async interpreter(): Promise<Interpreter | undefined> {
    return this.setup.find();
  }

  dispose(): void {
    clearInterval(this.looking);
    this.changed.dispose();
    this.log.dispose();
  }

  private async begin(): Promise<void> {
    this.turn("starting");
    const python = await this.setup.find();
    if (python === undefined) {
      this.log.info("no Python with wherein was found");
      this.turn("missing");
      return;
    }
    this.log.info(`starting with ${python.command}, from ${python.from}`);
    // Loaded only now: activation does not wait for it.
    const { makeLanguageClient } = await import("./languageclient.js");
    const client = makeLanguageClient(python.command, serverSettings(), this.log, {
      running: () => this.turn("running"),
      ended: () => this.again(python),
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.log.error(error instanceof Error ? error : String(error));
      this.turn("failed");
      void this.explain(python);
    }
  }

  /** Wait while the server starts, for the first time or after an end; not longer than it may take. */
  private async settled(): Promise<void> {
    if (this.now !== "starting") {
      return;
    }
    await new Promise<void>((resolve) => {
      const turned = this.changed.event(done);
      const timer = setTimeout(done, START_MS);
      function done(): void {
        turned.dispose();
        clearTimeout(timer);
        resolve();
      }
    });
  }

  /** Decide after an end that nobody asked for whether to start again. */
  private again(python: Interpreter): boolean {
    const now = Date.now();
    this.ends = [...this.ends, now].filter((end) => now - end < WINDOW_MS);
    const again = this.ends.length < BUDGET;
    this.log.warn(`the server has ended${again ? "; it is started again" : ""}`);
    this.turn(again ? "starting" : "failed");
    if (!again) {
      void this.explain(python);
    }
    return again;
  }

  private turn(life: Life, always = false): void {
    if (this.now !== life || always) {
      this.now = life;
      clearInterval(this.looking);
      if (life === "missing") {
        this.looking = setInterval(() => void this.look(), LOOK_MS);
      }
      this.changed.fire(life);
    }
  }

  /** Start the server once another window has installed it. */
  private async look(): Promise<void> {
    if ((await this.setup.isInstalled()) && this.now === "missing") {
      await this.start();
    }
  }

  private async explain(python: Interpreter): Promise<void> {
    const picked = await vscode.window.showErrorMessage(
      python.own
        ? "wherein's server could not be started. The files that were installed for it may be damaged."
        : `wherein could not be started with ${python.command}, from ${python.from}. It needs a Python that has wherein installed.`,
      RETRY,
      python.own ? AGAIN : SETTING,
      SHOW_LOG,
    );
    if (picked === RETRY) {
      await this.restart();
    } else if (picked === AGAIN) {
      await this.setUp();
    } else if (picked === SETTING) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "wherein.interpreter");
    } else if (picked === SHOW_LOG) {
      this.log.show();
    }
  }
}

/** Why there is no answer. */
const SENTENCES: Readonly<Record<Life, string>> = {
  starting: "wherein is starting",
  running: "",
  missing: "wherein's server is not installed yet",
  installing: "wherein's server is being installed. Answers come when it is there",
  failed: "wherein could not be started",
  stopped: "wherein is not running",
};
