// Stands in for the editor's API where a unit test needs a little of it: an editor without
// language-model tools, with the settings of `configured`, a person that answers as `person` says, and
// the boxes, tabs and commands of editor.ts. All else is tested in a real editor.

import * as editor from "./editor";

export * from "./editor";

/** Settings by their full name. */
export const configured = new Map<string, unknown>();

/** What was shown, with its buttons, and what is answered to the next ones. */
export const person = {
  shown: [] as { readonly sentence: string; readonly buttons: readonly string[] }[],
  answers: [] as string[],
  commands: [] as string[],
  reset(): void {
    this.shown = [];
    this.answers = [];
    this.commands = [];
  },
};

export const workspace = {
  isTrusted: true,
  workspaceFolders: [] as { uri: { fsPath: string } }[],
  getConfiguration: (section: string) => ({
    get: (name: string, fallback?: unknown) => configured.get(`${section}.${name}`) ?? fallback,
    update: async (name: string, value: unknown) => void configured.set(`${section}.${name}`, value),
  }),
};

async function show(sentence: string, ...buttons: string[]): Promise<string | undefined> {
  editor.screen.said.push(sentence);
  person.shown.push({ sentence, buttons });
  return person.answers.shift();
}

const quiet = (): void => undefined;

export const window = Object.assign(editor.window, {
  showErrorMessage: show,
  showInformationMessage: show,
  createOutputChannel: () => ({ debug: quiet, info: quiet, warn: quiet, error: quiet, show: quiet, dispose: quiet }),
  createStatusBarItem: () => ({ text: "", tooltip: "", show: quiet, dispose: quiet }),
  withProgress: (_: object, work: (progress: object, token: object) => Promise<unknown>) =>
    work({ report: quiet }, { onCancellationRequested: () => new editor.Disposable(quiet) }),
});

const { executeCommand } = editor.commands;
export const commands = Object.assign(editor.commands, {
  executeCommand: async (name: string, ...args: unknown[]) => {
    person.commands.push([name, ...args].join(" "));
    return executeCommand(name, ...args);
  },
});

export const env = Object.assign(editor.env, {
  openExternal: async (uri: object) => void person.commands.push(String(uri)),
});

/** The extensions that are installed, by their id. */
export const installed = new Map<string, object>();

export const extensions = {
  getExtension: (id: string) => {
    const api = installed.get(id);
    return api === undefined ? undefined : { activate: async () => api };
  },
};

export enum StatusBarAlignment {
  Right = 2,
}

export enum ConfigurationTarget {
  Global = 1,
}

export enum ProgressLocation {
  Notification = 15,
}
