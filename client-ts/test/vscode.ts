// Stands in for the editor's API where a unit test needs a little of it: an editor without
// language-model tools, with the settings of `configured`, and with the boxes, tabs and commands of
// editor.ts. All else is tested in a real editor.

export * from "./editor";

/** Settings by their full name. */
export const configured = new Map<string, unknown>();

export const workspace = {
  getConfiguration: (section: string) => ({
    get: (name: string, fallback?: unknown) => configured.get(`${section}.${name}`) ?? fallback,
  }),
};
