// What pip is told, and what it says, in our words. No editor in here.

/** Where the packages come from: a folder of wheels, or the index that pip is set up for. */
export interface Source {
  readonly wheels: string;
  readonly network: Network;
}

/** The editor's way to the network. */
export interface Network {
  /** A URL, which may have a password in it; "" for none. */
  readonly proxy: string;
  /** Hosts that are reached without it. */
  readonly noProxy: readonly string[];
  /** Hosts whose certificates are not checked: what is fetched is checked by its hash. */
  readonly unchecked: readonly string[];
}

/**
 * The environment that pip is run with. Neither is an argument: arguments are in the log and in the list
 * of processes; and a proxy that pip itself is set up for comes first.
 */
export function environmentOf(
  { proxy, noProxy, unchecked }: Network,
  base: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const through = proxy === "" ? {} : { http_proxy: proxy, https_proxy: proxy };
  const beside = noProxy.length === 0 ? {} : { no_proxy: noProxy.join(",") };
  const trusted = unchecked.length === 0 ? {} : { PIP_TRUSTED_HOST: unchecked.join(" ") };
  const ours = { ...through, ...beside, ...(base["PIP_TRUSTED_HOST"] === undefined ? trusted : {}) };
  const names = new Set(Object.keys(ours).map((name) => name.toLowerCase()));
  // The same variable in other letters would say something else, and on Windows it is the same one.
  const others = Object.entries(base).filter(([name]) => !names.has(name.toLowerCase()));
  return { ...Object.fromEntries(others), ...ours };
}

/** A line for the log: what stands before the @ of a URL is nobody's business. */
export function redacted(line: string): string {
  return line.replace(/:\/\/[^/\s]*@/g, "://****@");
}

export function countPackages(lock: string): number {
  return lock.split("\n").filter((line) => /^[\w.-]+==/.test(line)).length;
}

/** Say in a sentence why a step did not succeed. */
export function explain(step: string, output: string): string {
  if (/ensurepip is not available|No module named '?(ensurepip|venv)/.test(output)) {
    return "This Python cannot make environments. Install its venv package (on Debian and Ubuntu: python3-venv)";
  }
  if (/No space left|ENOSPC|not enough space/i.test(output)) {
    return "There is no space left on the disk";
  }
  if (/HASHES DO NOT MATCH|THESE PACKAGES DO NOT MATCH/i.test(output)) {
    return "A package is not the one that was expected: its hash differs. Nothing was installed";
  }
  if (/ProxyError|Tunnel connection failed/i.test(output)) {
    return "The proxy refused the connection. Check the setting http.proxy";
  }
  if (/NewConnectionError|ConnectTimeout|Name or service not known|getaddrinfo|Temporary failure|Network is unreachable/i.test(output)) {
    return "The package index could not be reached. Check the network, or set wherein.wheels to a folder of wheels";
  }
  if (/No matching distribution|Could not find a version/i.test(output)) {
    const name = /(?:No matching distribution found for|satisfies the requirement) ([\w.=-]+)/.exec(output)?.[1];
    return `The package index has no package ${name ?? "that is needed"} for this Python and system`;
  }
  return step === "venv" ? "The environment could not be made" : "The packages could not be installed";
}
