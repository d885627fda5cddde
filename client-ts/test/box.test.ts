// The box: when it asks, what Enter opens, what it remembers, and what it leaves behind.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type * as vscode from "vscode";
import type { Client } from "../src/client";
import { ask } from "../src/commands/ask";
import { openActiveToSide } from "../src/commands/box";
import { findSimilar } from "../src/commands/similar";
import type { SearchHit, SearchResult } from "../src/protocol";
import type { ResultsView } from "../src/views/results";
import type { Results } from "../src/views/model";
import { editorOf, openTab, Position, reset, screen, Selection, window, type FakeBox } from "./editor";
import { HIT } from "./hit";

interface Asked {
  readonly params: Record<string, unknown>;
  readonly token: { readonly isCancellationRequested: boolean };
  reply(symbols: readonly string[], more?: Partial<SearchResult>): void;
}

const DONE = { files: 1, chunks: 9, vectors: 9, made: 0 };
const GROWING = { ...DONE, vectors: 3 };
let asked: Asked[] = [];
let kept: Results[] = [];
let memory = new Map<string, unknown>();

beforeEach(() => {
  reset();
  asked = [];
  kept = [];
  memory = new Map();
});

function hits(symbols: readonly string[]): SearchHit[] {
  return symbols.map((symbol) => ({ ...HIT, symbol, uri: `file:///p/${symbol}.py` }));
}

const client = {
  life: "running",
  onDidChange: () => ({ dispose: () => undefined }),
  request: (_: unknown, params: Record<string, unknown>, token: Asked["token"]) =>
    new Promise((resolve) => {
      const reply: Asked["reply"] = (symbols, more) =>
        resolve({ results: hits(symbols), coverage: DONE, notes: [], ...more });
      asked.push({ params, token, reply });
    }),
} as unknown as Client;
const results = { show: (shown: Results) => kept.push(shown) } as unknown as ResultsView;
const memento = {
  get: (name: string, fallback: unknown) => memory.get(name) ?? fallback,
  update: async (name: string, value: unknown) => void memory.set(name, value),
} as unknown as vscode.Memento;

function opened(question = ""): FakeBox {
  ask(client, results, memento, question);
  assert.ok(screen.box);
  return screen.box;
}

