// Getting the server: find a Python that has it, or ask once and install it.

import * as fs from "node:fs/promises";
import * as vscode from "vscode";
import { SECTION } from "../ids";
import { interpreterSetting, proxySetting, wheelsSetting } from "../settings";
import { BusyError, InstallError, PrivateEnvironment } from "./environment";
import { locate, type Interpreter } from "./locate";
import { candidates, examine, isNewEnough, OLDEST, type Python } from "./pythons";
import { run } from "./run";

const INSTALL = "Install";
const CHOOSE = "Choose a Python…";
const LOG = "Show Log";
const RETRY = "Try Again";
const SIZE = "About 90 MB to fetch, 500 MB on disk";

/** The parts of the Python extension's API that are used, as far as they are there. */
interface PythonApi {
  readonly environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(
      path: string,
    ): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  };
}

export class Setup {
  readonly storage: string;
  private readonly version: string;
  private readonly environment: PrivateEnvironment;
  private asking: Promise<boolean> | undefined;

  constructor(
    context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    /** Told how much of an installation is done, from 0 to 1, and undefined at its end. */
    private readonly installing: (share: number | undefined) => void,
  ) {
    const { version } = context.extension.packageJSON as { version: string };
    this.version = version;
    this.storage = context.globalStorageUri.fsPath;
    this.environment = new PrivateEnvironment(
      this.storage,
      context.asAbsolutePath("bundled"),
      (line) => this.log.info(line),
    );
  }

  /** Find what starts the server; undefined when it must be installed first. */
  async find(): Promise<Interpreter | undefined> {
    await fs.mkdir(this.storage, { recursive: true });
    return locate({
      setting: interpreterSetting(),
      version: this.version,
      trusted: vscode.workspace.isTrusted,
      folders: openFolders(),
      pythonExtension: () => this.ofPythonExtension(),
      privateEnvironment: () => this.environment.python(),
      examine: (command) => examine(command, this.storage),
    });
  }

  /** Whether the private environment is there. */
  async isInstalled(): Promise<boolean> {
    return (await this.environment.python()) !== undefined;
  }

  /** Ask, and install when the answer is yes; true when the server is there afterwards. */
  async offer(): Promise<boolean> {
    this.asking ??= this.question().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async question(): Promise<boolean> {
    if (!(await this.environment.isBundled())) {
      await this.problem("This copy of wherein has no server in it. Choose a Python that has wherein installed");
      return false;
    }
    const before = await this.isInstalled();
    const why = before ? "wherein's server is installed." : "wherein needs its server on this computer.";
    const what = before ? "Install it again" : "Install it";
    const picked = await vscode.window.showInformationMessage(
      `${why} ${what} from ${await this.source()} into a private environment? ${SIZE}.`,
      INSTALL,
      CHOOSE,
      "Not Now",
    );
    if (picked === CHOOSE) {
      await openSetting();
    }
    if (picked !== INSTALL) {
      return false;
    }
    // Another window may have done it while the question stood here.
    return (!before && (await this.isInstalled())) || this.install();
  }

  private async install(): Promise<boolean> {
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
        async (progress, token) => {
          const stop = new AbortController();
          const watch = token.onCancellationRequested(() => stop.abort());
          let done = 0;
          this.installing(0);
          try {
            await this.environment.install(
              base.command,
              { wheels: wheelsSetting(), proxy: proxySetting() },
              (message, share) => {
                progress.report({ message, increment: Math.max(0, (share - done) * 100) });
                done = Math.max(done, share);
                this.installing(done);
              },
              stop.signal,
            );
          } finally {
            this.installing(undefined);
            watch.dispose();
          }
        },
      );
      return true;
    } catch (error) {
      this.log.error(error instanceof Error ? error : String(error));
      if (error instanceof BusyError) {
        void vscode.window.showInformationMessage(error.message);
        return false;
      }
      const sentence = error instanceof InstallError ? error.message : `wherein could not be installed: ${String(error)}`;
      return (await this.problem(sentence)) && (await this.install());
    }
  }

  /** The newest Python that can make an environment, undefined after saying what is missing. */
  private async basePython(): Promise<Python | undefined> {
    let useless: Python | undefined;
    for (const command of candidates(process.env["PATH"] ?? "", openFolders())) {
      const python = await examine(command, this.storage);
      if (python !== undefined && isNewEnough(python)) {
        if (python.venv) {
          this.log.info(`installing with ${python.command}`);
          return python;
        }
        useless ??= python;
      }
    }
    const again = await this.problem(
      useless === undefined
        ? `Python ${OLDEST.join(".")} or newer was not found. Install Python, or choose one that has wherein installed.`
        : `${useless.command} cannot make environments. Install its venv package (on Debian and Ubuntu: python3-venv).`,
    );
    return again ? this.basePython() : undefined;
  }

  /** Say what went wrong, with a button for each way on; true to try again. */
  private async problem(sentence: string): Promise<boolean> {
    const picked = await vscode.window.showErrorMessage(sentence, RETRY, CHOOSE, LOG);
    if (picked === CHOOSE) {
      await openSetting();
    } else if (picked === LOG) {
      this.log.show();
    }
    return picked === RETRY;
  }

  /** Where the packages will come from, in words. */
  private async source(): Promise<string> {
    if (wheelsSetting() !== "") {
      return `the folder ${wheelsSetting()}`;
    }
    const set = process.env["PIP_INDEX_URL"] ?? (await this.configuredIndex());
    try {
      return set === "" ? "pypi.org" : new URL(set).host; // its user and password are nobody's business
    } catch {
      return "your package index";
    }
  }

  private async configuredIndex(): Promise<string> {
    for (const command of candidates(process.env["PATH"] ?? "", openFolders()).slice(0, 8)) {
      const outcome = await run(command, ["-I", "-m", "pip", "config", "get", "global.index-url"], {
        cwd: this.storage,
        timeoutMs: 15_000,
      });
      if (outcome.code === 0) {
        return outcome.stdout.trim();
      }
    }
    return "";
  }

  private async ofPythonExtension(): Promise<string | undefined> {
    const extension = vscode.extensions.getExtension<PythonApi>("ms-python.python");
    if (extension === undefined) {
      return undefined;
    }
    try {
      const { environments } = await extension.activate();
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
      const chosen = environments?.getActiveEnvironmentPath(folder).path;
      if (environments === undefined || chosen === undefined) {
        return undefined;
      }
      return (await environments.resolveEnvironment(chosen))?.executable.uri?.fsPath;
    } catch (error) {
      this.log.warn(`the Python extension did not answer: ${String(error)}`);
      return undefined;
    }
  }
}

function openFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
}

async function openSetting(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettings", `${SECTION}.interpreter`);
}
