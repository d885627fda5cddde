"""One file of ignore patterns, matched as git matches it; used wherever `ignore` is.

pathspec turns a pattern into a regular expression; this module anchors it to one path (git never
matches a pattern against the parents of a path: an excluded parent is simply not entered) and
sorts the patterns so that the usual ones, a plain name and `*.ext`, cost a dictionary look-up.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

# More lines than this are not read: a rule file of a megabyte is an accident or an attack.
MAX_RULES = 20_000
# A regular expression with many stars takes polynomial time of that degree to fail on a long name.
MAX_STARS = 8
_STARS = re.compile(rb"(?:\[\^/\]\*){2,}")

_ANY_PARENT = b"^(?:.+/)?"
_DIRECTORY_TAIL = b"(?:(?P<ps_d>/)|$)"
# Classes of characters as git has them, written without a backslash, a bracket, or a "!" that comes
# first: pathspec gives what is in brackets to `re` as it is.
_CLASS = re.compile(rb"(?<=[\[\]!^_.-])\[:([a-z]+):\]")
_CLASSES = {
    b"alnum": b"a-zA-Z0-9", b"alpha": b"a-zA-Z", b"blank": b" \t", b"cntrl": b"\x01-\x1f\x7f",
    b"digit": b"0-9", b"graph": b'"-~!', b"lower": b"a-z", b"print": b" -~",
    b"punct": b"\"-.:-@[-`{-~!", b"space": b" \t-\r", b"upper": b"A-Z", b"xdigit": b"a-fA-F0-9",
}  # fmt: skip
_WILDCARD = re.compile(rb"[*?\[\\]")
_SUFFIX = re.compile(rb"\*(\.[^*?\[\\/.]+)\Z")


class Rule(NamedTuple):
    """One pattern: where it stands (line from 1), its text as written, and what it does."""

    line: int
    text: bytes
    excludes: bool  # False for a pattern that begins with "!"
    directories_only: bool


class RuleFile:
    """The patterns of one rule file, for paths below the directory that it lies in.

    `label` names the file to people. A path given to `match` is relative to the workspace folder;
    the first `strip` bytes are taken off and `prepend` is put in front to make it relative to the
    directory of the rule file. `problems` are sentences on patterns that are not used.
    """

    def __init__(self, label: str, data: bytes, strip: int = 0, prepend: bytes = b"") -> None:
        self.label = label
        self.problems: list[str] = []
        self._strip = strip
        self._prepend = prepend
        self._rules: list[Rule] = []
        self._names: dict[bytes, list[int]] = {}
        self._suffixes: dict[bytes, list[int]] = {}
        self._paths: dict[bytes, list[int]] = {}
        self._name_globs: list[tuple[int, re.Pattern[bytes]]] = []
        self._path_globs: list[tuple[int, re.Pattern[bytes]]] = []
        self._read(data)
        self._any_name = _one_of(self._name_globs)
        self._any_path = _one_of(self._path_globs)
        self._needs_path = bool(self._paths) or self._any_path is not None
        self._name_globs.reverse()
        self._path_globs.reverse()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def agrees(self, other: RuleFile) -> bool:
        """Tell whether the other is the same file and says the same."""
        return self.label == other.label and self._rules == other._rules

    def match(self, path: bytes, name: bytes, is_dir: bool) -> Rule | None:
        """Find the rule that decides on this path, the last one that matches, or None."""
        best = -1
        rules = self._rules
        found = self._names.get(name)
        if found is not None:
            best = self._last(found, best, is_dir)
        if self._suffixes:
            dot = name.rfind(b".")
            if dot >= 0:
                found = self._suffixes.get(name[dot:])
                if found is not None:
                    best = self._last(found, best, is_dir)
        if self._any_name is not None and self._any_name(name):
            best = self._last_glob(self._name_globs, name, best, is_dir)
        if self._needs_path:
            relative = self._prepend + path[self._strip :]
            found = self._paths.get(relative)
            if found is not None:
                best = self._last(found, best, is_dir)
            if self._any_path is not None and self._any_path(relative):
                best = self._last_glob(self._path_globs, relative, best, is_dir)
        return rules[best] if best >= 0 else None

    def _last(self, found: list[int], best: int, is_dir: bool) -> int:
        for index in reversed(found):
            if index <= best:
                break
            if is_dir or not self._rules[index].directories_only:
                return index
        return best

    def _last_glob(
        self, globs: list[tuple[int, re.Pattern[bytes]]], text: bytes, best: int, is_dir: bool
    ) -> int:
        for index, regex in globs:
            if index <= best:
                break
            if (is_dir or not self._rules[index].directories_only) and regex.match(text):
                return index
        return best

    def _read(self, data: bytes) -> None:
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if len(lines) > MAX_RULES:
            self.problems.append(f"{self.label}: only the first {MAX_RULES} lines are used.")
        for number, raw in enumerate(lines[:MAX_RULES], start=1):
            text = _trim(raw)
            if not text or text.startswith(b"#"):
                continue
            excludes = not text.startswith(b"!")
            body = text if excludes else text[1:]
            directories_only = body.endswith(b"/")
            if directories_only:
                body = body[:-1]
            if not body:
                continue
            problem = self._add(body)
            if problem:
                shown = text.decode("utf-8", "replace")
                self.problems.append(f"{self.label}, line {number}: {shown!r} {problem}.")
            else:
                self._rules.append(Rule(number, text, excludes, directories_only))

    def _add(self, body: bytes) -> str | None:
        """File the pattern under the index of the rule to come; returns what is wrong with it."""
        index = len(self._rules)
        if not _WILDCARD.search(body):
            if b"/" in body:
                self._paths.setdefault(body.removeprefix(b"/"), []).append(index)
            else:
                self._names.setdefault(body, []).append(index)
            return None
        suffix = _SUFFIX.match(body)
        if suffix:
            self._suffixes.setdefault(suffix[1], []).append(index)
            return None
        if body.count(b"*") > MAX_STARS:
            return f"has more than {MAX_STARS} stars and is not used"
        try:
            regex = _regex(body)
        except (GitIgnorePatternError, re.error):
            return "is not a valid pattern and is not used"
        globs = self._path_globs if b"/" in body else self._name_globs
        if regex is not None:
            globs.append((index, regex))
        return None


def with_ranges(pattern: bytes) -> bytes:
    """Write the classes of a pattern, `[[:digit:]]`, as ranges."""
    return _CLASS.sub(lambda found: _CLASSES.get(found[1], found[0]), pattern)


def _trim(line: bytes) -> bytes:
    """Cut what git cuts from the end of a line: a carriage return, and blanks not escaped."""
    line = line.removesuffix(b"\r")
    kept = line.rstrip(b" ")
    if kept != line and kept.endswith(b"\\"):
        kept += b" "
    return kept


def _regex(body: bytes) -> re.Pattern[bytes] | None:
    """Translate a pattern without its "!" and its last "/" to an expression for one whole path."""
    body = with_ranges(body)
    prefix = b"\\" if body[:1] in b"!#" else b""
    regex: bytes | None
    regex, _ = GitIgnoreSpecPattern.pattern_to_regex(prefix + body)
    if regex is None:
        return None
    if regex.endswith(_DIRECTORY_TAIL):
        regex = regex.removesuffix(_DIRECTORY_TAIL) + rb"\Z"
    elif regex == b"/":  # "**/*/**", written by pathspec as "a slash somewhere"
        regex = b".+/."
    elif regex.endswith(b"/"):  # "a/**" is everything below "a", not "a" itself
        regex += b"."
    # Stars side by side are one star, and each would be tried at every place.
    regex = _STARS.sub(b"[^/]*", regex)
    # A name once in each expression would be there twice where several are made into one.
    regex = regex.replace(b"(?P<ps_d>", b"(?:")
    if b"/" not in body:
        regex = regex.removeprefix(_ANY_PARENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # "[[" may mean more in a later Python
        return re.compile(regex, re.DOTALL)


def _one_of(globs: Iterable[tuple[int, re.Pattern[bytes]]]) -> Callable[[bytes], object] | None:
    """Combine expressions into one that says whether any of them matches."""
    parts = [b"(?:" + regex.pattern + b")" for _, regex in globs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(b"|".join(parts), re.DOTALL).match if parts else None
