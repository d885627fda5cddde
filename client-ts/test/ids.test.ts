// package.json and the code name the same things.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COMMANDS, CONTEXT, KEPT, SECTION, SENT, TOOL, VIEW } from "../src/ids";
import { KINDS } from "../src/query";

interface Manifest {
  readonly extensionKind: string[];
  readonly capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
  readonly contributes: {
    readonly commands: { command: string; title: string }[];
    readonly keybindings: { command: string; key: string; when?: string }[];
    readonly menus: Record<string, { command: string; when?: string }[]>;
    readonly views: Record<string, { id: string }[]>;
    readonly languageModelTools: { name: string }[];
    readonly configuration: { properties: Record<string, { scope: string }> };
    readonly walkthroughs: { steps: { description: string; completionEvents?: string[] }[] }[];
  };
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const { contributes } = manifest;
const declared = contributes.commands.map(({ command }) => command);

test("every command is declared once, and every declared one is there", () => {
  assert.deepEqual([...declared].sort(), Object.values<string>(COMMANDS).sort());
});

test("keys, menus and the walkthrough name commands that exist", () => {
  const used = [...contributes.keybindings, ...Object.values(contributes.menus).flat()];
  for (const { command } of used) {
    assert.ok(declared.includes(command), command);
  }
  const text = contributes.walkthroughs.flatMap(({ steps }) => steps).flatMap((step) => [
    ...[...step.description.matchAll(/command:([\w.]+)/g)].map(([, command]) => command ?? ""),
    ...(step.completionEvents ?? []).flatMap((event) => event.match(/(?<=^onCommand:).*/) ?? []),
  ]);
  for (const command of text.filter((name) => name !== `${VIEW}.focus`)) {
    assert.ok(declared.includes(command), command);
  }
});

test("the keys and the menu entry that the documents name are there", () => {
  const keys = contributes.keybindings.map(({ key, command, when }) => [key, command, when]);
  const inResults = `focusedView == ${VIEW} && !inputFocus`;
  assert.deepEqual(keys, [
    ["ctrl+alt+f", COMMANDS.ask, undefined],
    ["ctrl+enter", COMMANDS.openToSide, CONTEXT.asking],
    ["right", COMMANDS.openToSide, `${CONTEXT.asking} && cursorAtEndOfQuickInputBox`],
    ["ctrl+c", COMMANDS.copyResult, inResults],
    ["delete", COMMANDS.dismissResult, inResults],
  ]);
  const context = contributes.menus["editor/context"]?.map(({ command }) => command);
  assert.deepEqual(context, [COMMANDS.findSimilar]);
});

test("view, tool and context keys agree", () => {
  assert.deepEqual(contributes.views["wherein"]?.map(({ id }) => id), [VIEW]);
  assert.deepEqual(contributes.languageModelTools.map(({ name }) => name), [TOOL]);
  const clauses = JSON.stringify(contributes);
  for (const key of Object.values(CONTEXT)) {
    assert.ok(clauses.includes(key), key);
  }
});

test("what chooses a program or a file to load is the machine's, and no workspace sets it", () => {
  const { properties } = contributes.configuration;
  const machine = Object.keys(properties).filter((name) => properties[name]?.scope === "machine");
  const restricted = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
  assert.deepEqual([...machine].sort(), [...restricted].sort());
  assert.deepEqual(manifest.extensionKind, ["workspace"]);
});

test("every setting is sent to the server or kept on this side", () => {
  const names = [...SENT, ...KEPT].map((name) => `${SECTION}.${name}`);
  assert.deepEqual(names.sort(), Object.keys(contributes.configuration.properties).sort());
});

test("the kinds are those of the server", () => {
  const source = readFileSync("server/wherein/domain.py", "utf8");
  const body = /class Kind\(.*?\n\n\n/s.exec(source)?.[0] ?? "";
  const kinds = [...body.matchAll(/^ {4}[A-Z]+ = "(\w+)"/gm)].map(([, kind]) => kind);
  assert.deepEqual(kinds, [...KINDS]);
});
