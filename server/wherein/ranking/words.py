"""Identifiers into words: the one tokeniser of documents and queries. Database process only.

`HTTPServer`, `http_server` and `httpServer` all become `http server httpserver`: the parts, lightly
stemmed, and the whole with its separators left out. Identifiers repeat, so the result for each is
kept in a dict, and a document costs one `bytes.translate`, one `split` and a look-up a word.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

#: Longer runs of word characters are data (base64, hashes, minified code), not names.
MAX_IDENTIFIER: Final = 96
#: A part or a whole longer than this is not worth an entry of its own in the vocabulary.
MAX_TOKEN: Final = 64
#: Identifiers remembered. Cleared as a whole: no book-keeping a word. 200,000 left holes of 20 MB
#: in the memory of 105,455 chunks, and saved the worker .2 of 6 CPU seconds for 52,629.
MAX_REMEMBERED: Final = 50_000

_GRAMMAR = """
    a about after all also am an and any are as at be because been before being between both but
    by can could did do does doing done during each either else ever every for from had has have
    having he her here his how i if in into is it its itself just like may me might more most must
    my no nor not now of off on once one only or other our out over own same shall she should so
    some such than that the their them then there these they this those through to too under until
    up us very was we were what whatever when where wherever whether which while who whom whose why
    will with within without would you your"""
#: Words that carry grammar, not meaning; left out of a query unless nothing else is in it.
STOP_WORDS: Final = frozenset(_GRAMMAR.split())

_PARTS = re.compile(r"[a-z]+|[0-9]+|[A-Z]{2,}s(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z][a-z]+|[A-Z]+")
_WORD_RUN = re.compile(r"\w+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]+")
_ENDINGS = frozenset("sdgne")  # the last letters of all that `stem` takes off
_VOWELS = frozenset("aeiouy")
# "embed" is not "emb" + "ed", and it is a word of this trade.
_KEEP = frozenset({"embed"})

# Every ASCII byte that cannot be in an identifier becomes a blank; bytes of other characters stay,
# and the words that hold them take the slow road once.
_TO_WORDS: Final = bytes(
    b if b >= 0x80 or chr(b).isalnum() or b == 0x5F else 0x20 for b in range(256)
)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Take the commonest endings off a lower-case word: -s -es -ies -ing -ed -ion -e."""
    if word[-1:] not in _ENDINGS or len(word) < 3 or word in _KEEP:
        return word
    word = _without_plural(word)
    word = _without_verb_ending(word)
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    return word


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_verb_ending(word: str) -> str:
    if word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("tion", "sion")) and len(word) > 5:
        return word[:-3]
    for ending in ("ing", "ed"):
        rest = word[: -len(ending)]
        if not word.endswith(ending) or len(rest) < 3 or word.endswith("eed"):
            continue
        if _VOWELS.isdisjoint(rest):
            return word  # string, thing
        if rest[-1] == rest[-2] and rest[-1] not in "lsz":
            rest = rest[:-1]  # running, embedded
        return rest
    return word


def _split(identifier: str) -> list[str]:
    """Parts of one identifier of any script, in its own letters' case."""
    if identifier.isascii():
        return _PARTS.findall(identifier)
    if identifier.isalpha() and identifier[1:] == identifier[1:].lower():
        return [identifier]
    parts: list[str] = []
    start = 0
    for i in range(1, len(identifier) + 1):
        if i < len(identifier):
            a, b = identifier[i - 1], identifier[i]
            cut = (
                "_" in (a, b)
                or a.isdigit() != b.isdigit()
                or (b.isupper() and (a.islower() or identifier[i + 1 : i + 2].islower()))
            )
            if not cut:
                continue
        if identifier[start:i] != "_":
            parts.append(identifier[start:i])
        start = i
    return parts


def tokens_of(identifier: str) -> list[str]:
    """Return the tokens of one run of word characters: its parts, then the whole if it has several.

    Chinese, Japanese and Korean runs become overlapping pairs, because they have no blanks.
    """
    if len(identifier) > MAX_IDENTIFIER:
        return []
    cjk = _CJK.findall(identifier) if not identifier.isascii() else []
    if cjk:
        rest = [t for piece in _CJK.split(identifier) if piece for t in tokens_of(piece)]
        pairs = [run[i : i + 2] for run in cjk for i in range(max(1, len(run) - 1))]
        return pairs + rest
    parts = [part.lower() for part in _split(identifier)]
    tokens = [stem(part) for part in parts if len(part) <= MAX_TOKEN]
    if len(parts) > 1:
        whole = "".join(parts)
        if len(whole) <= MAX_TOKEN:
            tokens.append(whole)
    return tokens


class _Stems(dict[str, str]):
    """Part of an identifier, as written -> its token, "" when it is too long for one."""

    def __missing__(self, part: str) -> str:
        token = stem(part.lower()) if len(part) <= MAX_TOKEN else ""
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[part] = token
        return token


_stems = _Stems()


class _Remembered(dict[bytes, str]):
    """Identifier (UTF-8) -> its tokens joined by blanks, made on the first look-up.

    Most of the time of a first index goes into making these, so the common case, ASCII, is
    `tokens_of` written for speed.
    """

    def __missing__(self, identifier: bytes) -> str:
        if identifier.isascii():
            joined = _ascii_tokens(identifier.decode()) if len(identifier) <= MAX_IDENTIFIER else ""
        elif len(identifier) <= 4 * MAX_IDENTIFIER:
            plain = unicodedata.normalize("NFKC", identifier.decode("utf-8", "replace"))
            if plain.isalpha() and plain[1:] == plain[1:].lower() and not _CJK.search(plain):
                joined = _stems[plain]
            else:
                found = [t for run in _WORD_RUN.findall(plain) for t in tokens_of(run)]
                joined = " ".join(found)
        else:
            return ""
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[identifier] = joined
        return joined


def _ascii_tokens(identifier: str) -> str:
    if identifier.isalpha() and identifier.islower():
        return _stems[identifier]
    if identifier.isdigit():
        return identifier if len(identifier) <= MAX_TOKEN else ""
    parts = _PARTS.findall(identifier)
    if len(parts) == 1:
        return _stems[parts[0]]
    tokens = " ".join(map(_stems.__getitem__, parts))
    if len(identifier) > MAX_TOKEN:
        tokens = " ".join(tokens.split())  # without the empty ones
    whole = identifier.replace("_", "").lower()
    return f"{tokens} {whole}".lstrip() if 0 < len(whole) <= MAX_TOKEN else tokens


_remembered = _Remembered()


def forget() -> None:
    """Drop the remembered identifiers: they take memory and come back when they are needed."""
    _remembered.clear()
    _stems.clear()
    stem.cache_clear()


def token_text(text: str) -> str:
    """Return the tokens of a text, joined by blanks: what the word index stores."""
    words = text.encode("utf-8", "replace").translate(_TO_WORDS).split()
    return " ".join(map(_remembered.__getitem__, words))


def tokens(text: str) -> list[str]:
    """Return the tokens of a text in order, repetitions included."""
    return token_text(text).split()


def words_as_typed(text: str) -> list[str]:
    """Return the runs of word characters of a text, as they are written."""
    return _WORD_RUN.findall(text)


def parts_of(text: str) -> list[str]:
    """Return the parts of all identifiers of a text in order, as they are written."""
    return [part for run in _WORD_RUN.findall(text) for part in _split(run)]
