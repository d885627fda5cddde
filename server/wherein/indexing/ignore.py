"""Which paths of a workspace stay out of the index, and which rule says so.

One class, used by the scan, by the watcher, and by "why is this file not indexed?"; it runs in the
file-watcher worker and in the command that explains. The deepest rule file wins and an excluded
directory is not entered, as in git. From strong to weak: always out (secrets, repository
internals, dependencies), the editor's excludes, `.whereinignore`, `.ignore`, `.gitignore`,
`.git/info/exclude`, the global excludes file. Git is never run.
"""

# Paths are bytes here, which pathlib cannot hold.
# ruff: noqa: PTH100, PTH112, PTH113, PTH114, PTH118

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from wherein.indexing import gitfiles
from wherein.indexing.rulefile import Rule, RuleFile

GIT_INTERNALS = "git internals"
SECRET = "secret"  # noqa: S105 - a reason, not a password
SETTINGS = "settings"
DEPENDENCIES = "dependencies"
NESTED_REPOSITORY = "nested repository"
GLOBAL_EXCLUDES = "global git excludes"

# Braces that multiply to more than this are taken literally.
MAX_ALTERNATIVES = 256

_INTERNALS = frozenset((b".git", b".hg", b".svn"))
_DEPENDENCIES = frozenset((b"node_modules", b"__pycache__"))
_ENVIRONMENTS = frozenset((b".venv", b"venv", b".env", b"env"))
_SECRETS = re.compile(
    rb"\.env.*(?<!\.example)(?<!\.sample)(?<!\.template)\Z"
    rb"|.*\.(?:pem|key|p12|pfx|kdbx|ppk|jks|keystore|gpg|ovpn|tfstate|tfvars)\Z"
    rb"|id_(?:rsa|dsa|ecdsa|ed25519).*"
    rb"|[._]netrc\Z|\.(?:npmrc|pypirc|pgpass|my\.cnf|htpasswd|git-credentials|dockercfg)\Z"
    rb"|(?:credentials|secrets?)(?:\.(?:json|ya?ml|toml|ini|txt|properties|env|enc))?\Z"
    rb"|.*service[-_]account.*\.json\Z",
    re.IGNORECASE | re.DOTALL,
)
_RULE_FILES = (b".whereinignore", b".ignore", b".gitignore")
_SPECIAL = frozenset((*_RULE_FILES, b".gitmodules"))


class IgnoreReason(NamedTuple):
    """Why a path is out: the rule's file (or a word for a built-in rule), its line, its text.

    `line` is 0 for built-in rules. `path` is the path that the rule is about, which may be a
    directory above the one that was asked for.
    """

    source: str
    line: int
    pattern: str
    path: bytes


class Scope:
    """The rules in effect inside one directory, shared by all below that add none."""

    __slots__ = ("closed", "files", "ladder", "repository")

    def __init__(
        self,
        ladder: tuple[tuple[RuleFile, ...], ...],
        repository: Repository | None,
        closed: bool = False,
    ) -> None:
        self.ladder = ladder  # one group of rule files for each strength, the strongest first
        self.files = tuple(file for group in ladder for file in group if file)
        self.repository = repository
        self.closed = closed  # a nested repository that git does not look into

    def agrees(self, other: Scope) -> bool:
        """Tell whether the other says the same of every path."""
        return (
            self.closed == other.closed
            and len(self.files) == len(other.files)
            and all(map(RuleFile.agrees, self.files, other.files))
        )


class Repository(NamedTuple):
    """A git work tree: how a workspace path becomes relative to its top, and its submodules."""

    strip: int
    prepend: bytes
    submodules: frozenset[bytes]


