// What travels between the editor and the server: one constant a request, camelCase on the wire.
// Every request is sent with a params object, empty if need be.

import { RequestType, type Range } from "vscode-languageclient/node";

/** A request that needs no parameters. */
export type NoParams = Record<string, never>;

export type Mode = "hybrid" | "lexical" | "semantic";

/** A question and its filters. `waitFresh` looks at the disk first. */
export interface SearchParams {
  readonly query: string;
  readonly limit?: number;
  readonly paths?: readonly string[];
  readonly languages?: readonly string[];
  readonly kinds?: readonly string[];
  readonly mode?: Mode;
  readonly waitFresh?: boolean;
}

/**
 * A place whose like is wanted: a file by `uri`, or by `path` below a folder. Without `range` all of
 * the file; an empty range stands for the definition around it. `text` is what stands there now,
 * where that is not saved, or all there is.
 */
export interface SimilarParams {
  readonly uri?: string;
  readonly path?: string;
  readonly range?: Range;
  readonly text?: string;
  readonly limit?: number;
  readonly paths?: readonly string[];
  readonly languages?: readonly string[];
  readonly kinds?: readonly string[];
  readonly folder?: string;
  readonly snippetLines?: number;
}

/** One answer. Lines in `startLine` and `endLine` count from 1, those of `range` from 0. */
export interface SearchHit {
  readonly uri: string;
  readonly range: Range;
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly symbol: string;
  readonly kind: string;
  readonly language: string;
  readonly score: number;
  readonly via: readonly string[];
  readonly snippet: string;
}

/** How much of the workspace an answer saw. */
export interface Coverage {
  readonly files: number;
  readonly chunks: number;
  readonly vectors: number;
}

/** The answers, best first; `notes` says in sentences what was degraded or why there are none. */
export interface SearchResult {
  readonly results: readonly SearchHit[];
  readonly coverage: Coverage;
  readonly notes: readonly string[];
}

/** The state of one folder. `percent` of the work at hand, null where there is none. */
export interface FolderStatus {
  readonly folder: string;
  readonly state: string;
  readonly sentence: string;
  readonly reasons: readonly string[];
  readonly files: number;
  readonly chunks: number;
  readonly vectors: number;
  readonly pending: number;
  readonly percent: number | null;
  readonly ownerPid: number | null;
}

export interface StatusResult {
  readonly folders: readonly FolderStatus[];
}

export const search = new RequestType<SearchParams, SearchResult, void>("wherein/search");
export const similar = new RequestType<SimilarParams, SearchResult, void>("wherein/similar");
export const status = new RequestType<NoParams, StatusResult, void>("wherein/status");
// The extension shows these replies to nobody, so it does not say what is in them.
export const workers = new RequestType<NoParams, unknown, void>("wherein/workers");
export const sync = new RequestType<NoParams, unknown, void>("wherein/sync");
export const reindex = new RequestType<NoParams, unknown, void>("wherein/reindex");
