"""Which licence a package declares, which its files show, and whether it may be learnt from.

Only permissive licences are taken. What is unknown, or mixed with another in a way that cannot be
told apart by file, is dropped.
"""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

_PERMISSIVE = re.compile(
    r"\b(?:mit|mit-0|expat|x11|x-?consortium|bsd|[0-4]-?bsd|0bsd|apache|asl|isc|iscl|unlicen[sc]e|psf"
    r"|python|zlib|libpng|cc0|boost|bsl-1|bsl|postgres\w*|ncsa|openssl|ssleay|wtfpl|pd|hpnd|zpl|zope"
    r"|public[- ]domain|unicode|ftl|freetype|ijg|fsfap|fsf-all-permissive|permissive|historical|w3c"
    r"|blueoak\S*|ofl|upl|curl|icu"
    r"|beerware|tcl|naist|mpich2|cnri\S*|bouncycastle|sunpro|sunsoft|jsr\S*|afl\S*|hylafax)",
    re.IGNORECASE,
)
_RESTRICTED = re.compile(
    r"(?:\b|-|\+)(?:a?gpl|lgpl|gfdl|mpl|epl|cpl|cddl|eupl|osl|sspl|busl|artistic|ruby|php|cc[- ]by"
    r"|by-sa|nc|elastic|polyform|proprietary|commercial|gnu|copyleft|mozilla|eclipse"
    r"|commons[- ]clause|see|unlicensed|qt|cecill"
    r"|non-?free|ofl-none)|(?:gpl|lgpl)",
    re.IGNORECASE,
)
_TEXTS = (
    ("MIT", "permission is hereby granted, free of charge"),
    ("BSD", "redistribution and use in source and binary forms"),
    ("Apache-2.0", "apache license"),
    ("Apache-2.0", "licensed under the apache"),
    ("ISC", "permission to use, copy, modify, and/or distribute"),
    ("ISC", "permission to use, copy, modify, and distribute"),
    ("HPND", "permission to use, copy, modify and distribute"),
    ("PSF", "python software foundation license"),
    ("Zlib", "altered source versions must be plainly marked"),
    ("Unlicense", "this is free and unencumbered software"),
    ("BSL-1.0", "boost software license"),
    ("CC0-1.0", "cc0 1.0"),
    ("ZPL-2.1", "zope public license"),
    ("public domain", "public domain"),
)
_RESTRICTED_TEXTS = re.compile(
    r"gnu (?:lesser |library |affero |free )?(?:general |documentation )?(?:public )?licen[sc]e"
    r"|mozilla public licen|eclipse public|common development and distribution"
    r"|server side public|business source licen"
    r"|attribution-(?:sharealike|noncommercial)|elastic licen|common public license",
    re.IGNORECASE,
)
_LICENCE_FILE = re.compile(
    r"(?:^|/)(?:licen[sc]e|copying|unlicense|copyright)[^/]*$", re.IGNORECASE
)
_IN_HEADER = re.compile(
    r"GNU (?:Lesser |Library |Affero )?General Public|Mozilla Public Licen|Eclipse Public Licen"
    r"|Common Development and Distribution|Server Side Public|Business Source Licen"
    r"|SPDX-License-Identifier:[^\n]*\b(?:A?GPL|LGPL|MPL|EPL|CDDL|SSPL|BUSL)",
    re.IGNORECASE,
)
# Characters at the head of a file in which its licence is looked for.
HEAD = 3000


# Looked at by hand: only files under these folders are read, and this is why they may be.
REVIEWED = {
    "mono": (
        ("mcs/class/",),
        "MIT: LICENSE puts the class libraries under it; no other is read",
    ),
    "ziglang": (
        ("ziglang/lib/std/",),
        "MIT: the standard library; bundled C is not read",
    ),
    "pip": (("pip/_internal/",), "MIT: pip's own code; its vendored packages are not read"),
    "celery": (("celery/",), "BSD-3-Clause: the code; only the documentation is CC BY-SA"),
    "python3.11-doc": (("doc/",), "PSF-2.0: documentation of python3.11, whose files say so"),
    "rust-doc": (("doc/",), "MIT or Apache-2.0: documentation of rustc, whose files say so"),
}


@attrs.frozen
class Verdict:
    """The outcome for one package; `dropped` are patterns of its files that are not taken."""

    declared: str
    found: str
    kept: bool
    reason: str
    dropped: tuple[str, ...] = ()


def is_licence_file(path: str) -> bool:
    """Tell whether a file may say what the package's licence is."""
    depth = path.count("/")
    return (
        path.endswith((".dist-info/METADATA", "debian/copyright"))
        or (path.startswith(("doc/", "usr/share/doc/")) and path.endswith("/copyright"))
        or (depth == 0 and path == "package.json")
        or (_LICENCE_FILE.search(path) is not None and (depth < 2 or ".dist-info/" in path))
    )


