// What the Python extension has chosen, where it is installed.

import * as vscode from "vscode";

/** The parts of its API that are used, as far as they are there. */
interface PythonApi {
  readonly environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(
      path: string,
    ): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath?: vscode.Event<unknown>;
  };
}

export class PythonExtension implements vscode.Disposable {
  private watch: vscode.Disposable | undefined;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly changed: () => void,
  ) {}

  /** The interpreters of the open folders, each once, in the order of the folders. */
  async interpreters(): Promise<string[]> {
    try {
      const { environments } =
        (await vscode.extensions.getExtension<PythonApi>("ms-python.python")?.activate()) ?? {};
      if (environments === undefined) {
        return [];
      }
      this.watch ??= environments.onDidChangeActiveEnvironmentPath?.(this.changed);
      const folders = vscode.workspace.workspaceFolders ?? [];
      const places = folders.length === 0 ? [undefined] : folders.map(({ uri }) => uri);
      const paths = new Set(places.map((place) => environments.getActiveEnvironmentPath(place).path));
      const found = await Promise.all([...paths].map((one) => environments.resolveEnvironment(one)));
      return found.flatMap((one) => one?.executable.uri?.fsPath ?? []);
    } catch (error) {
      this.log.warn(`the Python extension did not answer: ${String(error)}`);
      return [];
    }
  }

  dispose(): void {
    this.watch?.dispose();
  }
}
