"""Text as the tokenizers take it. Runs in the vectorization worker; pure."""

from __future__ import annotations

# fastembed keeps the first 512 tokens of a text; this many characters always hold them, except
# where code is nearly all white space, and bound the tokenizer's time on what is not code.
MAX_CHARS = 16_384


def encodable(text: str) -> str:
    """Cut the text, and replace half surrogate pairs, which the tokenizer refuses."""
    text = text[:MAX_CHARS]
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")
