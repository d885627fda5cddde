// The results view: answers that stay, by file. It survives a reload of the window.

import * as vscode from "vscode";
import type { Client } from "../client";
import { ask } from "../commands/ask";
import { open, uriOf } from "../commands/open";
import { COMMANDS, CONTEXT, VIEW } from "../ids";
import type { SearchHit } from "../protocol";
import { withoutFilters } from "../query";
import { search, searchLike } from "../search";
import { baseName, bestLine, folderName, iconOf, lineOf, marks, nameOf, placeOf, plain, wordsOf } from "../text";
import { asText, byFile, headline, NONE, restored, without, type FileGroup, type Results } from "./model";

const STORED = "wherein.results";
const MANY = 10; // more files than this are opened only after a question
const SETTLE_MS = 2_000; // a view that the window brings back is not one that a person opened

type Node = FileGroup | SearchHit;

function isGroup(node: Node): node is FileGroup {
  return "hits" in node;
}

export class ResultsView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly view: vscode.TreeView<Node>;
  private readonly disposables: vscode.Disposable[];
  private results: Results;
  private groups: FileGroup[] = [];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly client: Client,
    private readonly memory: vscode.Memento,
  ) {
    this.results = restored(memory.get(STORED));
    this.view = vscode.window.createTreeView<Node>(VIEW, {
      treeDataProvider: this,
      showCollapseAll: true,
      canSelectMany: true,
    });
    const began = Date.now();
    const on = vscode.commands.registerCommand;
    this.disposables = [
      this.changed,
      this.view,
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible && this.results.question === "" && Date.now() - began > SETTLE_MS) {
          ask(client, this, memory);
        }
      }),
      on(COMMANDS.refreshResults, () => this.refresh()),
      on(COMMANDS.clearResults, () => this.set(NONE)),
      on(COMMANDS.openAllResults, () => this.openAll()),
      on(COMMANDS.copyResults, () => vscode.env.clipboard.writeText(asText(this.results))),
      on(COMMANDS.copyResult, (node?: Node, all?: Node[]) => this.copy(this.meant(node, all))),
      on(COMMANDS.dismissResult, (node?: Node, all?: Node[]) =>
        this.set(without(this.results, this.meant(node, all))),
      ),
    ];
    this.draw();
  }

  /** Show these answers and bring the view to the front. */
  show(results: Results): void {
    this.set(results);
    const [first] = this.groups;
    if (first !== undefined) {
      void this.view.reveal(first, { select: false, focus: false, expand: true });
    }
  }

  getChildren(node?: Node): Node[] {
    return node === undefined ? this.groups : isGroup(node) ? [...node.hits] : [];
  }

  getParent(node: Node): Node | undefined {
    return isGroup(node) ? undefined : this.groups.find((group) => group.hits.includes(node));
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return isGroup(node) ? fileItem(node) : this.hitItem(node);
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  private hitItem(hit: SearchHit): vscode.TreeItem {
    const words = wordsOf(withoutFilters(this.results.question));
    const label = nameOf(hit);
    const item = new vscode.TreeItem({ label, highlights: marks(label, words) });
    // What is longer than the view is wide is cut at its end: the code, not the place.
    item.description = `:${lineOf(hit)}  ${bestLine(hit, words)}`.trim();
    item.iconPath = new vscode.ThemeIcon(iconOf(hit.kind));
    item.contextValue = "hit";
    item.tooltip = new vscode.MarkdownString()
      .appendText(`${plain(hit)}   ${hit.via.join(" · ")}`)
      .appendCodeblock(hit.snippet, hit.language);
    // The editor's own command: it alone is told of a double click, and of a click that leaves the
    // keys here, so that Delete after it is for the view and not for the file.
    const place = placeOf(hit);
    const options = { selection: new vscode.Range(...place, ...place) };
    item.command = { command: "vscode.open", title: "Open", arguments: [uriOf(hit), options] };
    item.accessibilityInformation = { label: `${label}, line ${lineOf(hit)}, ${bestLine(hit, words)}` };
    return item;
  }

  private async refresh(): Promise<void> {
    const { question, like } = this.results;
    if (question === "") {
      return; // there is no question to ask again
    }
    await vscode.window.withProgress({ location: { viewId: VIEW } }, async () => {
      try {
        const { results: hits, notes } =
          like === undefined ? await search(this.client, question) : await searchLike(this.client, like);
        const [note] = notes;
        this.set({
          question,
          hits,
          ...(like === undefined ? {} : { like }),
          ...(note === undefined ? {} : { note }),
        });
      } catch (error) {
        this.view.message = error instanceof Error ? error.message : String(error);
      }
    });
  }

  private async openAll(): Promise<void> {
    const count = this.groups.length;
    if (count > MANY) {
      const yes = `Open ${count} Files`;
      const picked = await vscode.window.showWarningMessage(
        `The answers are in ${count} files.`,
        { modal: true },
        yes,
      );
      if (picked !== yes) {
        return;
      }
    }
    for (const group of this.groups) {
      const [hit] = group.hits;
      if (hit !== undefined) {
        await open(hit, "one of many");
      }
    }
  }

  /** What a command is about: the nodes it was given, or, by a key, those that are selected. */
  private meant(node?: Node, all?: readonly Node[]): SearchHit[] {
    const nodes = all ?? (node === undefined ? this.view.selection : [node]);
    return [...new Set(nodes.flatMap((one) => (isGroup(one) ? one.hits : [one])))];
  }

  private async copy(hits: readonly SearchHit[]): Promise<void> {
    if (hits.length > 0) {
      await vscode.env.clipboard.writeText(hits.map(plain).join("\n"));
    }
  }

  private set(results: Results): void {
    this.results = results;
    void this.memory.update(STORED, results.question === "" ? undefined : results);
    this.draw();
  }

  private draw(): void {
    const { question, hits } = this.results;
    this.groups = byFile(hits);
    this.view.message = headline(this.results);
    this.changed.fire();
    void vscode.commands.executeCommand("setContext", CONTEXT.hasResults, question !== "");
  }
}

function fileItem(group: FileGroup): vscode.TreeItem {
  const item = new vscode.TreeItem(baseName(group.path), vscode.TreeItemCollapsibleState.Expanded);
  item.description = folderName(group.path);
  item.resourceUri = vscode.Uri.parse(group.uri, true);
  item.iconPath = vscode.ThemeIcon.File;
  item.contextValue = "file";
  item.tooltip = group.path;
  return item;
}
