// As much of the editor as the box, its preview and the results view use: one group of tabs, the last
// box, the commands. It keeps what it was told; `reset` empties it.

type Listener<T> = (event: T) => unknown;

export class Disposable {
  constructor(readonly dispose: () => void) {}
  static from(...all: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => all.forEach((one) => void one.dispose()));
  }
}

export class EventEmitter<T> {
  private readonly listeners = new Set<Listener<T>>();
  readonly event = (listener: Listener<T>): Disposable => {
    this.listeners.add(listener);
    return new Disposable(() => this.listeners.delete(listener));
  };
  fire(event: T): void {
    this.listeners.forEach((listener) => void listener(event));
  }
  dispose(): void {
    this.listeners.clear();
  }
}

export class CancellationTokenSource {
  readonly token = { isCancellationRequested: false };
  cancel(): void {
    this.token.isCancellationRequested = true;
  }
  dispose(): void {}
}

export class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}

export class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(line: number, character: number, endLine: number, endCharacter: number) {
    this.start = new Position(line, character);
    this.end = new Position(endLine, endCharacter);
  }
}

export class Selection {
  constructor(
    readonly start: Position,
    readonly end: Position,
  ) {}
  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }
}

export class Uri {
  private constructor(private readonly text: string) {}
  static parse(text: string): Uri {
    return new Uri(text);
  }
  get scheme(): string {
    return this.text.slice(0, this.text.indexOf(":"));
  }
  get path(): string {
    return this.text.replace(/^\w+:\/\//, "");
  }
  toString(): string {
    return this.text;
  }
}

export class ThemeIcon {
  static readonly File = new ThemeIcon("file");
  constructor(readonly id: string) {}
}
export class ThemeColor {
  constructor(readonly id: string) {}
}
export class MarkdownString {
  appendText(): this {
    return this;
  }
  appendCodeblock(): this {
    return this;
  }
}
export class TreeItem {
  constructor(
    readonly label: unknown,
    readonly collapsibleState?: number,
  ) {}
}
export class TabInputText {
  constructor(readonly uri: Uri) {}
}
export const ViewColumn = { Active: -1, Beside: -2 };
export const QuickPickItemKind = { Separator: -1 };
export const TreeItemCollapsibleState = { Expanded: 2 };
export const TextEditorRevealType = { AtTop: 3, InCenterIfOutsideViewport: 2 };

export interface FakeTab {
  readonly label: string;
  readonly input: unknown;
  isPreview: boolean;
  isActive: boolean;
  isDirty: boolean;
}

/** What the person sees, and what was done to it. */
export const screen = {
  tabs: [] as FakeTab[],
  /** `workbench.editor.enablePreview`. */
  enablePreview: true,
  /** Each call that gave an editor the focus. */
  focused: [] as string[],
  scrolled: new Map<string, number>(),
  ran: [] as [command: string, ...args: unknown[]][],
  registered: new Map<string, (...args: unknown[]) => unknown>(),
  copied: "",
  said: [] as string[],
  /** So many times no file is opened. */
  refused: 0,
  box: undefined as FakeBox | undefined,
  view: undefined as FakeView | undefined,
};

export function reset(): void {
  Object.assign(screen, { tabs: [], enablePreview: true, focused: [], ran: [], copied: "", said: [], refused: 0 });
  screen.registered.clear();
  screen.scrolled.clear();
  window.activeTextEditor = undefined;
}

/** Open a tab as a person does. */
export function openTab(label: string, input: unknown = new TabInputText(Uri.parse(label)), isPreview = false): void {
  const same = screen.tabs.find((tab) => tab.label === label);
  const tab = same ?? { label, input, isPreview, isActive: true, isDirty: false };
  if (same === undefined) {
    const replaced = isPreview ? screen.tabs.findIndex((other) => other.isPreview) : -1;
    screen.tabs.splice(replaced === -1 ? screen.tabs.length : replaced, replaced === -1 ? 0 : 1, tab);
  } else if (!isPreview) {
    same.isPreview = false;
  }
  activate(tab);
}

function activate(tab: FakeTab | undefined): void {
  screen.tabs.forEach((other) => (other.isActive = other === tab));
  window.activeTextEditor = tab?.input instanceof TabInputText ? editorOf(tab.label) : undefined;
}

export interface FakeEditor {
  readonly document: FakeDocument;
  selection: Selection;
  readonly visibleRanges: Range[];
  setDecorations(): void;
  revealRange(range: Range): void;
}

export interface FakeDocument {
  readonly uri: Uri;
  isDirty: boolean;
  readonly lineCount: number;
  lineAt(line: number): { text: string; lineNumber: number; firstNonWhitespaceCharacterIndex: number };
  getText(range?: unknown): string;
}

export function editorOf(file: string): FakeEditor {
  const here = new Position(0, 0);
  return {
    document: {
      uri: Uri.parse(file),
      isDirty: false,
      lineCount: 500,
      lineAt: (lineNumber) => ({ text: "", lineNumber, firstNonWhitespaceCharacterIndex: 0 }),
      getText: (range) => (range === undefined ? "all of it" : "what is selected"),
    },
    selection: new Selection(here, here),
    get visibleRanges() {
      const top = screen.scrolled.get(file) ?? 0;
      return [new Range(top, 0, top + 30, 0)];
    },
    setDecorations: () => undefined,
    revealRange: ({ start }) => void screen.scrolled.set(file, start.line),
  };
}

export class FakeBox {
  value = "";
  title = "";
  busy = false;
  isShown = false;
  activeItems: unknown[] = [];
  private shown: unknown[] = [];
  readonly typed = new EventEmitter<string>();
  readonly accepted = new EventEmitter<void>();
  readonly moved = new EventEmitter<unknown[]>();
  readonly hidden = new EventEmitter<void>();
  readonly button = new EventEmitter<unknown>();
  readonly itemButton = new EventEmitter<unknown>();
  readonly onDidChangeValue = this.typed.event;
  readonly onDidAccept = this.accepted.event;
  readonly onDidChangeActive = this.moved.event;
  readonly onDidHide = this.hidden.event;
  readonly onDidTriggerButton = this.button.event;
  readonly onDidTriggerItemButton = this.itemButton.event;
  get items(): unknown[] {
    return this.shown;
  }
  set items(items: unknown[]) {
    this.shown = items;
    this.activeItems = items.slice(0, 1);
  }
  get labels(): string[] {
    return this.shown.map((row) => (row as { label: string }).label);
  }
  show(): void {
    this.isShown = true;
  }
  hide(): void {
    if (this.isShown) {
      this.isShown = false;
      this.hidden.fire();
    }
  }
  dispose(): void {}
  type(value: string): void {
    this.value = value;
    this.typed.fire(value);
  }
  move(index: number): void {
    this.activeItems = [this.shown[index]];
    this.moved.fire(this.activeItems);
  }
}

export class FakeView {
  message = "";
  selection: unknown[] = [];
  readonly visible = new EventEmitter<{ visible: boolean }>();
  readonly onDidChangeVisibility = this.visible.event;
  async reveal(): Promise<void> {}
  dispose(): void {}
}

export const window = {
  activeTextEditor: undefined as FakeEditor | undefined,
  createTextEditorDecorationType: () => new Disposable(() => undefined),
  createQuickPick: () => (screen.box = new FakeBox()),
  createTreeView: () => (screen.view = new FakeView()),
  withProgress: async (_options: unknown, task: () => Promise<void>) => task(),
  showInformationMessage: async (text: string) => void screen.said.push(text),
  showWarningMessage: async (text: string) => void screen.said.push(text),
  showQuickPick: async (items: unknown) => void (screen.ran = [["pick", await items]]),
  showTextDocument: async (
    what: Uri | FakeDocument,
    { preview = true, preserveFocus = false }: { preview?: boolean; preserveFocus?: boolean },
  ) => {
    const file = (what instanceof Uri ? what : what.uri).toString();
    if (screen.refused > 0) {
      screen.refused -= 1;
      throw new Error("another editor opened in the meantime");
    }
    openTab(file, undefined, preview && screen.enablePreview);
    if (!preserveFocus) {
      screen.focused.push(file);
    }
    return window.activeTextEditor;
  },
  tabGroups: {
    get activeTabGroup() {
      return { viewColumn: 1, tabs: [...screen.tabs], activeTab: screen.tabs.find(({ isActive }) => isActive) };
    },
    get all() {
      return [this.activeTabGroup];
    },
    close: async (gone: FakeTab[], preserveFocus = false) => {
      screen.tabs = screen.tabs.filter((tab) => !gone.includes(tab));
      if (!preserveFocus) {
        screen.focused.push("the next tab");
      }
      if (!screen.tabs.some(({ isActive }) => isActive)) {
        activate(screen.tabs.at(-1));
      }
    },
  },
};

export const commands = {
  registerCommand: (name: string, act: (...args: unknown[]) => unknown) => {
    screen.registered.set(name, act);
    return new Disposable(() => screen.registered.delete(name));
  },
  executeCommand: async (name: string, ...args: unknown[]) => {
    screen.ran.push([name, ...args]);
    if (name === "workbench.action.openEditorAtIndex") {
      activate(screen.tabs[args[0] as number]);
    }
    return screen.registered.get(name)?.(...args);
  },
};

export const env = { clipboard: { writeText: async (text: string) => void (screen.copied = text) } };
