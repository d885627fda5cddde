// What a person types into the box: words, and filters among them. Pure.

/** A question taken apart; `problem` is a sentence about a filter that cannot be meant. */
export interface Question {
  readonly text: string;
  readonly paths: readonly string[];
  readonly languages: readonly string[];
  readonly kinds: readonly string[];
  readonly problem?: string;
}

/** The kinds that the server knows, as in its domain.py. */
export const KINDS = [
  "function",
  "method",
  "class",
  "interface",
  "struct",
  "enum",
  "type",
  "module",
  "constant",
  "macro",
  "section",
  "cell",
  "text",
] as const;

/** What people write for a language, where it is not the server's name for it. */
const LANGUAGES: Readonly<Record<string, readonly string[]>> = {
  py: ["python"],
  js: ["javascript"],
  jsx: ["javascript"],
  ts: ["typescript", "tsx"],
  typescript: ["typescript", "tsx"],
  rs: ["rust"],
  golang: ["go"],
  "c++": ["cpp"],
  "c#": ["csharp"],
  cs: ["csharp"],
  kt: ["kotlin"],
  rb: ["ruby"],
  sh: ["bash"],
  shell: ["bash"],
  hs: ["haskell"],
  ex: ["elixir"],
  md: ["markdown"],
  yml: ["yaml"],
};

/** Where tests lie, as ignore files would write it. */
const TESTS = ["test", "tests", "__tests__", "spec", "test_*", "*_test.*", "*.test.*", "*.spec.*"];

const FILTER = /(?<=^|\s)(?:(-?path|lang|kind):(?:"([^"]*)"?|(\S*))|-(tests?)(?=\s|$))/g;

/** Take a typed line apart. A filter without a value, as while it is typed, counts for nothing. */
export function parse(line: string): Question {
  const paths: string[] = [];
  const languages: string[] = [];
  const kinds: string[] = [];
  const problems: string[] = [];
  for (const [, name, quoted, plain, tests] of line.matchAll(FILTER)) {
    const value = (quoted ?? plain ?? "").trim();
    if (tests !== undefined) {
      paths.push(...TESTS.map((glob) => `!${glob}`));
    } else if (value === "") {
      continue;
    } else if (name === "lang") {
      languages.push(...(LANGUAGES[value.toLowerCase()] ?? [value.toLowerCase()]));
    } else if (name === "kind") {
      const meant = KINDS.filter((kind) => kind.startsWith(value.toLowerCase()));
      kinds.push(...meant);
      if (meant.length === 0) {
        problems.push(`There is no kind ${value}. The kinds are ${KINDS.join(", ")}`);
      }
    } else {
      paths.push(name === "-path" ? `!${value}` : value);
    }
  }
  const question = { text: withoutFilters(line), paths, languages, kinds };
  const [problem] = problems;
  return problem === undefined ? question : { ...question, problem };
}

/** The words of a line alone. */
export function withoutFilters(line: string): string {
  return line.replace(FILTER, " ").replace(/\s+/g, " ").trim();
}

/** Its filters alone, as typed. */
export function filtersOf(line: string): string {
  return [...line.matchAll(FILTER)].map(([text]) => text).join(" ");
}
