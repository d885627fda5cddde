// How an answer reads: in a row of the box, in the results view, on the clipboard. Pure.

import type { SearchHit } from "./protocol";

const ICONS: Readonly<Record<string, string>> = {
  function: "symbol-function",
  method: "symbol-method",
  class: "symbol-class",
  interface: "symbol-interface",
  struct: "symbol-struct",
  enum: "symbol-enum",
  type: "symbol-type-parameter",
  module: "symbol-module",
  constant: "symbol-constant",
  macro: "symbol-snippet",
  section: "symbol-string",
  cell: "notebook",
};

/** The name of the icon for a kind of code. */
export function iconOf(kind: string): string {
  return ICONS[kind] ?? "symbol-file";
}

/** Make text from files inert: the editor reads `$(name)` in labels as an icon. */
export function inert(text: string): string {
  return text.replace(/\$\(/g, "\\$(");
}

/** What an answer is called: its symbol, else its file's name. */
export function nameOf(hit: SearchHit): string {
  return hit.symbol === "" ? baseName(hit.path) : hit.symbol;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function folderName(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** The words of a question that are worth marking: lower case, no filler. */
export function wordsOf(question: string): string[] {
  const words = question.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
  return [...new Set(words.filter((word) => !FILLER.has(word)))];
}

const FILLER = new Set(
  "the and for are was were that this with from where when what which how does who why into not can has have get".split(
    " ",
  ),
);

/** Where the words begin in a text, compared by their first five letters so that endings differ. */
export function marks(text: string, words: readonly string[]): [number, number][] {
  const found: [number, number][] = [];
  const lower = text.toLowerCase();
  for (const word of words) {
    const stem = word.slice(0, 5);
    for (let at = lower.indexOf(stem); at !== -1; at = lower.indexOf(stem, at + 1)) {
      let end = at + stem.length;
      while (end < at + word.length && lower[end] === word[end - at]) {
        end += 1;
      }
      found.push([at, end]);
    }
  }
  return merged(found);
}

function merged(spans: [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [start, end] of spans.sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && start <= last[1]) {
      last[1] = Math.max(last[1], end);
    } else {
      result.push([start, end]);
    }
  }
  return result;
}

/** The line of the code that tells most: the one with most of the words, the earlier among equals. */
export function bestLine(snippet: string, words: readonly string[]): string {
  let best = "";
  let most = -1;
  for (const line of snippet.split("\n")) {
    const text = line.trim();
    const count = marks(text, words).length;
    // A line without a letter or digit (a brace, a quote) tells nothing; a decorator tells little.
    const worth = /[\p{L}\p{N}]/u.test(text) ? (text.startsWith("@") ? count : count + 1) : -1;
    if (worth > most) {
      most = worth;
      best = text;
    }
  }
  return best;
}

export interface RowText {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
}

/** One answer as a row: symbol, place, the best line, and why it is there. */
export function rowOf(hit: SearchHit, words: readonly string[]): RowText {
  const why = hit.via.join(" · ");
  const line = bestLine(hit.snippet, words);
  return {
    label: `$(${iconOf(hit.kind)}) ${inert(nameOf(hit))}`,
    description: `${inert(hit.path)}:${hit.startLine}`,
    detail: [inert(line), why].filter((part) => part !== "").join("   —   "),
  };
}

/** One answer as plain text. */
export function plain(hit: SearchHit): string {
  const name = hit.symbol === "" ? "" : `  ${hit.symbol}`;
  return `${hit.path}:${hit.startLine}-${hit.endLine}${name}`;
}
