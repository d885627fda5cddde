// Getting the server: find a Python that has it, or ask once and install it.

import * as fs from "node:fs/promises";
import * as vscode from "vscode";
import { SECTION } from "../ids";
import { interpreterSetting, wheelsSetting } from "../settings";
import { BusyError, InstallError, PrivateEnvironment } from "./environment";
import { locate, type Interpreter } from "./locate";
import { CHOOSE, GET_PYTHON, openSetting, problem } from "./problem";
import { PythonExtension } from "./pythonextension";
import { bestOf, candidates, examine, OLDEST, type Python } from "./pythons";
import { indexOf, networkTo, sourceInWords } from "./source";

const INSTALL = "Install";
const RETRY = "Try Again";
const DECLINED = `${SECTION}.declined`;
const SIZE = "About 90 MB to fetch, 500 MB on disk";
const ASKED_FOR_INDEX = 8; // Pythons whose pip is asked which index it is set up for

export interface SetupEvents {
  /** How much of an installation is done, from 0 to 1, and undefined at its end. */
  installing(share: number | undefined): void;
  /** What `find` depends on is not what it was. */
  changed(): void;
}

export class Setup implements vscode.Disposable {
  readonly storage: string;
  private readonly version: string;
  private readonly memory: vscode.Memento;
  private readonly environment: PrivateEnvironment;
  private readonly pythonExtension: PythonExtension;
  private asking: Promise<boolean> | undefined;

  constructor(
    context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly events: SetupEvents,
  ) {
    const { version } = context.extension.packageJSON as { version: string };
    this.version = version;
    this.memory = context.globalState;
    this.storage = context.globalStorageUri.fsPath;
    this.environment = new PrivateEnvironment(
      this.storage,
      context.asAbsolutePath("bundled"),
      (line) => this.log.info(line),
    );
    this.pythonExtension = new PythonExtension(log, events.changed);
  }

  /** Find what starts the server; undefined when it must be installed first. Throws SettingError. */
  async find(): Promise<Interpreter | undefined> {
    await fs.mkdir(this.storage, { recursive: true });
    return locate({
      setting: interpreterSetting(),
      version: this.version,
      trusted: vscode.workspace.isTrusted,
      folders: openFolders(),
      pythonExtension: () => this.pythonExtension.interpreters(),
      privateEnvironment: () => this.environment.python(),
      examine: (command) => examine(command, this.storage),
    });
  }

  /** Whether the private environment is there. */
  async isInstalled(): Promise<boolean> {
    return (await this.environment.python()) !== undefined;
  }

  /**
   * Ask, and install when the answer is yes; true when the server is there afterwards. Who has said no
   * once, in any window, is asked again only where they want it.
   */
  async offer(wanted: boolean): Promise<boolean> {
    if (!wanted && this.memory.get<boolean>(DECLINED) === true) {
      return false;
    }
    this.asking ??= this.question().finally(() => (this.asking = undefined));
    return this.asking;
  }

  dispose(): void {
    this.pythonExtension.dispose();
  }

  private async question(): Promise<boolean> {
    if (!(await this.environment.isBundled())) {
      await problem(
        this.log,
        "This copy of wherein has no server in it. Choose a Python that has wherein installed",
        CHOOSE,
      );
      await this.memory.update(DECLINED, true);
      return false;
    }
    const before = await this.isInstalled();
    const why = before ? "wherein's server is installed." : "wherein needs its server on this computer.";
    const what = before ? "Install it again" : "Install it";
    const index = await indexOf(this.candidates().slice(0, ASKED_FOR_INDEX), this.storage);
    const picked = await vscode.window.showInformationMessage(
      `${why} ${what} from ${sourceInWords(index)} into a private environment? ${SIZE}.`,
      INSTALL,
      CHOOSE,
      "Not Now",
    );
    await this.memory.update(DECLINED, picked === INSTALL ? undefined : true);
    if (picked === CHOOSE) {
      await openSetting();
    }
    if (picked !== INSTALL) {
      return false;
    }
    // Another window may have done it while the question stood here.
    return (!before && (await this.isInstalled())) || this.install(index);
  }

  private async install(index: string): Promise<boolean> {
    const base = await this.basePython();
    if (base === undefined) {
      return false;
    }
    try {
      await vscode.window.withProgress(
        {
          location: vscode.ProgressLocation.Notification,
          title: "Installing wherein",
          cancellable: true,
        },
        (progress, token) => this.installWith(base.command, index, progress, token),
      );
      return true;
    } catch (error) {
      this.log.error(error instanceof Error ? error : String(error));
      if (error instanceof BusyError) {
        void vscode.window.showInformationMessage(error.message);
        return false;
      }
      const sentence = error instanceof InstallError ? error.message : `wherein could not be installed: ${String(error)}`;
      return (await problem(this.log, sentence, RETRY, CHOOSE)) === RETRY && (await this.install(index));
    }
  }

  private async installWith(
    base: string,
    index: string,
    progress: vscode.Progress<{ message: string; increment: number }>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const stop = new AbortController();
    const watch = token.onCancellationRequested(() => stop.abort());
    let done = 0;
    this.events.installing(0);
    try {
      await this.environment.install(
        base,
        { wheels: wheelsSetting(), network: networkTo(index) },
        (message, share) => {
          progress.report({ message, increment: Math.max(0, (share - done) * 100) });
          done = Math.max(done, share);
          this.events.installing(done);
        },
        stop.signal,
      );
    } finally {
      this.events.installing(undefined);
      watch.dispose();
    }
  }

  /** The newest Python that can make an environment, undefined after saying what is missing. */
  private async basePython(): Promise<Python | undefined> {
    const found = await Promise.all(this.candidates().map((command) => examine(command, this.storage)));
    const best = bestOf(found.flatMap((python) => python ?? []));
    if (best?.venv === true) {
      this.log.info(`installing with ${best.command}`);
      return best;
    }
    const picked =
      best === undefined
        ? await problem(
            this.log,
            `Python ${OLDEST.join(".")} or newer was not found. Install Python, or choose one that has wherein installed.`,
            RETRY,
            GET_PYTHON,
            CHOOSE,
          )
        : await problem(
            this.log,
            `${best.command} cannot make environments. Install its venv package (on Debian and Ubuntu: python3-venv).`,
            RETRY,
            CHOOSE,
          );
    // Who has gone to fetch Python finds the way on when they come back.
    return picked === RETRY || picked === GET_PYTHON ? this.basePython() : undefined;
  }

  private candidates(): string[] {
    return candidates(process.env["PATH"] ?? "", openFolders());
  }
}

function openFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
}
