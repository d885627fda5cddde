// What the server is asked, a typed line or a place whose like is wanted: for the box, the results
// view and the chat tool.

import type { CancellationToken } from "vscode";
import type { Client } from "./client";
import * as protocol from "./protocol";
import { parse } from "./query";

const LIMIT = 30;
const SNIPPET_LINES = 12;

/** Ask the server; the words and the filters are in the line. A filter that cannot be meant is said to be none. */
export async function search(
  client: Client,
  line: string,
  token?: CancellationToken,
): Promise<protocol.SearchResult> {
  const { text, paths, languages, kinds, problem } = parse(line);
  if (problem !== undefined) {
    throw new Error(problem);
  }
  const params = { query: text, limit: LIMIT, paths, languages, kinds, snippetLines: SNIPPET_LINES };
  return client.request(protocol.search, params, token);
}

/** A place whose like is wanted, as it is kept to ask again. */
export type Place = Pick<protocol.SimilarParams, "uri" | "range" | "text">;

/** Ask the server for code like a place. */
export async function searchLike(
  client: Client,
  place: Place,
  token?: CancellationToken,
): Promise<protocol.SearchResult> {
  const params = { ...place, limit: LIMIT, snippetLines: SNIPPET_LINES };
  return client.request(protocol.similar, params, token);
}
