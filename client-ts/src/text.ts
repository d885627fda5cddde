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
      while (end < at + word.length && lower[end] === word[end - at] && !beginsPart(text, end)) {
        end += 1;
      }
      found.push([at, end]);
    }
  }
  return merged(found);
}

/** Whether a part of a name begins here with a capital: "workers" ends before the S of WorkerStatus. */
function beginsPart(text: string, at: number): boolean {
  return /^\p{Ll}\p{Lu}/u.test(text.slice(at - 1, at + 1));
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

/**
 * Which line of the snippet defines the symbol, from 0; -1 when none does. Comments and texts that
 * merely name it, as before a definition, do not count.
 */
export function definitionIn(hit: SearchHit): number {
  const aside = hit.kind === "section" ? /^\s*<!--/ : ASIDE;
  return hit.snippet
    .split("\n")
    .findIndex((line) => nameIn(line, hit.symbol) !== -1 && !aside.test(line));
}

/** Where in the line the symbol's own name begins, without those around it; -1 when it is not there. */
export function nameIn(line: string, symbol: string): number {
  const name = symbol.slice(Math.max(symbol.lastIndexOf("."), symbol.lastIndexOf(":")) + 1);
  return name === ""
    ? -1
    : line.search(new RegExp(`(?<![\\p{L}\\p{N}_])${escaped(name)}(?![\\p{L}\\p{N}_])`, "u"));
}

/** How lines begin that only talk: comments, texts, decorators. */
const ASIDE = /^\s*(?:#|\/\/|\/?\*|--|"""|'''|@)/;

/** The line to go to, from 1: that of the definition where the snippet shows it. */
export function lineOf(hit: SearchHit): number {
  return hit.startLine + Math.max(definitionIn(hit), 0);
}

/** The place to go to, line and character from 0: the symbol's own name, else where the line's text begins. */
export function placeOf(hit: SearchHit): [number, number] {
  const at = Math.max(definitionIn(hit), 0);
  const line = hit.snippet.split("\n")[at] ?? "";
  const name = nameIn(line, hit.symbol);
  const before = at === 0 ? hit.range.start.character : 0; // the snippet begins where the range does
  return [hit.startLine - 1 + at, before + (name === -1 ? line.search(/\S|$/) : name)];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/**
 * The line of the code that tells most: the definition, unless another line has two of the words
 * more; the earlier among equals.
 */
export function bestLine(hit: SearchHit, words: readonly string[]): string {
  const definition = definitionIn(hit);
  const lines = hit.snippet.split("\n");
  let best = -1;
  let most = -1;
  lines.forEach((line, index) => {
    const text = line.trim();
    // A line without a letter or digit (a brace, a quote) tells nothing; a decorator tells little.
    if (!/[\p{L}\p{N}]/u.test(text)) {
      return;
    }
    const bonus = index === definition ? 2 : text.startsWith("@") ? 0 : 1;
    const worth = marks(text, words).length + bonus;
    if (worth > most) {
      most = worth;
      best = index;
    }
  });
  return best === -1 ? "" : whole(lines.slice(best));
}

/** The first of the lines, with those after it as long as it only opens a bracket. */
function whole([first = "", ...rest]: readonly string[]): string {
  let text = first.trim();
  for (const line of rest) {
    if (!/[(,]$/.test(text) || text.length >= WIDTH) {
      break;
    }
    text += (text.endsWith(",") ? " " : "") + line.trim();
  }
  return text;
}

/** A line cut short, so that what follows it can be seen. */
function clipped(line: string, most: number): string {
  return line.length > most ? `${line.slice(0, most - 1).trimEnd()}…` : line;
}

/** How many letters fit into a row of the box. */
const WIDTH = 76;

export interface RowText {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
}

/** One answer as a row: symbol, place, the best line, and why it is there. */
export function rowOf(hit: SearchHit, words: readonly string[]): RowText {
  const why = hit.via.join(" · ");
  const line = clipped(bestLine(hit, words), WIDTH - why.length);
  return {
    label: `$(${iconOf(hit.kind)}) ${inert(nameOf(hit))}`,
    description: `${inert(hit.path)}:${lineOf(hit)}`,
    detail: [inert(line), why].filter((part) => part !== "").join("  —  "),
  };
}

/** One answer as plain text. */
export function plain(hit: SearchHit): string {
  const name = hit.symbol === "" ? "" : `  ${hit.symbol}`;
  return `${hit.path}:${hit.startLine}-${hit.endLine}${name}`;
}