class IgnoreRules:
    """All rules for one workspace folder. Reads rule files when first needed and keeps them.

    `excludes` are globs from the editor's settings, in the syntax of `.gitignore` plus braces,
    relative to the folder. Not safe for use from several threads at once.
    """

    def __init__(self, root: str, excludes: Sequence[str] = ()) -> None:
        self._root = os.path.abspath(os.fsencode(root))
        lines = "\n".join(part for glob in excludes for part in _braces(glob))
        self._settings = RuleFile(SETTINGS, os.fsencode(lines))
        self._scopes: dict[bytes, Scope] = {}
        self._problems: dict[bytes, list[str]] = {}
        self.root_scope = self._outermost()

    @property
    def problems(self) -> list[str]:
        """Sentences on patterns that were found wanting and are not used."""
        return self._settings.problems + [
            text for found in self._problems.values() for text in found
        ]

    def is_ignored(self, path: bytes, is_dir: bool) -> bool:
        """Tell whether a path, relative to the folder, stays out of the index."""
        return self._reason(path, is_dir) is not None

    def is_secret(self, path: bytes) -> bool:
        """Tell whether a file is out because its name is one that secrets are kept under."""
        return _SECRETS.match(path.rpartition(b"/")[2]) is not None

    def why(self, path: bytes) -> IgnoreReason | None:
        """Say which rule keeps a path out of the index, or None when no rule does."""
        full = os.path.join(self._root, path)
        return self._reason(path, os.path.isdir(full) and not os.path.islink(full))

    def is_rule_file(self, path: bytes) -> bool:
        """Tell whether a change of this file may change what is ignored below its directory."""
        return path.rpartition(b"/")[2] in _SPECIAL or path.endswith(b".git/info/exclude")

    def forget(self, directory: bytes) -> None:
        """Drop what was read from the rule files in and below a directory; b"" is the folder."""
        if not directory:
            self._scopes.clear()
            self._problems.clear()
            self.root_scope = self._outermost()
            return
        below = directory + b"/"
        for known in [d for d in self._scopes if d == directory or d.startswith(below)]:
            del self._scopes[known]
            self._problems.pop(known, None)

    def agrees(self, other: IgnoreRules) -> bool:
        """Tell whether two readings say the same, as far as both went."""
        theirs = other._scopes
        pairs = {
            (id(mine), id(theirs[directory])): (mine, theirs[directory])
            for directory, mine in self._scopes.items()
            if directory in theirs
        }
        return all(mine.agrees(their) for mine, their in pairs.values())

    def excluded(self, scope: Scope, path: bytes, name: bytes, is_dir: bool) -> bool:
        """Tell whether one entry of a directory is out; its parents must not be.

        `scope` is that of the directory which the entry is in. Secrets are not asked here.
        """
        if name in _INTERNALS:
            return True
        if is_dir and (
            name in _DEPENDENCIES or (name in _ENVIRONMENTS and self._is_environment(path))
        ):
            return True
        for file in scope.files:
            rule = file.match(path, name, is_dir)
            if rule is not None:
                return rule.excludes
        return False

    def enter(self, parent: Scope, directory: bytes, names: Collection[bytes]) -> Scope:
        """Give the scope inside a directory whose entries are `names`; `parent` is the one around.

        A scope that is `closed` belongs to a nested repository: nothing in it is indexed.
        """
        if b".git" not in names and not any(name in names for name in _RULE_FILES):
            scope = parent
        else:
            scope = self._build(parent, directory, names)
        self._scopes[directory] = scope
        return scope

    def _build(self, parent: Scope, directory: bytes, names: Collection[bytes]) -> Scope:
        settings, wherein, dot, git, base = parent.ladder
        repository = parent.repository
        full = os.path.join(self._root, directory)
        strip = len(directory) + 1 if directory else 0
        if b".git" in names and gitfiles.is_repository(full):
            if repository is not None and directory:
                inside = repository.prepend + directory[repository.strip :]
                if inside not in repository.submodules:
                    return Scope(parent.ladder, repository, closed=True)
            repository = Repository(strip, b"", gitfiles.submodules(full))
            excludes = gitfiles.read_small(gitfiles.exclude_file(full))
            label = os.fsdecode(directory + b"/" if directory else b"") + ".git/info/exclude"
            git, base = (), (RuleFile(label, excludes, strip), base[-1])
        groups = [wherein, dot, git]
        for position, name in enumerate(_RULE_FILES):
            if name in names:
                label = os.fsdecode(directory + b"/" + name if directory else name)
                rules = RuleFile(
                    label, gitfiles.read_small(os.path.join(full, name), follow=False), strip
                )
                groups[position] = (rules, *groups[position])
                if rules.problems:
                    self._problems.setdefault(directory, []).extend(rules.problems)
        return Scope((settings, *groups, base), repository)

    def _outermost(self) -> Scope:
        """Build the scope of the folder itself, with the rules of a repository around it."""
        path = gitfiles.global_excludes()
        outside = RuleFile(GLOBAL_EXCLUDES, gitfiles.read_small(path) if path else b"")
        ladder: tuple[tuple[RuleFile, ...], ...] = ((self._settings,), (), (), (), (outside,))
        top = gitfiles.repository_top(self._root)
        scope = Scope(ladder, None)
        if top is not None and top != self._root:
            scope = self._below(top, outside)
        names = [name for name in (*_RULE_FILES, b".git") if self._exists(name)]
        scope = self._build(scope, b"", names)
        self._scopes[b""] = scope
        return scope

    def _below(self, top: bytes, outside: RuleFile) -> Scope:
        """Collect the rules of the repository around the folder, down to the folder's parent.

        A person who opens a folder that its repository ignores (a home directory under version
        control, a build directory) means that folder: then the outer rules do not count.
        """
        settings = (self._settings,)
        relative = os.path.relpath(self._root, top).replace(os.fsencode(os.sep), b"/")
        if IgnoreRules(os.fsdecode(top)).is_ignored(relative, True):
            return Scope((settings, (), (), (), (outside,)), None)
        parts = relative.split(b"/")
        groups: list[tuple[RuleFile, ...]] = [(), (), ()]
        for depth in range(len(parts)):
            directory = os.path.join(top, *parts[:depth])
            below = b"/".join(parts[depth:]) + b"/"
            for position, name in enumerate(_RULE_FILES):
                data = gitfiles.read_small(os.path.join(directory, name), follow=False)
                label = "../" * (len(parts) - depth) + os.fsdecode(name)
                groups[position] = (RuleFile(label, data, 0, below), *groups[position])
        prefix = relative + b"/"
        exclude = gitfiles.read_small(gitfiles.exclude_file(top))
        label = "../" * len(parts) + ".git/info/exclude"
        base = (RuleFile(label, exclude, 0, prefix), outside)
        repository = Repository(0, prefix, gitfiles.submodules(top))
        return Scope((settings, *groups, base), repository)

    def _exists(self, name: bytes) -> bool:
        return os.path.lexists(os.path.join(self._root, name))

    def _is_environment(self, path: bytes) -> bool:
        return os.path.isfile(os.path.join(self._root, path, b"pyvenv.cfg"))

    def _reason(self, path: bytes, is_dir: bool) -> IgnoreReason | None:
        """Walk down to the path, or begin at its directory when that is known to be open."""
        above, _, name = path.rpartition(b"/")
        scope = self._scopes.get(above)
        if scope is not None and not scope.closed:
            return self._reason_here(scope, path, name, is_dir)
        scope = self.root_scope
        parts = path.split(b"/")
        for depth, part in enumerate(parts):
            here = b"/".join(parts[: depth + 1])
            inner = is_dir or depth + 1 < len(parts)
            reason = self._reason_here(scope, here, part, inner)
            if reason is not None or not inner:
                return reason
            if os.path.islink(os.path.join(self._root, here)):
                return None  # no rule: a link is not followed, and no rule file beyond it is read
            scope = self._scope_inside(scope, here)
        return None

    def _reason_here(
        self, scope: Scope, path: bytes, name: bytes, is_dir: bool
    ) -> IgnoreReason | None:
        if name in _INTERNALS:
            return IgnoreReason(GIT_INTERNALS, 0, os.fsdecode(name), path)
        if is_dir and self.excluded(_NO_RULES, path, name, True):
            return IgnoreReason(DEPENDENCIES, 0, os.fsdecode(name), path)
        if not is_dir and self.is_secret(name):
            return IgnoreReason(SECRET, 0, os.fsdecode(name), path)
        for file in scope.files:
            rule = file.match(path, name, is_dir)
            if rule is not None:
                return _reason_of(file, rule, path)
        if is_dir and self._scope_inside(scope, path).closed:
            return IgnoreReason(NESTED_REPOSITORY, 0, ".git", path)
        return None

    def _scope_inside(self, parent: Scope, directory: bytes) -> Scope:
        known = self._scopes.get(directory)
        if known is not None:
            return known
        names = [n for n in (*_RULE_FILES, b".git") if self._exists(directory + b"/" + n)]
        return self.enter(parent, directory, names)


_NO_RULES = Scope((), None)


def _reason_of(file: RuleFile, rule: Rule, path: bytes) -> IgnoreReason | None:
    if not rule.excludes:
        return None
    line = 0 if file.label == SETTINGS else rule.line
    return IgnoreReason(file.label, line, rule.text.decode("utf-8", "replace"), path)


def _braces(glob: str) -> list[str]:
    """Write `*.{a,b}` out as `*.a` and `*.b`; editors know braces, ignore files do not."""
    done: list[str] = []
    waiting = [glob]
    while waiting:
        head = waiting.pop()
        found = re.search(r"\{([^{}]*)\}", head)
        if not found:
            done.append(head)
            continue
        before, after = head[: found.start()], head[found.end() :]
        waiting.extend(before + middle + after for middle in found[1].split(","))
        if len(waiting) > MAX_ALTERNATIVES:
            return [glob]
    return done
