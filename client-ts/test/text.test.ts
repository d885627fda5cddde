import assert from "node:assert/strict";
import { test } from "node:test";
import type { SearchHit } from "../src/protocol";
import { bestLine, inert, lineOf, marks, nameOf, placeOf, plain, rowOf, wordsOf } from "../src/text";
import { HIT } from "./hit";

test("a row has symbol, place, the best line, and why", () => {
  assert.deepEqual(rowOf(HIT, ["retry"]), {
    label: "$(symbol-method) Uploader.retry",
    description: "src/net/upload.py:89",
    detail: "def retry(self, attempt):  —  name · words",
  });
});

test("text from files never becomes an icon", () => {
  const row = rowOf({ ...HIT, symbol: "$(bug)", path: "$(x)/y", snippet: "a = $(shell ls)" }, []);
  assert.equal(row.label, "$(symbol-method) \\$(bug)");
  assert.equal(row.description, "\\$(x)/y:88");
  assert.match(row.detail, /^a = \\\$\(shell ls\)/);
  assert.equal(inert("$(a)$(b)"), "\\$(a)\\$(b)");
});

test("without a symbol the file is the name", () => {
  assert.equal(nameOf({ ...HIT, symbol: "" }), "upload.py");
  assert.equal(nameOf({ ...HIT, symbol: "", path: "README" }), "README");
});

function code(snippet: string, symbol = ""): SearchHit {
  return { ...HIT, symbol, snippet };
}

test("the best line has most of the words, and is never a brace or a decorator alone", () => {
  assert.equal(bestLine(code("{\n  open();\n  retry(upload);\n}"), ["retry", "upload"]), "retry(upload);");
  assert.equal(bestLine(code("@app.route\ndef index():"), []), "def index():");
  assert.equal(bestLine(code("}\n"), []), "");
  assert.equal(bestLine(code("def f(\n    a,\n    b):\n  pass", "f"), []), "def f(a, b):");
});

test("the definition stands unless another line has two words more", () => {
  const fetching = code("@cached\ndef fetch(a):\n    retry(a)\n    retry(upload, part)", "Net.fetch");
  assert.equal(bestLine(fetching, ["retry"]), "def fetch(a):");
  assert.equal(bestLine(fetching, ["retry", "upload"]), "retry(upload, part)");
});

test("the line to go to is the definition's, not that of what stands above it", () => {
  assert.equal(lineOf(code('"""Fetch and fetch."""\n\n# fetch it\n@fetch\ndef fetch(a):', "fetch")), 92);
  assert.equal(lineOf(code("// retry\nint retry() {", "Net::retry")), 89);
  assert.equal(lineOf({ ...code("text\n## Retry", "Guide.Retry"), kind: "section" }), 89);
  assert.equal(lineOf(code("retrying = 1", "retry")), 88);
  assert.equal(lineOf(code("a(b)", "$.x(*")), 88);
  assert.deepEqual(placeOf(code("// retry\nint retry() {", "Net::retry")), [88, 4]);
  assert.deepEqual(placeOf(code("  a = 1", "")), [87, 2], "no name: where the text of the line begins");
  const inside = { start: { line: 87, character: 6 }, end: { line: 87, character: 20 } };
  assert.deepEqual(placeOf({ ...code("fetch(a) {}", "fetch"), range: inside }), [87, 6]);
});

test("a long line is cut so that the reason can be seen", () => {
  const { detail } = rowOf({ ...HIT, symbol: "", snippet: "x".repeat(200) }, []);
  assert.ok(detail.length < 95 && detail.endsWith("…  —  name · words"), detail);
});

test("words are what is worth marking", () => {
  assert.deepEqual(wordsOf("Where do we retry the failed uploads? Retry!"), ["retry", "failed", "uploads"]);
});

test("marks cover words and their other endings, and never overlap", () => {
  assert.deepEqual(marks("def retry_uploaded(): retry", ["retry", "uploads"]), [
    [4, 9],
    [10, 16],
    [22, 27],
  ]);
  assert.deepEqual(marks("retrying", ["retry", "retrying"]), [[0, 8]]);
});

test("a mark ends where the next word of a name begins", () => {
  assert.deepEqual(marks("WorkerStatus", ["workers"]), [[0, 6]]);
  assert.deepEqual(marks("WORKERS workers", ["workers"]), [
    [0, 7],
    [8, 15],
  ]);
});

test("an answer as plain text names place and symbol", () => {
  assert.equal(plain(HIT), "src/net/upload.py:88-131  Uploader.retry");
  assert.equal(plain({ ...HIT, symbol: "" }), "src/net/upload.py:88-131");
});
