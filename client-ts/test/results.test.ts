// The results view: what its commands are about, and what it shows when asked again.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type * as vscode from "vscode";
import type { Client } from "../src/client";
import { COMMANDS } from "../src/ids";
import * as protocol from "../src/protocol";
import { ResultsView } from "../src/views/results";
import { reset, screen } from "./editor";
import { HIT } from "./hit";

const A = { ...HIT, uri: "file:///p/a.py", path: "a.py", symbol: "First" };
const B = { ...HIT, uri: "file:///p/b.py", path: "b.py", symbol: "Second" };
const LIKE = { uri: A.uri, range: A.range };

let answer: Partial<protocol.SearchResult> = {};
let asked: [method: string, params: Record<string, unknown>][] = [];
let stored: unknown;
let view: ResultsView;

const client = {
  onDidChange: () => ({ dispose: () => undefined }),
  request: async ({ method }: protocol.Request<unknown, unknown>, params: Record<string, unknown>) => {
    asked.push([method, params]);
    return { results: [], notes: [], ...answer };
  },
} as unknown as Client;
const memory = {
  get: (_: string, fallback: unknown) => stored ?? fallback,
  update: async (_: string, value: unknown) => void (stored = value),
} as unknown as vscode.Memento;

beforeEach(() => {
  reset();
  asked = [];
  answer = {};
  stored = undefined;
  view = new ResultsView(client, memory);
  view.show({ question: "retry", hits: [A, B] });
});

async function run(command: string, ...args: unknown[]): Promise<void> {
  await screen.registered.get(command)?.(...args);
}

function left(): string[] {
  return view.getChildren().flatMap((node) => ("hits" in node ? node.hits.map(({ symbol }) => symbol) : []));
}

test("by a key, a command is about what is selected; with nothing selected it does nothing", async () => {
  await run(COMMANDS.copyResult);
  await run(COMMANDS.dismissResult);
  assert.deepEqual([screen.copied, left()], ["", ["First", "Second"]]);
  screen.view!.selection = [A];
  await run(COMMANDS.copyResult);
  assert.equal(screen.copied, "a.py:88-131  First");
  await run(COMMANDS.dismissResult);
  assert.deepEqual(left(), ["Second"]);
});

test("from the menu it is about the node, or about all that are selected, each answer once", async () => {
  const [file] = view.getChildren();
  await run(COMMANDS.copyResult, B);
  assert.equal(screen.copied, "b.py:88-131  Second");
  await run(COMMANDS.copyResult, file, [file, A, B]);
  assert.equal(screen.copied, "a.py:88-131  First\nb.py:88-131  Second");
  await run(COMMANDS.dismissResult, A, [A, B]);
  assert.deepEqual(left(), []);
  assert.equal(screen.view?.message, "");
});

test("a question that begins with like is a question", async () => {
  view.show({ question: "like a retry", hits: [A] });
  answer = { results: [B] };
  await run(COMMANDS.refreshResults);
  assert.deepEqual(asked.map(([method, { query }]) => [method, query]), [["wherein/search", "like a retry"]]);
  assert.deepEqual(left(), ["Second"]);
});

test("similar code is asked for again at its place, after a reload too", async () => {
  view.show({ question: "like a.py:88", hits: [A], like: LIKE });
  stored = JSON.parse(JSON.stringify(stored));
  view = new ResultsView(client, memory);
  answer = { results: [B] };
  await run(COMMANDS.refreshResults);
  assert.deepEqual(asked.map(([method, { uri }]) => [method, uri]), [["wherein/similar", A.uri]]);
  assert.deepEqual(left(), ["Second"]);
});

test("an empty answer says why, and the question stays to be asked again", async () => {
  answer = { notes: ["Nothing under docs/**"] };
  await run(COMMANDS.refreshResults);
  assert.equal(screen.view?.message, "“retry”: Nothing under docs/**");
  view = new ResultsView(client, memory);
  assert.equal(screen.view?.message, "“retry”: Nothing under docs/**");
  answer = { results: [A], notes: ["By words alone"] };
  await run(COMMANDS.refreshResults);
  assert.equal(screen.view?.message, "“retry”: 1 answer in 1 file. By words alone");
});

test("a filter that cannot be meant is said when asked again, and nothing is asked", async () => {
  view.show({ question: "retry kind:verb", hits: [A] });
  await run(COMMANDS.refreshResults);
  assert.match(screen.view?.message ?? "", /There is no kind verb/);
  assert.deepEqual([asked, left()], [[], ["First"]]);
});

test("all files open at their answers, without taking the focus", async () => {
  await run(COMMANDS.openAllResults);
  assert.deepEqual(screen.tabs.map(({ label, isPreview }) => [label, isPreview]), [[A.uri, false], [B.uri, false]]);
  assert.deepEqual([screen.scrolled.get(A.uri), screen.scrolled.get(B.uri)], [87, 87]);
  assert.deepEqual(screen.focused, []);
});

test("a row names its symbol and line first: what does not fit is cut at the end", () => {
  const { label, description } = view.getTreeItem(A) as { label: unknown; description?: unknown };
  assert.deepEqual([label, description], [{ label: "First", highlights: [] }, ":88  def retry(self, attempt):"]);
});

test("a row opens by the editor's own command, at the name", () => {
  const { command } = view.getTreeItem({ ...A, symbol: HIT.symbol }) as { command?: vscode.Command };
  assert.equal(command?.command, "vscode.open", "which alone is told of a click that leaves the keys in the view");
  const [uri, { selection }] = command?.arguments as [vscode.Uri, { selection: vscode.Range }];
  assert.deepEqual([uri.toString(), selection.start.line, selection.start.character], [A.uri, 88, 8]);
});

test("the icon shows the answers that are kept; without any it asks", (context) => {
  context.mock.method(Date, "now", () => new Date().getTime() + 10_000);
  screen.box = undefined;
  screen.view?.visible.fire({ visible: true });
  assert.equal(screen.box, undefined);
  view.show({ question: "", hits: [] });
  screen.view?.visible.fire({ visible: true });
  assert.ok(screen.box);
});