def file_is_restricted(text: str) -> bool:
    """Tell whether the head of a file puts it under a licence that is not permissive."""
    return _IN_HEADER.search(text[:HEAD]) is not None


def permits(expression: str) -> bool:
    """Tell whether a licence as declared is permissive: each part of an `and`, one of an `or`."""
    expression = re.sub(r"\bwith\b[^,)]*", " ", expression.lower().replace("_", "-"))
    expression = re.sub(r"[()\"']", " ", expression)
    choices = re.split(r"\s+or\s+(?!later)|\||(?<=[\w ])/(?=[\w ])", expression)
    return any(
        all(_is_permissive(part) for part in re.split(r"\s+and\s+|,|&|;|\+(?=\s*\w)", choice))
        for choice in choices
    )


def _is_permissive(name: str) -> bool:
    return not _RESTRICTED.search(name) and _PERMISSIVE.search(name) is not None


def judge(files: Iterable[tuple[str, str]], name: str = "") -> Verdict:
    """Judge a package by its licence files (path, text)."""
    declared: list[str] = []
    found: set[str] = set()
    restricted: set[str] = set()
    dropped: tuple[str, ...] = ()
    for path, text in files:
        if path.endswith("METADATA"):
            declared += _of_metadata(text)
        elif path == "package.json":
            declared += _of_package_json(text)
        elif path.endswith("copyright") and "Files:" in text and "License:" in text:
            main, dropped = _of_debian(text)
            declared += main
        else:
            shown, bad = _of_text(text)
            found |= shown
            restricted |= bad
    told = " AND ".join(dict.fromkeys(declared))
    seen = ", ".join(sorted(found | restricted))
    if name in REVIEWED:
        return Verdict(told, seen, True, f"reviewed, {REVIEWED[name][1]}", dropped)
    if declared and not all(permits(one) for one in declared):
        return Verdict(told, seen, False, "declared licence is not permissive or not known")
    if not declared and not found:
        return Verdict(told, seen, False, "no licence found")
    if restricted and not any(re.search(r"\bor\b|/|\|", one, re.IGNORECASE) for one in declared):
        return Verdict(told, seen, False, "mixed: its licence files name another licence")
    return Verdict(told, seen, True, "permissive", dropped)


def is_unread(name: str, path: str) -> bool:
    """Tell whether a file of a reviewed package lies outside of what may be read."""
    return name in REVIEWED and not path.startswith(REVIEWED[name][0])


def is_dropped(path: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a file is one of those that the package puts under another licence."""
    return any(fnmatch.fnmatch(path, one) or fnmatch.fnmatch(path, "*/" + one) for one in patterns)


def _of_text(text: str) -> tuple[set[str], set[str]]:
    low = " ".join(text.lower().split())
    shown = {name for name, words in _TEXTS if words in low}
    return shown, {found[0] for found in _RESTRICTED_TEXTS.finditer(low)}


def _of_metadata(text: str) -> list[str]:
    head = text.partition("\n\n")[0]
    expression = re.findall(r"(?m)^License-Expression: *(.+)$", head)
    if expression:
        return expression
    said = [one for one in re.findall(r"(?m)^License: *(.+)$", head) if 0 < len(one) < 60]
    classes = re.findall(r"(?m)^Classifier: License :: (?:OSI Approved(?: :: )?)?(.+)$", head)
    known = [one for one in classes if one not in ("OSI Approved",)]
    if known:
        return (
            [" or ".join(known)] if len(known) > 1 and " or " in " ".join(said).lower() else known
        )
    return [one for one in said if _PERMISSIVE.search(one) or _RESTRICTED.search(one)]


def _of_package_json(text: str) -> list[str]:
    try:
        licence = json.loads(text).get("license")
    except (ValueError, AttributeError):
        return []
    if isinstance(licence, dict):
        licence = licence.get("type")
    return [licence] if isinstance(licence, str) else []


def _of_debian(text: str) -> tuple[list[str], tuple[str, ...]]:
    """Read a machine-readable debian/copyright: the main licence, and what lies under others."""
    main: list[str] = []
    dropped: list[str] = []
    for stanza in re.split(r"\n\s*\n", text):
        files = re.search(r"(?m)^Files:((?:.*\n?)(?:[ \t].*\n?)*)", stanza)
        licence = re.search(r"(?m)^License: *(.*)$", stanza)
        if not files or not licence:
            continue
        patterns = files[1].split()
        if "*" in patterns:
            main = [licence[1].strip() or "unknown"]
        elif not permits(licence[1]):
            dropped += patterns
    return main, tuple(one for one in dropped if not one.startswith("debian/"))
