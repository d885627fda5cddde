// Every name that package.json and the code must agree on; a test compares the two.

export const SECTION = "wherein";

export const COMMANDS = {
  ask: "wherein.ask",
  openToSide: "wherein.openToSide",
  findSimilar: "wherein.findSimilar",
  menu: "wherein.menu",
  pause: "wherein.pause",
  resume: "wherein.resume",
  reindex: "wherein.reindex",
  restart: "wherein.restart",
  setUp: "wherein.setUp",
  showLog: "wherein.showLog",
  fetchSecondModel: "wherein.fetchSecondModel",
  showWorkers: "wherein.showWorkers",
  doctor: "wherein.doctor",
  why: "wherein.why",
  refreshResults: "wherein.refreshResults",
  clearResults: "wherein.clearResults",
  openAllResults: "wherein.openAllResults",
  copyResults: "wherein.copyResults",
  copyResult: "wherein.copyResult",
  dismissResult: "wherein.dismissResult",
} as const;

export const VIEW = "wherein.results";
export const TOOL = "wherein_search";

/** Context keys of "when" clauses. */
export const CONTEXT = { asking: "wherein.asking", hasResults: "wherein.hasResults" } as const;

/** The settings that the server knows, as it knows them. */
export const SENT = [
  "exclude",
  "maxFileKib",
  "model",
  "answerBudgetMs",
  "quality",
  "qualityModel",
  "pauseOnBattery",
  "logLevel",
] as const;

/** The settings that only this side knows. */
export const KEPT = ["interpreter", "wheels"] as const;
