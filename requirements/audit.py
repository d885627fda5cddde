"""`make audit`: ask the registries for known holes in what the locks name, and say plainly.

    python requirements/audit.py PIP_AUDIT

Exits with 0 when no hole is known, 1 when one is, and 2 when a registry could not be asked (a
mirror without advisories, no network): then nothing is known, and that is no pass.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

LOCK = Path(__file__).with_name("runtime.lock")
TIMEOUT_S = 600


class Verdict(NamedTuple):
    """What one registry says: the exit code that it stands for, and the lines to print."""

    code: int
    lines: list[str]


def of_python(said: str, error: str) -> Verdict:
    """Read the JSON of pip-audit; `error` is what it wrote to stderr."""
    try:
        packages: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _not_asked("Python", error)
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in "
        f"{', '.join(hole['fix_versions']) or 'no version yet'}"
        for package in packages
        for hole in package.get("vulns", [])
    ]
    skipped = [package for package in packages if package.get("skip_reason")]
    if holes:
        return Verdict(1, [f"Python: {len(holes)} known holes", *holes])
    if skipped or not packages:
        why = skipped[0]["skip_reason"] if skipped else "no package was looked at"
        return _not_asked(f"Python, {len(skipped)} of {len(packages)} packages", why)
    return Verdict(0, [f"Python: no known hole in {len(packages)} packages"])


def of_npm(said: str, error: str) -> Verdict:
    """Read the JSON of `npm audit`; `error` is what it wrote to stderr."""
    try:
        report: dict[str, Any] = json.loads(said)
        counts = report["metadata"]
        found, packages = counts["vulnerabilities"]["total"], counts["dependencies"]["total"]
    except (ValueError, KeyError, TypeError):
        return _not_asked("npm", _npm_error(said) or error)
    if found:
        names = [f"{name}: {row['severity']}" for name, row in report["vulnerabilities"].items()]
        return Verdict(1, [f"npm: {found} known holes", *names])
    return Verdict(0, [f"npm: no known hole in {packages} packages"])


def _npm_error(said: str) -> str:
    try:
        report = json.loads(said)
        return str(report.get("message") or report["error"].get("summary"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _not_asked(what: str, why: str) -> Verdict:
    line = next((line.strip() for line in why.splitlines() if line.strip()), "no reason was given")
    return Verdict(2, [f"{what}: NOT AUDITED, the registry has no answer: {line[:200]}"])


def run(command: list[str]) -> tuple[str, str]:
    """Run a registry's own client; returns what it wrote to stdout and to stderr."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{command[0]}: {error}"
    return done.stdout, done.stderr


def main(pip_audit: str) -> int:
    """Ask both; returns 1 when one knows a hole, else 2 when one was not asked."""
    asked = [
        *("--requirement", str(LOCK), "--require-hashes", "--disable-pip"),
        *("--progress-spinner", "off", "--format", "json"),
    ]
    verdicts = [of_python(*run([pip_audit, *asked])), of_npm(*run(["npm", "audit", "--json"]))]
    for verdict in verdicts:
        sys.stdout.write("\n".join(verdict.lines) + "\n")
    codes = {verdict.code for verdict in verdicts}
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
