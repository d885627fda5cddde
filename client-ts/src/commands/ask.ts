// The box "Ask the code": answers appear while the person types.

import * as vscode from "vscode";
import type { Client } from "../client";
import { COMMANDS } from "../ids";
import { forget, remember } from "../history";
import { filtersOf, parse, withoutFilters } from "../query";
import { search } from "../search";
import { wordsOf } from "../text";
import type { ResultsView } from "../views/results";
import { action, AnswerBox, asked, heading, rowsOf, sentence, type Row } from "./box";

const PAUSE_MS = 30; // longer than between two keys that repeat; a question costs the server less
const AGAIN_MS = 1_000; // until the index is complete…
const ROUNDS = 60; // …or will not be soon
const TITLE = "Ask the code";
const HISTORY = "wherein.history";
const EXAMPLES: readonly (readonly [string, string])[] = [
  ["path:src/**", "only below a folder; -path: leaves one out"],
  ["lang:python", "only in a language"],
  ["kind:function", "only functions, classes, methods, sections, …"],
  ["-test", "without tests"],
];

/** Show the box, with a question in it if there is one. */
export function ask(
  client: Client,
  results: ResultsView,
  memory: vscode.Memento,
  question = "",
): void {
  new AskBox(client, results, memory).show(question);
}

/** The rows of an answer, and what the person should know of them. */
interface Found {
  readonly rows: Row[];
  readonly note?: string | undefined;
  /** Whether a later answer may be better by itself: the index is not complete. */
  readonly early?: boolean;
}

class AskBox {
  private readonly box: AnswerBox;
  private timer: NodeJS.Timeout | undefined;
  private token: vscode.CancellationTokenSource | undefined;
  private answered = ""; // the line that the rows are about
  private note: string | undefined;

  constructor(
    private readonly client: Client,
    results: ResultsView,
    private readonly memory: vscode.Memento,
  ) {
    this.box = new AnswerBox(TITLE, "where do we retry failed uploads?", {
      opened: () => this.learn(),
      keep: (hits) => {
        this.learn();
        const { answered, note } = this;
        results.show({ question: answered.trim(), hits, ...(note === undefined ? {} : { note }) });
      },
    });
    const { pick } = this.box;
    pick.onDidChangeValue((line) => this.typed(line));
    const turned = client.onDidChange((life) => {
      const bare = !pick.items.some(({ hit }) => hit !== undefined);
      if (withoutFilters(pick.value) !== "" && (life === "running" || bare)) {
        this.typed(pick.value);
      }
    });
    pick.onDidHide(() => {
      this.cancel();
      turned.dispose();
    });
  }

  show(question: string): void {
    const { pick } = this.box;
    pick.value = question;
    this.typed(question);
    pick.show();
  }

  private typed(line: string): void {
    this.cancel();
    if (withoutFilters(line) === "") {
      this.box.pick.title = TITLE;
      this.box.answer(this.beforeTyping(line.trim()));
    } else {
      this.box.expect();
      this.box.pick.busy = true;
      this.timer = setTimeout(() => void this.answer(line), PAUSE_MS);
    }
  }

  private cancel(): void {
    clearTimeout(this.timer);
    this.token?.cancel();
    this.token?.dispose();
    this.token = undefined;
    this.box.pick.busy = false;
  }

  private async answer(line: string, round = 0): Promise<void> {
    const mine = new vscode.CancellationTokenSource();
    this.token?.dispose();
    this.token = mine;
    const { rows, note, early } = await this.found(line, mine.token);
    if (this.token === mine && !(round > 0 && this.box.isLookedAt)) {
      this.answered = line;
      this.note = note;
      this.box.pick.title = note === undefined ? TITLE : `${TITLE}. ${note}`;
      this.box.pick.busy = false;
      this.box.answer(rows);
      if (early === true && round < ROUNDS) {
        this.timer = setTimeout(() => void this.answer(line, round + 1), AGAIN_MS);
      }
    }
  }

  private async found(line: string, token: vscode.CancellationToken): Promise<Found> {
    const instead = (why: string): Found => ({ rows: [sentence(why), ...this.waysOut(line)] });
    try {
      const { results, notes, coverage } = await search(this.client, line, token);
      const [note] = notes;
      const early = coverage.chunks === 0 || coverage.vectors < coverage.chunks;
      return results.length === 0
        ? { ...instead(note ?? "Nothing found"), early }
        : { rows: rowsOf(results, wordsOf(withoutFilters(line)), true), note, early };
    } catch (error) {
      return instead(error instanceof Error ? error.message : String(error));
    }
  }

  /** What may help when there is no answer. */
  private waysOut(line: string): Row[] {
    if (this.client.life === "missing") {
      return [action("$(cloud-download) Install the server…", () => run(COMMANDS.setUp))];
    }
    if (this.client.life === "installing") {
      return [action("$(output) Show the log", () => run(COMMANDS.showLog))];
    }
    if (this.client.life !== "running") {
      return [
        action("$(debug-restart) Start again", () => run(COMMANDS.restart)),
        action("$(output) Show the log", () => run(COMMANDS.showLog)),
      ];
    }
    const filters = filtersOf(line);
    if (filters !== "") {
      const everywhere = withoutFilters(line);
      return [action("$(search) Search everywhere", () => this.set(everywhere), `without ${filters}`)];
    }
    return [action("$(pulse) How far is the index?", () => run(COMMANDS.menu))];
  }

  /** The box without a question, but perhaps with filters: the last questions, and how to narrow one. */
  private beforeTyping(filters: string): Row[] {
    const last = this.history().map((question) => {
      const row: Row = asked(
        question,
        () => this.set(filters === "" ? question : `${filters} ${question}`),
        () => {
          void this.memory.update(HISTORY, forget(this.history(), question));
          this.box.pick.items = this.box.pick.items.filter((other) => other !== row);
        },
      );
      return row;
    });
    if (filters !== "") {
      const { problem, paths, languages, kinds } = parse(filters);
      const narrowed = [paths, languages, kinds].some((some) => some.length > 0);
      const first = sentence(
        problem ?? (narrowed ? `Now ask: the answers are narrowed by ${filters}` : "Go on with the filter, then ask"),
      );
      return last.length > 0 ? [first, heading("asked before"), ...last] : [first];
    }
    const narrow = EXAMPLES.map(([text, what]) =>
      action(`$(filter) ${text}`, () => this.set(`${text} `), what),
    );
    const first =
      last.length > 0
        ? [heading("asked before"), ...last]
        : [sentence("Ask in your own words, or type a name")];
    return [...first, heading("narrow it"), ...narrow];
  }

  private set(line: string): void {
    this.box.pick.value = line;
    this.typed(line);
  }

  private history(): string[] {
    return this.memory.get<string[]>(HISTORY, []);
  }

  /** Only a question that led somewhere is worth keeping. */
  private learn(): void {
    void this.memory.update(HISTORY, remember(this.history(), this.answered));
  }
}

function run(command: string): void {
  void vscode.commands.executeCommand(command);
}
