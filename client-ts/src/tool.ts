// The search as a tool that chat agents can call, in editors that have language-model tools.

import * as vscode from "vscode";
import type { Client } from "./client";
import { TOOL } from "./ids";
import { search } from "./search";
import { plain } from "./text";

interface Input {
  readonly question: string;
}

/** As much of the editor's API as is used; it came after the oldest editor that is supported. */
interface ToolApi {
  registerTool?(name: string, tool: object): vscode.Disposable;
}
interface ToolParts {
  readonly LanguageModelToolResult?: new (parts: unknown[]) => unknown;
  readonly LanguageModelTextPart?: new (text: string) => unknown;
}

/** Offer the tool; does nothing where there are no such tools. */
export function registerTool(client: Client): vscode.Disposable {
  const api = (vscode as { readonly lm?: ToolApi }).lm;
  const { LanguageModelToolResult: Result, LanguageModelTextPart: Text } = vscode as ToolParts;
  if (typeof api?.registerTool !== "function" || Result === undefined || Text === undefined) {
    return new vscode.Disposable(() => undefined);
  }
  return api.registerTool(TOOL, {
    prepareInvocation: ({ input }: { input: Input }) => ({
      invocationMessage: `Asking the code: ${input.question}`,
    }),
    invoke: async ({ input }: { input: Input }, token: vscode.CancellationToken) => {
      const { results, notes } = await search(client, String(input.question), token);
      const answers = results.map((hit) => `${plain(hit)}\n${hit.snippet}`);
      return new Result([new Text([...answers, ...notes].join("\n\n") || "Nothing found")]);
    },
  });
}
