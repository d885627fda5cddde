"""A question taken apart: its words, whether it is a name, and what it asks for.

Pure Python; runs in the database process only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wherein.ranking.words import STOP_WORDS, tokens_of, words_as_typed

#: Longer questions are cut here; requests are refused at this length before they arrive.
MAX_TEXT: Final = 4_096
_MAX_TERMS: Final = 64

# One identifier, or several joined by what languages join them with; Ruby's ! and ? at the end.
_SYMBOL: Final = re.compile(
    r"(?:\.|::|@|#|/|\\)?[\w$]+(?:(?:\.|::|->|#|/|\\)[\w$]+)*[!?]?(?:\(\))?\Z"
)
_JOINTS: Final = re.compile(r"\.|::|->|#|/|\\")
# A word of a sentence that may be code, with what it is joined to; Lua joins by one colon.
_WORD: Final = re.compile(r"[^\W\d][\w$]*(?:(?:\.|::?|#|->)[^\W\d][\w$]*)*(?:\(\))?")
_WORD_JOINTS: Final = re.compile(r"\.|::?|#|->")
# snake_case, camelCase, HTTPServer, joined(), joined.up
_CODE: Final = re.compile(r"\w_\w|[a-z0-9][A-Z]|[A-Z]{2,}[a-z]|\(\)\Z|\w(?:\.|::?|#|->)\w")
_MOST_MENTIONS: Final = 3
_SHORTEST_MENTION: Final = 3
# "Like save, but …" is about something else.
_SAY_NOTHING: Final = STOP_WORDS - {"like"}

#: Word (stemmed) in a question -> the kind of file that it asks for. One in -ing does not: it is
#: what code is for ("testing client", "generating keys"), where tests are called tests.
_ASKING: Final = {
    "test": "tests", "spec": "tests", "unittest": "tests", "doc": "docs", "documentat": "docs",
    "readm": "docs", "changelog": "docs", "tutorial": "docs", "example": "examples",
    "exampl": "examples", "sampl": "examples", "demo": "examples", "benchmark": "benchmarks",
    "bench": "benchmarks", "fixtur": "fixtures", "mock": "fixtures", "snapshot": "fixtures",
    "generat": "generated", "vendor": "vendored",
    "json": "data", "toml": "data", "yaml": "data", "ini": "data", "csv": "data",
    "config": "data", "configurat": "data", "translat": "data",
    "xml": "markup", "html": "markup", "css": "markup", "scss": "markup", "markup": "markup",
    "templat": "markup", "stylesheet": "markup", "markdown": "docs",
}  # fmt: skip


@dataclass(frozen=True)
class Mention:
    """Code that a sentence names: `find` of "how Picker:find opens", and `Picker` before it.

    `subject` says that the sentence is about it: nothing that means anything stands before it.
    """

    name: str
    qualifier: str
    subject: bool


@dataclass(frozen=True)
class Question:
    """What a query text says.

    `terms` are tokens for the word index, each once, mapped to the word as typed. `words` are the
    stems longer than two letters that names of files are compared with. `name` is the last part of
    a symbol-like text, "" for a sentence, and `qualifiers` the parts before it. `mentions` are the
    names in a sentence.
    """

    text: str
    terms: dict[str, str]
    words: tuple[str, ...]
    name: str
    qualifiers: tuple[str, ...]
    asks_for: frozenset[str]
    mentions: tuple[Mention, ...] = ()

    @property
    def symbol_like(self) -> bool:
        """Say whether the text is a name and not a sentence."""
        return bool(self.name)


def parse(text: str) -> Question:
    """Take a query text apart; any text is fine, and one without words has no terms."""
    # Half of a surrogate pair cannot be stored or sent; editors that cut a text can produce one.
    text = text[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8").strip()
    typed = words_as_typed(text)
    content = [word for word in typed if word.lower() not in STOP_WORDS] or typed
    terms: dict[str, str] = {}
    words: dict[str, None] = {}
    for word in content:
        found = tokens_of(word)
        for token in found:
            terms.setdefault(token, word)
        # The whole of a compound comes last; names of files are compared part by part.
        for part in found[:-1] if len(found) > 1 else found:
            if len(part) > 2:
                words[part] = None
    name = ""
    qualifiers: tuple[str, ...] = ()
    if _SYMBOL.match(text):
        parts = [part for part in _JOINTS.split(text.removesuffix("()").lstrip("@")) if part]
        name, qualifiers = parts[-1], tuple(parts[:-1])
    return Question(
        text=text,
        terms=dict(list(terms.items())[:_MAX_TERMS]),
        words=tuple(words),
        name=name,
        qualifiers=qualifiers,
        asks_for=frozenset(
            _ASKING[token]
            for token, typed in terms.items()
            if token in _ASKING and not typed.lower().endswith("ing")
        ),
        mentions=() if name else _mentions(text),
    )


def _mentions(text: str) -> tuple[Mention, ...]:
    """Find the code that a sentence names: words that no language but a programming one has."""
    found: dict[str, Mention] = {}
    subject = True
    for word in _WORD.findall(text):
        if _CODE.search(word):
            *before, name = _WORD_JOINTS.split(word.removesuffix("()"))
            if len(name) >= _SHORTEST_MENTION:
                found.setdefault(name, Mention(name, before[-1] if before else "", subject))
        elif word.lower() not in _SAY_NOTHING:
            subject = False
    return tuple(found.values())[:_MOST_MENTIONS]
