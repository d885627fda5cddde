"""A chunk as plain words, which is how a model of English reads code best. Database process; pure.

`maxRetries` is no word of its language, `max retries` are two. Comments are left out: they are what
the question resembles anyway, and there are too few tokens to spend. On the development set a
second opinion of MiniLM gives +.006 with this text and nothing with the code itself.
"""

from __future__ import annotations

import re
from typing import Final

from wherein.ranking.words import parts_of

_COMMENTS: Final = re.compile(
    r'"""(.*?)"""|\'\'\'(.*?)\'\'\'|/\*(.*?)\*/|(?://|#|--)[^\n]*', re.DOTALL
)
_OF_LANGUAGES = """
    and as async await break case catch char class const continue def do elif else end except export
    false fn for from func function if impl import in int is let local new nil none not null or
    private pub public raise return self static str string struct switch then this throw true try
    type var void while the"""
_KEYWORDS: Final = frozenset(_OF_LANGUAGES.split())


def plain(path: bytes, symbol: str, text: str) -> tuple[str, str]:
    """Return header and body: the words of path and symbol, and those of the code, each once."""
    where = path.decode("utf-8", "replace").rpartition(".")[0] or path.decode("utf-8", "replace")
    header = " ".join(part.lower() for part in (*parts_of(where), *parts_of(symbol)))
    words = dict.fromkeys(part.lower() for part in parts_of(_COMMENTS.sub(" ", text)))
    return header, " ".join(w for w in words if len(w) > 1 and w not in _KEYWORDS)
