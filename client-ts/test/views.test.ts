import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { forget, KEPT, remember } from "../src/history";
import { lookOf, lookOfLife, nameOfFolder } from "../src/look";
import type { FolderStatus, SearchHit } from "../src/protocol";
import { asText, byFile, counted, headline, NONE, restored, without } from "../src/views/model";

function hit(path: string, startLine: number): SearchHit {
  const start = { line: startLine - 1, character: 0 };
  return {
    uri: `file:///p/${path}`,
    range: { start, end: start },
    path,
    startLine,
    endLine: startLine + 1,
    symbol: "",
    kind: "function",
    language: "python",
    score: 1,
    via: [],
    snippet: "",
  };
}

function folder(state: string, percent: number | null = null): FolderStatus {
  const counts = { files: 1, chunks: 1, vectors: 1, pending: 0 };
  return { folder: "file:///a/my%20app", state, sentence: state, reasons: [], percent, ownerPid: null, ...counts };
}

test("answers are grouped by file: best file first, its answers from top to bottom", () => {
  const groups = byFile([hit("b", 9), hit("a", 1), hit("b", 2)]);
  assert.deepEqual(
    groups.map((group) => [group.path, group.hits.map((found) => found.startLine)]),
    [
      ["b", [2, 9]],
      ["a", [1]],
    ],
  );
});

test("answers are dismissed, counted and copied", () => {
  const [first, second] = [hit("a", 1), hit("b", 2)];
  const results = { question: "q", hits: [first, second] };
  assert.deepEqual(without(results, [first]).hits, [second]);
  assert.deepEqual(without(results, [first, second]), NONE);
  assert.equal(counted(results.hits), "2 answers in 2 files");
  assert.equal(counted([first]), "1 answer in 1 file");
  assert.equal(asText(results), "q\na:1-2\nb:2-3");
});

test("stored results come back; anything else is dropped", () => {
  const like = { uri: "file:///p/a", range: hit("a", 1).range };
  const results = { question: "q", hits: [hit("a", 1)], like, note: "n" };
  assert.deepEqual(restored(JSON.parse(JSON.stringify(results))), results);
  const odd = { question: "q", hits: [1, null, {}, { uri: 1 }], like: { uri: 1 }, note: 1 };
  assert.deepEqual(restored(odd), { question: "q", hits: [] });
  for (const bad of [undefined, null, 3, "x", [], {}, { question: 1, hits: [] }]) {
    assert.deepEqual(restored(bad), NONE);
  }
});

test("above the answers stands the question; never nothing where there are none", () => {
  assert.equal(headline(NONE), "");
  assert.equal(headline({ question: "q", hits: [] }), "“q”: Nothing found");
});

test("the last questions are kept, newest first, each once", () => {
  assert.deepEqual(remember(["a", "b"], " b "), ["b", "a"]);
  assert.deepEqual(remember(["a"], " "), ["a"]);
  assert.deepEqual(forget(["a", "b"], "a"), ["b"]);
  const many = Array.from({ length: 50 }, (_, number) => String(number));
  assert.equal(remember(many, "new").length, KEPT);
});

test("the worst folder gives the look", () => {
  const look = lookOf([folder("ok"), folder("failed"), folder("indexing", 41.9)]);
  assert.equal(look.text, "$(error) wherein !");
  assert.equal(look.alarm, "error");
  assert.equal(look.busy, true);
  assert.match(look.tooltip, /^my app: ok\nmy app: failed/);
});

test("work shows its percentage, rest shows the name alone", () => {
  assert.equal(lookOf([folder("indexing", 41.9)]).text, "$(sync~spin) wherein 41 %");
  assert.equal(lookOf([folder("ok")]).text, "$(search) wherein");
  assert.equal(lookOf([folder("ok")]).busy, false);
  assert.equal(lookOf([]).tooltip, "No folder is open");
});

const LOOKS: Readonly<Record<string, readonly [text: string, alarm: string]>> = {
  root_missing: ["$(warning) wherein (folder gone)", "warning"],
  busy: ["$(lock) wherein (busy)", ""],
  failed: ["$(error) wherein !", "error"],
  rebuilding: ["$(sync~spin) wherein 12 %", ""],
  read_only: ["$(warning) wherein (read only)", "warning"],
  paused: ["$(debug-pause) wherein (paused)", ""],
  lexical_only: ["$(search) wherein (words)", "warning"],
  indexing: ["$(sync~spin) wherein 12 %", ""],
  on_battery: ["$(search) wherein (on battery)", ""],
  watch_polling: ["$(search) wherein", ""],
  ok: ["$(search) wherein", ""],
};
const WORKING = ["rebuilding", "indexing"];

test("each state reads as it was designed, and the worse one wins", () => {
  const states = Object.keys(LOOKS);
  states.forEach((state, place) => {
    const one = folder(state, WORKING.includes(state) ? 12 : null);
    const { text, alarm } = lookOf([folder(states[place + 1] ?? state), one]);
    assert.deepEqual([text, alarm], LOOKS[state]);
  });
});

test("the states are those of the server, in its order", () => {
  const source = readFileSync("server/wherein/status.py", "utf8");
  const body = /class FolderState\(.*?\n\n\n/s.exec(source)?.[0] ?? "";
  const states = [...body.matchAll(/^ {4}[A-Z_]+ = "(\w+)"/gm)].map(([, state]) => state);
  assert.deepEqual(states, Object.keys(LOOKS));
});

test("nothing turns without a number beside it, and nothing looks done before it is", () => {
  for (const state of WORKING) {
    assert.equal(lookOf([folder(state)]).text, `$(search) wherein (${state})`);
  }
  assert.equal(lookOfLife("starting").text, "$(search) wherein (starting)");
});

test("a state that is not known is shown by its name", () => {
  assert.equal(lookOf([folder("sleeping")]).text, "$(search) wherein (sleeping)");
});

test("every life has a look, and is busy while it will change by itself", () => {
  assert.deepEqual(
    (["starting", "installing", "missing", "failed", "stopped"] as const).map((life) => lookOfLife(life).busy),
    [true, true, false, false, false],
  );
});

test("a folder's name is the end of its URI", () => {
  assert.equal(nameOfFolder("file:///a/my%20app/"), "my app");
  assert.equal(nameOfFolder("file:///a/100%"), "100%");
});

test("an installation shows how much of it is done", () => {
  assert.equal(lookOfLife("installing", 0.419).text, "$(sync~spin) wherein (installing 41 %)");
});

test("work shows its counts beside the server's sentence", () => {
  const busy = { ...folder("indexing", 41), sentence: "Words 41 %, meaning 3 %, about 6 s left", files: 1204 };
  assert.equal(lookOf([busy]).tooltip, "Words 41 %, meaning 3 %, about 6 s left. 1,204 files, 1 chunks so far");
  assert.equal(lookOf([folder("ok")]).tooltip, "ok");
});
