import assert from "node:assert/strict";
import { test } from "node:test";
import { filtersOf, parse, withoutFilters } from "../src/query";

const NOTHING = { paths: [], languages: [], kinds: [] };

test("a question without filters is itself", () => {
  assert.deepEqual(parse("  where do we  retry? "), { text: "where do we retry?", ...NOTHING });
});

test("filters stand anywhere, and in quotes", () => {
  assert.deepEqual(parse('path:src/** retry lang:go uploads path:"my dir/**"'), {
    text: "retry uploads",
    paths: ["src/**", "my dir/**"],
    languages: ["go"],
    kinds: [],
  });
});

test("paths can be left out, and tests by one word", () => {
  assert.deepEqual(parse("a -path:vendor/** b").paths, ["!vendor/**"]);
  const { paths, text } = parse("retry -test");
  assert.equal(text, "retry");
  assert.ok(paths.includes("!tests") && paths.every((glob) => glob.startsWith("!")));
  assert.deepEqual(parse("retry -tests"), parse("retry -test"));
});

test("languages have short names", () => {
  assert.deepEqual(parse("x lang:py").languages, ["python"]);
  assert.deepEqual(parse("x lang:TS").languages, ["typescript", "tsx"]);
  assert.deepEqual(parse("x lang:zig").languages, ["zig"]);
});

test("a kind is known by its beginning; another one is said to be none", () => {
  assert.deepEqual(parse("x kind:func").kinds, ["function"]);
  assert.equal(parse("x kind:func").problem, undefined);
  assert.match(parse("x kind:verb").problem ?? "", /no kind verb/);
});

test("a filter that is still being typed counts for nothing", () => {
  assert.deepEqual(parse("retry path:"), { text: "retry", ...NOTHING });
  assert.deepEqual(parse('retry path:"'), { text: "retry", ...NOTHING });
});

test("what only looks like a filter is part of the question", () => {
  assert.equal(parse("why mypath:src -testing").text, "why mypath:src -testing");
});

test("a line is its words and its filters", () => {
  const line = "-test where path:src/** is it";
  assert.equal(withoutFilters(line), "where is it");
  assert.equal(filtersOf(line), "-test path:src/**");
});