async function soon(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Wait until as many questions have reached the server. */
async function reached(count: number): Promise<Asked> {
  for (let round = 0; round < 400 && asked.length < count; round += 1) {
    await soon();
  }
  const last = asked[count - 1];
  assert.ok(last, `${asked.length} questions, not ${count}`);
  return last;
}

function names(): string[] {
  return screen.tabs.map(({ label }) => label.replace(/.*\//, ""));
}

/** Wait longer than the preview waits for another key. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}

test("only the last of what is typed at once is asked, and it cancels what is under way", async () => {
  const box = opened();
  ["r", "re", "retry"].forEach((line) => box.type(line));
  const first = await reached(1);
  assert.equal(first.params["query"], "retry");
  box.type("retry it");
  assert.equal(first.token.isCancellationRequested, true);
  const second = await reached(2);
  second.reply(["new"]);
  await soon();
  first.reply(["old"]);
  await soon();
  assert.deepEqual(box.labels, ["$(symbol-method) new"]);
});

test("it asks again while the index grows, and no more once the person looks", { timeout: 20_000 }, async () => {
  const box = opened("retry");
  (await reached(1)).reply(["a", "b"], { coverage: GROWING });
  (await reached(2)).reply(["b", "a"], { coverage: GROWING });
  await soon();
  assert.deepEqual(box.labels, ["$(symbol-method) b", "$(symbol-method) a"]);
  box.move(1);
  (await reached(3)).reply(["c"], { coverage: GROWING });
  await soon();
  assert.deepEqual(box.labels, ["$(symbol-method) b", "$(symbol-method) a"]);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  assert.equal(asked.length, 3);
  box.hide();
});

test("Enter right after a key waits for the answer, and that question is remembered", async () => {
  const box = opened("retry");
  (await reached(1)).reply(["old"]);
  await soon();
  box.type("retry upload");
  box.accepted.fire();
  await soon();
  assert.deepEqual(names(), [], "the old answer is not opened");
  (await reached(2)).reply(["new"]);
  await soon();
  assert.deepEqual(names(), ["new.py"]);
  assert.deepEqual(memory.get("wherein.history"), ["retry upload"]);
});

test("a row that was chosen opens although others are on their way; its own question is remembered", async () => {
  const box = opened("retry");
  (await reached(1)).reply(["a", "b"]);
  await soon();
  box.type("retry upload");
  box.move(1);
  box.accepted.fire();
  await soon();
  assert.deepEqual(names(), ["b.py"]);
  assert.deepEqual(memory.get("wherein.history"), ["retry"]);
});

test("a question is remembered when its answer opens to the side, by key or by button", async () => {
  opened("by key");
  (await reached(1)).reply(["a"]);
  await soon();
  openActiveToSide();
  const box = opened("by button");
  (await reached(2)).reply(["a"]);
  await soon();
  box.itemButton.fire({ item: box.items[0], button: {} });
  assert.deepEqual(memory.get("wherein.history"), ["by button", "by key"]);
});

test("an answer that the editor refused once is opened, and one it refuses again is spoken of", async () => {
  for (const [refused, tabs, said] of [
    [1, ["a.py"], []],
    [2, [], [`${HIT.path} cannot be opened. It may be gone since it was indexed`]],
  ] as const) {
    reset();
    asked = [];
    opened("again");
    (await reached(1)).reply(["a"]);
    await soon();
    screen.refused = refused;
    openActiveToSide();
    await soon();
    assert.deepEqual(names(), tabs);
    assert.deepEqual(screen.said, said);
  }
});

test("filters alone say that a question is to follow, and keep what was asked before", async () => {
  memory.set("wherein.history", ["where is $(bug)"]);
  const box = opened("-test ");
  assert.deepEqual(box.labels, [
    "$(info) Now ask: the answers are narrowed by -test",
    "asked before",
    "$(history) where is \\$(bug)",
  ]);
  box.move(2);
  box.accepted.fire();
  assert.equal(box.value, "-test where is $(bug)");
  box.type("kind:verb");
  assert.match(box.labels[0] ?? "", /There is no kind verb/);
  box.type("path:");
  assert.equal(box.labels[0], "$(info) Go on with the filter, then ask");
  box.hide();
});

test("what a filter cannot mean is said, and nothing is asked", async () => {
  const box = opened("retry kind:verb");
  await settled();
  assert.match(box.labels[0] ?? "", /There is no kind verb/);
  assert.equal(asked.length, 0);
});

test("what goes wrong is shown as text, never as an icon", async () => {
  const box = opened("retry");
  (await reached(1)).reply([], { notes: ["Nothing under $(bug)/**"] });
  await soon();
  assert.equal(box.labels[0], "$(info) Nothing under \\$(bug)/**");
});

test("answers are kept with their question and what there is to know of them", async () => {
  const box = opened("retry");
  (await reached(1)).reply(["a"], { notes: ["By words alone"] });
  await soon();
  box.type("retry more");
  box.button.fire({});
  assert.deepEqual(kept, [{ question: "retry", hits: hits(["a"]), note: "By words alone" }]);
});

async function previewed(...rows: number[]): Promise<FakeBox> {
  const box = opened("retry");
  (await reached(asked.length + 1)).reply(["a", "b", "c"]);
  await soon();
  for (const row of rows) {
    box.move(row);
    await settled();
  }
  return box;
}

test("a preview leaves no tab behind, where the editor keeps every file open too", async () => {
  for (const enablePreview of [true, false]) {
    reset();
    screen.enablePreview = enablePreview;
    openTab("file:///p/mine.py");
    screen.scrolled.set("file:///p/mine.py", 77);
    const box = await previewed(1, 2);
    assert.deepEqual(names(), ["mine.py", "c.py"], "one at a time");
    box.hide();
    await soon();
    assert.deepEqual(names(), ["mine.py"]);
    assert.equal(screen.scrolled.get("file:///p/mine.py"), 77);
  }
});

test("a tab for a look that was there is there afterwards, in front or not", async () => {
  openTab("file:///p/look.py", undefined, true);
  openTab("file:///p/mine.py");
  (await previewed(1, 2)).hide();
  await soon();
  assert.deepEqual(
    screen.tabs.map(({ isPreview, isActive }) => [isPreview, isActive]),
    [
      [true, false],
      [false, true],
    ],
  );
  assert.deepEqual(names(), ["look.py", "mine.py"]);
});

test("what is no plain text stays as it was, and is in front again", async () => {
  openTab("Settings", {});
  openTab("file:///p/other.py");
  openTab("Settings");
  (await previewed(1)).hide();
  await soon();
  assert.deepEqual(names(), ["Settings", "other.py"]);
  assert.equal(screen.tabs[0]?.isActive, true);
});

test("what is no text has the keys again after Esc, but not from another box", async () => {
  for (const another of [false, true]) {
    reset();
    openTab("Settings", {});
    const box = await previewed(1);
    if (another) {
      opened("another");
    }
    box.hide();
    await soon();
    assert.deepEqual(names(), ["Settings"]);
    const focused = screen.ran.some(([command]) => command === "workbench.action.focusActiveEditorGroup");
    assert.deepEqual([focused, screen.focused], [!another, []]);
    screen.box?.hide();
  }
});

test("a file that was open already is scrolled back", async () => {
  openTab("file:///p/b.py");
  screen.scrolled.set("file:///p/b.py", 40);
  openTab("file:///p/mine.py");
  (await previewed(1, 2)).hide();
  await soon();
  assert.deepEqual(names(), ["b.py", "mine.py"]);
  assert.equal(screen.scrolled.get("file:///p/b.py"), 40);
});

test("putting back takes no focus: another box may have it", async () => {
  openTab("file:///p/mine.py");
  const box = await previewed(1);
  opened("another");
  box.hide();
  await soon();
  assert.deepEqual(screen.focused, []);
});

test("what a selection has that is not saved goes with the question for similar code", async () => {
  const editor = editorOf("file:///p/mine.py");
  editor.selection = new Selection(new Position(3, 0), new Position(5, 2));
  editor.document.isDirty = true;
  window.activeTextEditor = editor;
  const done = findSimilar(client, results);
  const { params, reply } = await reached(1);
  const range = { start: { line: 3, character: 0 }, end: { line: 5, character: 2 } };
  assert.deepEqual(
    [params["uri"], JSON.parse(JSON.stringify(params["range"])), params["text"]],
    ["file:///p/mine.py", range, "what is selected"],
  );
  reply(["a"]);
  await done;
  screen.box?.button.fire({});
  const [{ question, like } = {}] = kept;
  assert.equal(question, "like mine.py:4");
  assert.equal(like?.text, "what is selected");

  editor.document.isDirty = false;
  void findSimilar(client, results);
  assert.equal((await reached(2)).params["text"], undefined);
});
