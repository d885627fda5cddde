// A typed line as a question to the server, for the box, the results view and the chat tool.

import type { CancellationToken } from "vscode";
import type { Client } from "./client";
import * as protocol from "./protocol";
import { parse } from "./query";

const LIMIT = 30;
const SNIPPET_LINES = 12;

/** Ask the server; the words and the filters are in the line. */
export async function search(
  client: Client,
  line: string,
  token?: CancellationToken,
): Promise<protocol.SearchResult> {
  const { text, paths, languages, kinds } = parse(line);
  const params = { query: text, limit: LIMIT, paths, languages, kinds, snippetLines: SNIPPET_LINES };
  return client.request(protocol.search, params, token);
}
