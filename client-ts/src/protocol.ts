// What travels between the editor and the server: one constant a request, camelCase on the wire.
// Every request is sent with a params object, empty if need be. Types only: this costs nothing to load.

/** A place in a document, both counted from 0; `character` in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** A method with the types of its params and of its result. */
export interface Request<P, R> {
  readonly method: string;
  /** Never there: only carries the types. */
  readonly types?: (params: P) => R;
}

/** A request that needs no parameters. */
export type NoParams = Record<string, never>;

/** A question and its filters. `paths` are globs, with a ! in front to leave out. */
export interface SearchParams {
  readonly query: string;
  readonly limit?: number;
  readonly paths?: readonly string[];
  readonly languages?: readonly string[];
  readonly kinds?: readonly string[];
  readonly snippetLines?: number;
  readonly waitFresh?: boolean;
  readonly quality?: boolean;
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

/** How much of the workspace an answer saw; `made` counts the vectors made for this answer. */
export interface Coverage {
  readonly files: number;
  readonly chunks: number;
  readonly vectors: number;
  readonly made: number;
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

/** One worker process. `rss` in bytes, `cpuS` in seconds. */
export interface Worker {
  readonly type: string;
  readonly pid: number | null;
  readonly state: string;
  readonly restarts: number;
  readonly cpuS: number;
  readonly rss: number;
  readonly lastError: string;
}

export interface WorkersResult {
  readonly workers: readonly Worker[];
}

/** Whether a file is in the index, and if not, why, in a sentence. */
export interface WhyResult {
  readonly sentence: string;
}

export const search: Request<SearchParams, SearchResult> = { method: "wherein/search" };
export const similar: Request<SimilarParams, SearchResult> = { method: "wherein/similar" };
export const status: Request<NoParams, StatusResult> = { method: "wherein/status" };
export const why: Request<{ readonly uri: string }, WhyResult> = { method: "wherein/why" };
export const workers: Request<NoParams, WorkersResult> = { method: "wherein/workers" };
// The extension shows these replies to nobody, so it does not say what is in them.
export const reindex: Request<NoParams, unknown> = { method: "wherein/reindex" };
export const pause: Request<NoParams, unknown> = { method: "wherein/pause" };
export const resume: Request<NoParams, unknown> = { method: "wherein/resume" };
