"""Start vectors of the vocabulary, and a teacher's vectors of sentences, by all-MiniLM-L6-v2.

The model comes from a pinned package, as `wherein model build all-MiniLM-L6-v2` gets it.
"""

from __future__ import annotations

import multiprocessing
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from wherein.embedding import minilm, models
from wherein.embedding.fastembed_backend import load_embedder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from wherein.embedding.embedder import Embedder

    Floats = NDArray[np.float32]

_BLOCK = 1000


def build_teacher(folder: Path, work: Path) -> Path:
    """Build the teacher's files in `folder` unless they are there."""
    if not (folder / "model.onnx").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        minilm.build(folder, work)
    return folder


def teach(texts: Sequence[str], folder: Path, say: Callable[[str], None]) -> Floats:
    """Return the teacher's unit vectors of some texts; two processes share the work."""
    blocks = [texts[start : start + _BLOCK] for start in range(0, len(texts), _BLOCK)]
    found: list[Floats] = []
    with multiprocessing.Pool(2) as pool:
        for vectors in pool.imap(partial(_teach, folder=str(folder)), blocks):
            found.append(vectors)
            if len(found) % 10 == 0 or len(found) == len(blocks):
                say(f"the teacher has read {len(found)} of {len(blocks)} blocks of {_BLOCK} texts")
    return np.concatenate(found)


def _teach(texts: Sequence[str], folder: str) -> Floats:
    embedder = _teacher(folder)
    return np.stack([embedder.embed_query(text) for text in texts])


@cache
def _teacher(folder: str) -> Embedder:
    return load_embedder(models.resolve(folder))


def vocabulary(tokenizer: Tokenizer) -> list[str]:
    """Return the tokens in the order of their numbers."""
    return [tokenizer.id_to_token(number) or "" for number in range(tokenizer.get_vocab_size())]


def reduce(vectors: Floats, dimensions: int) -> Floats:
    """Turn vectors into unit vectors of their main directions."""
    centred = vectors - vectors.mean(axis=0)
    _, turns = np.linalg.eigh(centred.T @ centred)
    less = centred @ turns[:, ::-1][:, :dimensions]
    return (less / (np.linalg.norm(less, axis=1, keepdims=True) + 1e-6)).astype(np.float32)
