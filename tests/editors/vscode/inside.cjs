// Runs inside the extension host of a real VS Code, with all of its API. Part of test_workbench_inside.py.

const assert = require("node:assert/strict");
const vscode = require("vscode");

const DEADLINE_MS = 60_000;

/** Ask until there is an answer that fits. */
async function until(what, ask) {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; ) {
    const found = await ask();
    if (found) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not in time: ${what}`);
}

const checks = {
  async "the extension activates in good time"() {
    const extension = vscode.extensions.getExtension("wherein.wherein");
    assert.ok(extension);
    const began = performance.now();
    await extension.activate();
    console.log(`activated after ${Math.round(performance.now() - began)} ms`);
    assert.equal(extension.extensionKind, vscode.ExtensionKind.Workspace);
  },

  async "its commands are there, and none of the server's beside them"() {
    const { contributes } = vscode.extensions.getExtension("wherein.wherein").packageJSON;
    const there = await vscode.commands.getCommands(true);
    for (const { command } of contributes.commands) {
      assert.ok(there.includes(command), command);
    }
    for (const command of ["wherein.search", "wherein.sync", "wherein.status"]) {
      assert.ok(!there.includes(command), command);
    }
  },

  async "symbols are found through the editor"() {
    const found = await until("a symbol", async () => {
      const symbols = await vscode.commands.executeCommand("vscode.executeWorkspaceSymbolProvider", "Uploader");
      return symbols.find(({ name }) => name === "Uploader");
    });
    assert.match(found.location.uri.path, /net\/upload\.py$/);
    assert.equal(found.kind, vscode.SymbolKind.Class);
  },

  async "a workspace cannot choose what is run"() {
    for (const name of ["interpreter", "model", "qualityModel", "wheels"]) {
      const settings = vscode.workspace.getConfiguration("wherein");
      await assert.rejects(
        async () => settings.update(name, "/bin/false", vscode.ConfigurationTarget.Workspace),
        name,
      );
      assert.equal(settings.inspect(name).workspaceValue, undefined);
    }
  },

  async "agents can call the search"() {
    assert.ok(vscode.lm?.invokeTool, "language-model tools, which the editor of these tests has");
    const options = { input: { question: "where do we retry failed uploads" }, toolInvocationToken: undefined };
    const { content } = await vscode.lm.invokeTool("wherein_search", options);
    const [first] = content;
    assert.match(first.value, /^net\/upload\.py:\d+-\d+ {2}Uploader/);
  },
};

exports.run = async () => {
  const failed = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok: ${name}`);
    } catch (error) {
      console.log(`not ok: ${name}: ${error.stack}`);
      failed.push(name);
    }
  }
  if (failed.length > 0) {
    throw new Error(`failed: ${failed.join("; ")}`);
  }
};
