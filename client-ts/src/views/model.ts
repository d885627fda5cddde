// What the results view shows: answers grouped by file, best file first. Pure.

import type { SearchHit } from "../protocol";
import type { Place } from "../search";
import { plain } from "../text";

/** A question and the answers to it that were not dismissed. */
export interface Results {
  readonly question: string;
  readonly hits: readonly SearchHit[];
  /** The place, where code like it was wanted: `question` then only says so. */
  readonly like?: Place;
  /** What there is to know of the answers, or why there are none. */
  readonly note?: string;
}

export interface FileGroup {
  readonly uri: string;
  readonly path: string;
  readonly hits: readonly SearchHit[];
}

export const NONE: Results = { question: "", hits: [] };

/** Group by file: files in the order of their best answer, answers of a file from top to bottom. */
export function byFile(hits: readonly SearchHit[]): FileGroup[] {
  const groups = new Map<string, SearchHit[]>();
  for (const hit of hits) {
    const group = groups.get(hit.uri);
    if (group === undefined) {
      groups.set(hit.uri, [hit]);
    } else {
      group.push(hit);
    }
  }
  return [...groups].map(([uri, found]) => ({
    uri,
    path: found[0]?.path ?? "",
    hits: found.sort((a, b) => a.startLine - b.startLine),
  }));
}

/** Leave out some answers; with the last of them the question goes too. */
export function without(results: Results, gone: readonly SearchHit[]): Results {
  const hits = results.hits.filter((hit) => !gone.includes(hit));
  return hits.length > 0 ? { ...results, hits } : NONE;
}

/** All answers as plain text, one a line below the question. */
export function asText({ question, hits }: Results): string {
  return [question, ...hits.map(plain)].join("\n");
}

/** "12 answers in 5 files", or less. */
export function counted(hits: readonly SearchHit[]): string {
  const files = new Set(hits.map((hit) => hit.uri)).size;
  const answers = hits.length === 1 ? "1 answer" : `${hits.length} answers`;
  return `${answers} in ${files === 1 ? "1 file" : `${files} files`}`;
}

/** What stands above the answers; never an empty list without a reason. */
export function headline({ question, hits, note }: Results): string {
  if (question === "") {
    return "";
  }
  const said = hits.length > 0 ? [counted(hits), note] : [note ?? "Nothing found"];
  return `“${question}”: ${said.filter((part) => part !== undefined).join(". ")}`;
}

/** Read what an earlier window stored; anything that does not look right is dropped. */
export function restored(stored: unknown): Results {
  if (!isRecord(stored) || typeof stored["question"] !== "string" || !Array.isArray(stored["hits"])) {
    return NONE;
  }
  const { question, like, note } = stored;
  return {
    question: String(question),
    hits: stored["hits"].filter(isHit),
    ...(isPlace(like) ? { like } : {}),
    ...(typeof note === "string" ? { note } : {}),
  };
}

function isHit(value: unknown): value is SearchHit {
  return (
    isRecord(value) &&
    ["uri", "path", "symbol", "kind", "snippet"].every((name) => typeof value[name] === "string") &&
    ["startLine", "endLine"].every((name) => typeof value[name] === "number") &&
    Array.isArray(value["via"]) &&
    isRecord(value["range"])
  );
}

function isPlace(value: unknown): value is Place {
  return isRecord(value) && typeof value["uri"] === "string" && isRecord(value["range"]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
