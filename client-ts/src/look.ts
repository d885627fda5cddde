// How a state looks in the status bar. Pure.

import type { Life } from "./client";
import type { FolderStatus } from "./protocol";

export interface Look {
  readonly text: string;
  readonly tooltip: string;
  /** Colours the item: something needs the person, or will. */
  readonly alarm: "" | "warning" | "error";
  /** Whether it will change by itself soon. */
  readonly busy: boolean;
}

const STILL = "$(search)";
const SPIN = "$(sync~spin)"; // only beside a number

/** How each state reads, the worst first: the words of the server's status.py. */
const STATES: ReadonlyMap<string, readonly [text: string, alarm: Look["alarm"]]> = new Map([
  ["root_missing", ["$(warning) wherein (folder gone)", "warning"]],
  ["busy", ["$(lock) wherein (busy)", ""]],
  ["failed", ["$(error) wherein !", "error"]],
  ["rebuilding", [`${SPIN} wherein`, ""]],
  ["read_only", ["$(warning) wherein (read only)", "warning"]],
  ["paused", ["$(debug-pause) wherein (paused)", ""]],
  ["lexical_only", [`${STILL} wherein (words)`, "warning"]],
  ["indexing", [`${SPIN} wherein`, ""]],
  ["on_battery", [`${STILL} wherein (on battery)`, ""]],
  ["watch_polling", [`${STILL} wherein`, ""]],
  ["ok", [`${STILL} wherein`, ""]],
]);
const ORDER = [...STATES.keys()];

const LIVES: Readonly<Record<Exclude<Life, "running">, Look>> = {
  installing: {
    text: `${SPIN} wherein (installing)`,
    tooltip: "wherein's server is being installed",
    alarm: "",
    busy: true,
  },
  starting: { text: `${STILL} wherein (starting)`, tooltip: "wherein is starting", alarm: "", busy: true },
  missing: {
    text: "$(cloud-download) wherein (set up)",
    tooltip: "wherein's server is not installed yet. Click to install it",
    alarm: "",
    busy: false,
  },
  failed: {
    text: "$(error) wherein !",
    tooltip: "wherein could not be started. Click for its log",
    alarm: "error",
    busy: false,
  },
  stopped: { text: "$(circle-slash) wherein", tooltip: "wherein is not running", alarm: "", busy: false },
};

/** The look while the server does not answer; `done` of an installation, from 0 to 1. */
export function lookOfLife(life: Exclude<Life, "running">, done = 0): Look {
  const look = LIVES[life];
  return life === "installing"
    ? { ...look, text: `${SPIN} wherein (installing ${Math.floor(100 * done)} %)` }
    : look;
}

/** The look of all folders: that of the worst of them. A state without a look shows its name. */
export function lookOf(folders: readonly FolderStatus[]): Look {
  const worst = [...folders].sort((a, b) => rank(a.state) - rank(b.state))[0];
  if (worst === undefined) {
    return { text: `${STILL} wherein`, tooltip: "No folder is open", alarm: "", busy: false };
  }
  const [text, alarm] = STATES.get(worst.state) ?? [`${STILL} wherein (${worst.state})`, ""];
  const bare = text.startsWith(SPIN) ? `${STILL} wherein (${worst.state})` : text;
  return {
    text: worst.percent === null ? bare : `${text} ${Math.floor(worst.percent)} %`,
    tooltip: sentences(folders).join("\n"),
    alarm,
    busy: folders.some(isWorking),
  };
}

function isWorking({ state }: FolderStatus): boolean {
  return state === "indexing" || state === "rebuilding";
}

/** What a folder says of itself, with its counts while they grow. */
export function told(folder: FolderStatus): string {
  const { sentence, files, chunks } = folder;
  const counts = `${files.toLocaleString("en-US")} files, ${chunks.toLocaleString("en-US")} chunks so far`;
  return isWorking(folder) ? `${sentence}. ${counts}` : sentence;
}

/** One sentence a folder, with the folder's name where there are several. */
export function sentences(folders: readonly FolderStatus[]): string[] {
  return folders.map((one) => (folders.length === 1 ? told(one) : `${nameOfFolder(one.folder)}: ${told(one)}`));
}

/** The last part of a folder's URI. */
export function nameOfFolder(uri: string): string {
  const path = uri.replace(/\/+$/, "");
  const last = path.slice(path.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function rank(state: string): number {
  const place = ORDER.indexOf(state);
  return place === -1 ? 0 : place;
}
