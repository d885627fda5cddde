"""The definitions in a parsed file: what the queries find, named and nested, with their docs.

The queries are the `.scm` files in `queries/`. They capture `@name` and one of: the values of
`domain.Kind` on the node that is the definition; `@variable` for one that is a constant when its
name begins with a capital; `@scope` for a node that only qualifies what is in it (`impl`);
`@reexport` for a name that is defined elsewhere and passed on here, which is no symbol. `@of` is
the type that a method outside of it belongs to; `@doc` is a comment, decorator or attribute that
belongs to the definition below it. Runs in the file-watcher and the database worker.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from wherein.domain import Kind, Symbol

if TYPE_CHECKING:
    from tree_sitter import Node

    from wherein.indexing.lines import Lines

MAX_SIGNATURE = 200
MAX_NAME = 200

_KINDS = {kind.value: kind for kind in Kind} | {
    "variable": Kind.CONSTANT,
    "reexport": Kind.CONSTANT,
    "scope": Kind.CLASS,
}
TYPES = frozenset((Kind.CLASS, Kind.INTERFACE, Kind.STRUCT, Kind.ENUM))
FUNCTIONS = frozenset((Kind.FUNCTION, Kind.METHOD))
# Names of more than one part: only in these is a dot or a colon a separator.
_COMPOUND = re.compile(
    r"member|qualified|scope|index_expression|dotted|nested|variable|namespace_name|attribute"
    r"|user_type|field_expression|^alias$"
)
_QUOTES = "'\"`"
_SEPARATOR = re.compile(r"::|[.:\\]")
_ARGUMENTS = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\s+")
_FILLERS = frozenset(("prototype", "exports", "module", "this", "self", "Self", "window", ""))


@attrs.define
class Definition:
    """One definition: bytes and rows of its node, and `top`, the first row of its docs above it.

    `parent` is the definition around it. A nameless one (`impl`, an anonymous namespace) is no
    symbol.
    """

    kind: Kind
    path: tuple[str, ...]
    start_byte: int
    end_byte: int
    start: int
    end: int
    top: int
    name_row: int
    is_symbol: bool
    is_scope: bool
    is_reexport: bool = False
    name_byte: int = -1
    is_method: bool = False  # in any parent
    is_typedef: bool = False  # C: what is named inside of it is not a member of it
    parent: Definition | None = None
    has_children: bool = False

    @property
    def qualified(self) -> str:
        """The dotted path inside the file."""
        return ".".join(self.path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[-1] if self.path else ""


def definitions(
    matches: list[tuple[int, dict[str, list[Node]]]], lines: Lines, merges: bool
) -> list[Definition]:
    """Order what a query matched: by position, the outer before the inner, each with its parent.

    `merges` joins neighbours of the same name (clauses of one function).
    """
    found: list[Definition] = []
    docs: dict[int, int] = {}  # last row -> first row
    for _, captures in matches:
        doc = captures.get("doc")
        if doc is not None:
            for node in doc:
                _add_doc(docs, node, lines)
            continue
        one = _definition(captures, lines)
        if one is not None:
            found.append(one)
    found.sort(key=lambda one: (one.start_byte, -one.end_byte, one.kind is Kind.CONSTANT))
    found = _nest(found)
    for one in found:
        _leave_docs(one, docs, lines)
    if merges:
        found = _merge(found, lines)
    for one in found:
        one.top = _top(one.top, docs, lines)
    return found


def _top(row: int, docs: dict[int, int], lines: Lines) -> int:
    """Return the first row of what is said above a row, or that row.

    Where nothing stands right above it, a blank row may be below a comment that opens as
    documentation does and does not open the file.
    """
    first = docs.get(row - 2, 0)
    if first and lines.is_blank(row - 1) and lines.rows[first].lstrip().startswith(b"/**"):
        row = first
    while row - 1 in docs:
        row = docs[row - 1]
    return row


def symbols(found: list[Definition], lines: Lines) -> list[Symbol]:
    """Turn definitions into the symbols of the index, in the order of the file."""
    return [
        Symbol(
            name=one.name,
            qualified=one.qualified,
            kind=one.kind,
            start_line=one.start + 1,
            end_line=one.end + 1,
            start_byte=one.start_byte,
            end_byte=one.end_byte,
            signature=_signature(lines, one.name_row),
        )
        for one in found
        if one.is_symbol
    ]


def _add_doc(docs: dict[int, int], node: Node, lines: Lines) -> None:
    start = node.start_byte
    first = lines.row_of(start)
    if lines.rows[first][: start - lines.starts[first]].strip(b" \t"):
        return  # a comment behind code
    last = _last_row(first, node.end_byte, lines)
    docs[last] = min(first, docs.get(last, first))


def _last_row(first: int, end: int, lines: Lines) -> int:
    """Return the last row with something of a node in it, of its first row and where it ends.

    Some grammars take the line feed behind a node into it, and the blanks of the next row.
    """
    last = lines.row_of(end)
    if last == first or lines.rows[last][: end - lines.starts[last]].strip():
        return last
    while last - 1 > first and lines.is_blank(last - 1):
        last -= 1
    return last - 1


def _leave_docs(one: Definition, docs: dict[int, int], lines: Lines) -> None:
    """Take the comments at the end of a definition from it that stand no deeper than its head.

    They are about what follows; Scala's grammar has them in what is before.
    """
    while one.start < docs.get(one.end, -1) and _indent(lines, docs[one.end]) <= _indent(
        lines, one.start
    ):
        one.end = docs[one.end] - 1
        while one.end > one.start and lines.is_blank(one.end):
            one.end -= 1


def _indent(lines: Lines, row: int) -> int:
    text = lines.rows[row]
    return len(text) - len(text.lstrip(b" \t"))


def _definition(captures: dict[str, list[Node]], lines: Lines) -> Definition | None:
    names = captures.get("name")
    path: tuple[str, ...] = ()
    label = ""
    node: Node | None = None
    for label, nodes in captures.items():
        if label in _KINDS:
            node = nodes[0]
            break
    if node is None:
        return None
    start_byte, end_byte = node.start_byte, node.end_byte
    name_row = start = lines.row_of(start_byte)
    name_byte = -1
    if names:
        name = _real_name(names[0])
        path = _parts(name, lines.data)
        name_byte = name.start_byte
        name_row = lines.row_of(name_byte)
        if not path[-1]:
            return None  # a name that is missing in broken code, or of nothing but blanks
        if label == "variable" and not path[-1].lstrip("_")[:1].isupper():
            return None
    owner = captures.get("of")
    if owner:
        path = (*_parts(owner[0], lines.data), *path)
    top = start
    around = node.parent
    while around is not None and around.type == "template_declaration":
        top = lines.row_of(around.start_byte)
        around = around.parent
    is_scope = label == "scope"
    kind = _KINDS[label]
    if kind in FUNCTIONS:
        kind = Kind.METHOD if len(path) > 1 else Kind.FUNCTION
    return Definition(
        kind=kind,
        path=path,
        start_byte=start_byte,
        end_byte=end_byte,
        start=start,
        end=_last_row(start, end_byte, lines),
        top=top,
        name_row=name_row,
        is_symbol=bool(path) and not is_scope and label != "reexport",
        is_scope=is_scope,
        is_reexport=label == "reexport",
        name_byte=name_byte,
        is_method=label == "method",
        is_typedef=node.type == "type_definition",
    )


def _real_name(node: Node) -> Node:
    """Return a name of C or C++ that the grammar took for its type: EXPORT type name(…)."""
    after = node.next_sibling
    if after is not None and after.type == "ERROR" and after.named_child_count:
        last = after.named_children[-1]
        return last if last.type == node.type == "identifier" else node
    inner: Node | None = node
    while inner is not None and inner.type == "qualified_identifier":
        name = inner.child_by_field_name("name")
        if name is not None and any(child.is_missing for child in inner.children):
            return name
        inner = name
    return node


def _parts(node: Node, data: bytes) -> tuple[str, ...]:
    text = data[node.start_byte : node.end_byte][:MAX_NAME].decode("utf-8", "replace")
    if text[:1] in _QUOTES:  # and not at the end alone: foldl' is a name of Haskell
        text = text.strip(_QUOTES)
    if node.type == "simple_symbol":  # Ruby: alias :new :old
        text = text.lstrip(":")
    if not _COMPOUND.search(node.type):
        if text.startswith("(") and text.endswith(")"):  # Haskell: (<+>) is the name <+>
            text = text[1:-1]
        if node.type == "operator_cast":  # C++: operator bool() const
            text = text.partition("(")[0]
        if node.type.startswith("template_"):  # C++: formatter<Tuple, Char> specialises formatter
            text = text.partition("<")[0]
        return (" ".join(text.split()),)
    head, operator, tail = text.partition("operator")
    if operator and not tail[:1].isidentifier():  # C++: Class::operator<
        return (*_parts_of(head), operator + tail.replace(" ", ""))
    return _parts_of(text) or (text,)


def _parts_of(text: str) -> tuple[str, ...]:
    for _ in range(4):
        shorter = _ARGUMENTS.sub("", text)
        if shorter == text:
            break
        text = shorter
    return tuple(part for part in _SEPARATOR.split(text) if part not in _FILLERS)


def _nest(found: list[Definition]) -> list[Definition]:
    """Give each definition its parent and its full path; drop repeats."""
    kept: list[Definition] = []
    around: list[Definition] = []
    constants: set[tuple[str, ...]] = set()
    named: set[int] = set()
    for one in found:
        if one.name_byte in named:
            continue  # two patterns took the same definition: the outer one stands
        if one.name_byte >= 0:
            named.add(one.name_byte)
        while around and (
            around[-1].end_byte <= one.start_byte
            or (around[-1].start_byte, around[-1].end_byte) == (one.start_byte, one.end_byte)
        ):
            around.pop()
        parent = around[-1] if around else None
        if parent is not None:
            one.parent = parent
            one.path = (parent.path[:-1] if parent.is_typedef else parent.path) + one.path
            if one.kind is Kind.FUNCTION and (parent.kind in TYPES or one.is_method):
                one.kind = Kind.METHOD
        if one.kind is Kind.CONSTANT:
            if one.path in constants:
                continue
            constants.add(one.path)
        if parent is not None:
            parent.has_children = True
        kept.append(one)
        around.append(one)
    return kept


def _merge(found: list[Definition], lines: Lines) -> list[Definition]:
    """Join clauses: neighbours of one name, kind and parent with nothing but blank rows between."""
    kept: list[Definition] = []
    last: dict[int, Definition] = {}  # by parent: the one before
    for one in found:
        key = id(one.parent)
        before = last.get(key)
        if (
            before is not None
            and one.is_symbol
            and before.path == one.path
            and before.kind is one.kind
            and lines.trim(before.end + 1, one.start - 1) is None
        ):
            before.end, before.end_byte = one.end, one.end_byte
            before.has_children = before.has_children or one.has_children
            continue
        last[key] = one
        kept.append(one)
    return kept


def _signature(lines: Lines, row: int) -> str:
    text = lines.rows[row][: MAX_SIGNATURE * 4].decode("utf-8", "replace").strip("\ufeff \t\r\f\v")
    return text[:MAX_SIGNATURE]
