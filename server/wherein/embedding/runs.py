"""Token ids by run of letters and digits, each run tokenized once.

The tokenizer takes six sevenths of the time of a document, and code says the same words again and
again. The tokenizer of our own model never looks across a character of ASCII that is no letter or
digit, so what it makes of a run does not depend on its neighbours.
Runs in the vectorization worker.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final

from wherein.embedding.text import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

#: Entries take some 250 bytes: 15 MB at most. The Python files of django have 15,000 different
#: runs, those of django and scipy together 65,000.
MAX_REMEMBERED: Final = 60_000
_LONGEST: Final = 64  # bytes; a longer run is rarely seen again

_UNKNOWN: Final = "[UNK]"
_NORMALIZER: Final = [
    {
        "type": "Replace",
        "pattern": {"Regex": "(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"},
        "content": " ",
    },
    {"type": "Lowercase"},
]
_SPLIT: Final = {
    "type": "Split",
    "pattern": {"Regex": r"[a-z]+|[0-9]{1,4}|[^\x00-\x7f]+"},
    "behavior": "Removed",
    "invert": True,
}
_RUNS: Final = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() else ord(" ") for byte in range(256)
)


def splits_at_runs(tokenizer: Tokenizer) -> bool:
    """Tell whether a tokenizer takes each run by itself: only one made as ours is trusted to."""
    if tokenizer.normalizer is None or tokenizer.pre_tokenizer is None:
        return False
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    return (
        _made_of(tokenizer.normalizer).get("normalizers") == _NORMALIZER
        and _made_of(tokenizer.pre_tokenizer) == _SPLIT
        and added <= {_UNKNOWN}
        and tokenizer.padding is None
    )


def _made_of(part: Normalizer | PreTokenizer) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(part.__getstate__())
    return state


class RememberedRuns(dict[bytes, tuple[int, ...]]):
    """Run (UTF-8) -> its token ids, made on the first look-up. For one thread at a time.

    Only for a tokenizer of which `splits_at_runs` is true; then the ids are the tokenizer's own.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        truncation = tokenizer.truncation
        self._most = None if truncation is None else truncation["max_length"]

    def ids_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, cut where the tokenizer cuts."""
        return [self._ids(encodable(text)) for text in texts]

    def _ids(self, text: str) -> list[int]:
        if _UNKNOWN in text:  # the one token with a sign in it
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
            return ids
        runs = text.encode().translate(_RUNS).split()
        return list(itertools.chain.from_iterable(map(self.__getitem__, runs)))[: self._most]

    def __missing__(self, run: bytes) -> tuple[int, ...]:
        ids = tuple(self._tokenizer.encode(run.decode(), add_special_tokens=False).ids)
        if len(run) <= _LONGEST:
            if len(self) >= MAX_REMEMBERED:
                self.clear()
            self[run] = ids
        return ids
