// The server's life as the editor sees it: find, start, stop, restart, and requests to it.

import * as vscode from "vscode";
import { SILENT, within } from "./deadline";
import { SECTION } from "./ids";
import type { Launch, Server } from "./languageclient";
import type { Request } from "./protocol";
import { SettingError, type Interpreter } from "./server/locate";
import { CHOOSE, problem } from "./server/problem";
import { Setup } from "./server/setup";
import { serverSettings } from "./settings";

const RETRY = "Try Again";
const AGAIN = "Install Again";
const BUDGET = 5; // ends of the server within the window below; after that a person must look
const WINDOW_MS = 180_000;
const LOOK_MS = 3_000; // another window may be installing the server
const START_MS = 30_000; // a cold start on a slow disk; after that a question says what is the matter
const ANSWER_MS = 30_000; // longer than any request may take in the server

/** What can be said of the server: only "running" answers requests. */
export type Life = "starting" | "running" | "missing" | "installing" | "failed" | "stopped";

/** One language server for the window. */
export class Client implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel(SECTION, { log: true });
  private readonly changed = new vscode.EventEmitter<Life>();
  private readonly setup: Setup;
  private server: Server | undefined;
  private python: Interpreter | undefined;
  private starting: Promise<void> | undefined;
  private round = 0; // of starts: one that was stopped meanwhile must not go on
  private ends: number[] = [];
  private looking: NodeJS.Timeout | undefined;
  private now: Life = "stopped";
  private beforeInstalling: Life = "missing";

  /** Fires whenever the server's life takes a turn. */
  readonly onDidChange = this.changed.event;

  /** How much of the installation is done, from 0 to 1, while there is one. */
  installed: number | undefined;

  constructor(
    context: vscode.ExtensionContext,
    private readonly makeServer = loadAndMake,
  ) {
    this.setup = new Setup(context, this.log, {
      installing: (share) => this.installing(share),
      changed: () => void this.reconsider(),
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
    this.round += 1;
    this.turn("stopped");
    await this.letGo();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.starting; // it ends soon: its server is gone
    this.ends = [];
    await this.start();
  }

  /** Start anew if another Python is to run the server now. */
  async reconsider(): Promise<void> {
    await this.starting;
    const python = await this.setup.find().catch(() => undefined);
    const other = python !== undefined && python.command !== this.python?.command;
    if (other && this.now !== "installing") {
      await this.restart();
    }
  }

  /** Ask whether to install the server, and start it when it is there. Not `wanted`: only the first time. */
  async setUp(wanted = true): Promise<void> {
    if (await this.setup.offer(wanted)) {
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
    if (this.server === undefined || this.now !== "running") {
      throw new Error(SENTENCES[this.now]);
    }
    // An absent token must not be passed on: the library would send a list of two.
    const answer =
      token === undefined
        ? this.server.sendRequest<R>(request.method, params)
        : this.server.sendRequest<R>(request.method, params, token);
    return within(ANSWER_MS, answer, SILENT);
  }

  /** Tell a running server the settings as they are now; they count at once. */
  async configure(): Promise<void> {
    await this.settled();
    if (this.now === "running") {
      const settings = { [SECTION]: serverSettings() };
      await this.server?.sendNotification("workspace/didChangeConfiguration", { settings });
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
    this.setup.dispose();
    this.changed.dispose();
    this.log.dispose();
  }

  private async begin(): Promise<void> {
    this.round += 1;
    const mine = this.round;
    this.turn("starting");
    try {
      this.python = undefined;
      const python = await this.setup.find();
      await this.letGo();
      if (mine !== this.round) {
        return;
      }
      this.python = python;
      if (python === undefined) {
        this.log.info("no Python with wherein was found");
        this.turn("missing");
        return;
      }
      this.log.info(`starting with ${python.command}, from ${python.from}`);
      await this.run(python, mine);
    } catch (error) {
      if (mine === this.round) {
        this.log.error(error instanceof Error ? error.message : String(error));
        this.turn("failed");
        void this.explain(error);
      }
    }
  }

  private async run(python: Interpreter, mine: number): Promise<void> {
    const server = await this.makeServer({
      command: python.command,
      cwd: this.home,
      settings: serverSettings(),
      log: this.log,
      ended: () => {
        if (mine === this.round && this.now === "running") {
          this.again();
        } // else its start fails, and says so
      },
    });
    if (mine !== this.round) {
      return;
    }
    this.server = server;
    await server.start();
    if (mine === this.round) {
      this.turn("running");
    }
  }

  private async letGo(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await server?.end().catch((error: unknown) => this.log.warn(String(error)));
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
  private again(): void {
    const now = Date.now();
    this.ends = [...this.ends, now].filter((end) => now - end < WINDOW_MS);
    const again = this.ends.length < BUDGET;
    this.log.warn(`the server has ended${again ? "; it is started again" : ""}`);
    this.turn(again ? "starting" : "failed");
    void (again ? this.start() : this.explain());
  }

  /** A running server goes on answering; all else is as it was when nothing comes of the installation. */
  private installing(share: number | undefined): void {
    this.installed = share;
    if (share === undefined && this.now === "installing") {
      this.turn(this.beforeInstalling);
    } else if (share !== undefined && this.now !== "running") {
      this.beforeInstalling = this.now === "installing" ? this.beforeInstalling : this.now;
      this.turn("installing", true);
    }
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

  private async explain(error?: unknown): Promise<void> {
    const { python } = this;
    const own = python?.own === true;
    const sentence =
      error instanceof SettingError || python === undefined
        ? String(error instanceof Error ? error.message : error)
        : own
          ? "wherein's server could not be started. The files that were installed for it may be damaged."
          : `wherein could not be started with ${python.command}, from ${python.from}. It needs a Python that has wherein installed.`;
    const picked = await problem(this.log, sentence, RETRY, own ? AGAIN : CHOOSE);
    if (picked === RETRY) {
      await this.restart();
    } else if (picked === AGAIN) {
      await this.setUp();
    }
  }
}

async function loadAndMake(launch: Launch): Promise<Server> {
  // Loaded only now: activation does not wait for it.
  return (await import("./languageclient.js")).makeServer(launch);
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
