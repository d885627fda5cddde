// One answer, for all tests.

import type { SearchHit } from "../src/protocol";

export const HIT: SearchHit = {
  uri: "file:///p/src/net/upload.py",
  range: { start: { line: 87, character: 0 }, end: { line: 130, character: 4 } },
  path: "src/net/upload.py",
  startLine: 88,
  endLine: 131,
  symbol: "Uploader.retry",
  kind: "method",
  language: "python",
  score: 1.6,
  via: ["name", "words"],
  snippet: "    @traced\n    def retry(self, attempt):\n        send()",
};
