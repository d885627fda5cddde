// What goes to the server, and what a change of the settings leads to.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type * as vscode from "vscode";
import type { Client } from "../src/client";
import { KEPT, SENT } from "../src/ids";
import { meaningOf, proxySettings, serverSettings } from "../src/settings";
import { registerTool } from "../src/tool";
import { configured } from "./vscode";

beforeEach(() => configured.clear());

test("the editor's own excludes go to the server beside ours", () => {
  configured.set("wherein.exclude", ["ours/**"]);
  configured.set("files.exclude", { "**/.git": true, "lib": true, "src/*.js": true, "**/off": false, "**/*.js": { when: "$(basename).ts" } });
  configured.set("search.exclude", { "**/node_modules": true });
  assert.deepEqual(serverSettings()["exclude"], ["ours/**", "**/.git", "/lib", "/src/*.js", "**/node_modules"]);
});

test("the extension has commands of its own", () => {
  assert.equal(serverSettings()["executeCommands"], false);
});

function change(name: string): vscode.ConfigurationChangeEvent {
  return { affectsConfiguration: (section) => name === section || name.startsWith(`${section}.`) };
}

test("a setting is sent where the server can take it, and the server restarted where it cannot", () => {
  const restart = ["interpreter", "model", "qualityModel"];
  for (const name of SENT.filter((one) => !restart.includes(one))) {
    assert.equal(meaningOf(change(`wherein.${name}`)), "send", name);
  }
  for (const name of restart) {
    assert.equal(meaningOf(change(`wherein.${name}`)), "restart", name);
  }
  assert.equal(meaningOf(change("files.exclude")), "send");
  assert.equal(meaningOf(change("search.exclude")), "send");
  const others = KEPT.filter((one) => !restart.includes(one)).map((one) => `wherein.${one}`);
  for (const name of [...others, "editor.fontSize"]) {
    assert.equal(meaningOf(change(name)), "nothing", name);
  }
});

test("the editor's proxy counts unless it is switched off there", () => {
  assert.deepEqual(proxySettings(), { proxy: "", noProxy: [], strict: true });
  configured.set("http.proxy", " http://proxy:3128 ");
  configured.set("http.noProxy", ["inside"]);
  configured.set("http.proxyStrictSSL", false);
  assert.deepEqual(proxySettings(), { proxy: "http://proxy:3128", noProxy: ["inside"], strict: false });
  configured.set("http.proxySupport", "off");
  assert.deepEqual(proxySettings(), { proxy: "", noProxy: [], strict: false });
});

test("an editor without language-model tools gets none", () => {
  registerTool({} as Client).dispose();
});
