"""Loads a model through fastembed and embeds with it. Runs in the vectorization worker.

The only module that imports fastembed, and it does so when a model is needed whole: importing
fastembed costs 0.5 CPU seconds. Nothing is downloaded: both kinds of model are read from a folder.
The worker's environment is expected to say TOKENIZERS_PARALLELISM=false.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from wherein.domain import EmbedItem
from wherein.embedding.embedded import EmbeddedModel
from wherein.embedding.fingerprint import fingerprint, hash_files
from wherein.embedding.models import DEFAULT
from wherein.embedding.pooling import TokenTable, split_header, unit_rows
from wherein.embedding.runs import RememberedRuns, splits_at_runs
from wherein.embedding.text import encodable
from wherein.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastembed import TextEmbedding
    from fastembed.text.static_embedding import StaticTextEmbedding
    from numpy.typing import NDArray

    from wherein.embedding.embedder import Embedder, EmbedResult
    from wherein.embedding.models import ModelSpec

# Documents pooled at once. 32 are as fast as 64, 256 are 9 % slower; and a query that comes in the
# middle of a slice waits 2 ms instead of 4.
_BLOCK_ITEMS = 32

_STATIC_RECIPE = "static place*4 name*10 early sqrt"
# fastembed names its models; a folder is loaded under the name of one that has the same layout.
_STATIC_SLOT = "minishlab/potion-base-8M"

_SELF_TEST = EmbedItem(b"", "uploads/retry.py Uploader.retry", "def retry(self, failed): return 1")


def load_embedder(spec: ModelSpec) -> Embedder:
    """Load a model and check its files against their pinned hashes, and try it on one text.

    The embedded model comes at once for questions, and whole when it is given documents.
    Raises ModelError with a sentence that names the file or folder and says what to do.
    Measured: 0.06 CPU seconds for the embedded model, and 0.5 more for its documents, most of
    it fastembed's import.
    """
    hashes = _checked_hashes(spec)
    if spec.choice == DEFAULT:
        digest = fingerprint(hashes, _STATIC_RECIPE)

        def whole() -> Embedder:
            return _tried(spec, lambda: _load_whole(spec, hashes))

        return _tried(
            spec, lambda: EmbeddedModel(spec.name, digest, spec.folder, whole, StaticEmbedder)
        )
    return _tried(spec, lambda: _load_whole(spec, hashes))


def _load_whole(spec: ModelSpec, hashes: dict[str, str]) -> Embedder:
    os.environ["HF_HUB_OFFLINE"] = "1"  # fastembed imports the hub's library, which reads it then
    load = _load_static if spec.kind == "static" else _load_transformer
    embedder = load(spec, hashes)
    _self_test(embedder, spec)
    return embedder


def _tried(spec: ModelSpec, load: Callable[[], Embedder]) -> Embedder:
    """Load, and make what goes wrong a sentence."""
    try:
        return load()
    except ModelError:
        raise
    except ImportError as error:
        raise ModelError(
            f"fastembed, which loads the models, cannot be imported ({error}). "
            "Install wherein again: pip install --force-reinstall wherein"
        ) from error
    except Exception as error:  # the tokenizer and ONNX Runtime raise plain Exceptions
        raise ModelError(
            f"The model in {spec.folder} cannot be loaded: {_first_line(error)} "
            "Copy it again from where you got it, or choose another with `wherein model use`."
        ) from error


class StaticEmbedder:
    """A table of token vectors: documents by weighted sums of rows, queries by the plain mean."""

    slice_items = _BLOCK_ITEMS
    symbol_weight = 0.2

    def __init__(self, name: str, digest: str, model: StaticTextEmbedding) -> None:
        if model.embeddings is None or model.tokenizer is None or model.embeddings.ndim != 2:
            raise ModelError(f"The table of the model {name} has the wrong shape.")
        self.name = name
        self.fingerprint = digest
        self._model = model
        self._tokenizer = model.tokenizer
        self._runs = RememberedRuns(model.tokenizer) if splits_at_runs(model.tokenizer) else None
        self._table = TokenTable(
            model.embeddings, model.weights, model.token_mapping, model.unk_token_id
        )
        self.dim = self._table.dim
        known = self._tokenizer.get_vocab_size()
        scaled = self._table.tokens if model.weights is None else len(model.weights)
        if min(self._table.tokens, scaled) < known:
            raise ModelError(
                f"The tokenizer of the model {name} knows {known} tokens, and its table only "
                f"{min(self._table.tokens, scaled)}: the two files do not belong together. "
                "Copy both from the same place."
            )
        if not self._table.finite:
            raise ModelError(
                f"The table of the model {name} holds values that are not finite numbers, which "
                "would spoil every vector. Copy it again from where you got it."
            )

    def prepare(self) -> StaticEmbedder:
        """Return itself: all is loaded."""
        return self

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """Embed by the document recipe of `pooling`, in blocks that bound the memory."""
        sums = np.zeros((len(items), self.dim), dtype=np.float32)
        for start in range(0, len(items), _BLOCK_ITEMS):
            block = items[start : start + _BLOCK_ITEMS]
            places, names = zip(*(split_header(item.header) for item in block), strict=True)
            texts = [item.text for item in block]
            ids = (self._token_ids(part) for part in (places, names, texts))
            sums[start : start + len(block)] = self._table.pool(*ids)
        return unit_rows(sums)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed with fastembed's own pooling: each token counts as often as it was typed."""
        return _one_row(self._model.raw_embed([encodable(text)]))

    def _token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        if self._runs is not None:
            return self._runs.ids_of(texts)
        cut = [encodable(text) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(cut, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


class TransformerEmbedder:
    """An ONNX transformer that reads the header line and then the text, one item at a time.

    One item at a time is the fastest and the smallest on a CPU, and keeps a quantised model's
    vector independent of what else is in the batch.
    """

    slice_items = 1
    symbol_weight = 0.7

    def __init__(
        self, name: str, digest: str, model: TextEmbedding, prompts: tuple[str, str]
    ) -> None:
        self.name = name
        self.fingerprint = digest
        self._model = model
        self._query_prompt, self._document_prompt = prompts
        first = self._embed("x")
        if first.ndim != 1:
            raise ModelError(
                f"The model {name} gives an array of shape {first.shape} for a text, and not one "
                "vector: its first output must be the token states (batch x tokens x dimension)."
            )
        self.dim = len(first)

    def prepare(self) -> TransformerEmbedder:
        """Return itself: all is loaded."""
        return self

    def embed_documents(self, items: Sequence[EmbedItem]) -> EmbedResult:
        """Embed prompt, header, newline and text of each item; what is too long is cut."""
        rows = np.zeros((len(items), self.dim), dtype=np.float32)
        for index, item in enumerate(items):
            rows[index] = self._embed(f"{self._document_prompt}{item.header}\n{item.text}")
        return unit_rows(rows)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed the model's query prompt and the text; blank text gives zeros."""
        if not text.strip():
            return np.zeros(self.dim, dtype=np.float32)
        return _one_row(self._embed(self._query_prompt + text))

    def _embed(self, text: str) -> NDArray[Any]:
        # batch_size and parallel are fastembed's: one text, in this thread.
        return np.asarray(next(iter(self._model.embed([encodable(text)], 1, None))))


def _one_row(vector: NDArray[Any]) -> NDArray[np.float32]:
    row: NDArray[np.float32] = unit_rows(vector).vectors[0]
    return row


def _checked_hashes(spec: ModelSpec) -> dict[str, str]:
    try:
        hashes = hash_files(spec.folder, spec.files)
    except OSError as error:
        raise ModelError(
            f"The model file {error.filename} cannot be read ({error.strerror}). "
            "Put it back, or choose another model with `wherein model use`."
        ) from error
    for name, expected in spec.sha256.items():
        if hashes[name] != expected:
            raise ModelError(
                f"The model file {spec.folder / name} is damaged: its sha256 is "
                f"{hashes[name][:12]}… and must be {expected[:12]}…. {spec.remedy}"
            )
    return hashes


def _load_static(spec: ModelSpec, hashes: dict[str, str]) -> Embedder:
    from fastembed.text.static_embedding import StaticTextEmbedding

    model = StaticTextEmbedding(
        _STATIC_SLOT,
        cache_dir=str(spec.folder),  # it is created and left empty; the model's folder exists
        specific_model_path=str(spec.folder),
    )
    return StaticEmbedder(spec.name, fingerprint(hashes, _STATIC_RECIPE), model)


def _load_transformer(spec: ModelSpec, hashes: dict[str, str]) -> Embedder:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    pooling = _pooling_name(spec)
    digest = fingerprint(hashes, f"transformer {pooling}")
    prompts = _prompts(spec)
    slot = f"wherein/{digest}"
    declared = _json(spec, "config.json").get("hidden_size")
    if not any(model["model"] == slot for model in TextEmbedding.list_supported_models()):
        TextEmbedding.add_custom_model(
            model=slot,
            pooling=PoolingType[pooling],
            normalization=True,
            sources=ModelSource(url="http://localhost/unused"),  # one is required; never fetched
            dim=declared if isinstance(declared, int) else 0,  # fastembed never looks at it
            model_file=spec.weights,
        )
    model = TextEmbedding(
        slot,
        cache_dir=str(spec.folder),
        threads=1,
        specific_model_path=str(spec.folder),
        local_files_only=True,
    )
    embedder = TransformerEmbedder(spec.name, digest, model, prompts)
    if isinstance(declared, int) and declared != embedder.dim:
        raise ModelError(
            f"The model in {spec.folder} gives vectors of {embedder.dim} numbers, and its "
            f"config.json says {declared}: the files do not belong together."
        )
    return embedder


def _pooling_name(spec: ModelSpec) -> str:
    """Read how token states become one vector from the file sentence-transformers writes."""
    config = _json(spec, "1_Pooling/config.json")
    if config.get("pooling_mode_cls_token"):
        return "CLS"
    if config.get("pooling_mode_lasttoken"):
        return "LAST_TOKEN"
    return "MEAN"


def _prompts(spec: ModelSpec) -> tuple[str, str]:
    """Read the query and document prefixes from the file sentence-transformers writes."""
    prompts = _json(spec, "config_sentence_transformers.json").get("prompts")
    if not isinstance(prompts, dict):
        return "", ""
    query = prompts.get("query") or ""
    document = prompts.get("document") or prompts.get("passage") or ""
    return str(query), str(document)


def _json(spec: ModelSpec, name: str) -> dict[str, Any]:
    if name not in spec.files:
        return {}
    path = spec.folder / name
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model file {path} cannot be read as JSON. Copy it again from where you got it."
        ) from error
    return value if isinstance(value, dict) else {}


def _self_test(embedder: Embedder, spec: ModelSpec) -> None:
    """Embed one fixed text both ways: a model that computes NaN or zeros is refused at once."""
    document = embedder.embed_documents([_SELF_TEST])
    query = embedder.embed_query(_SELF_TEST.text)
    shapes_fit = document.vectors.shape == (1, embedder.dim) and query.shape == (embedder.dim,)
    if not shapes_fit or document.failed or not query.any():
        raise ModelError(
            f"The model in {spec.folder} was loaded, and does not give a usable vector for a "
            "simple function. Copy it again from where you got it, or choose another with "
            "`wherein model use`."
        )


def _first_line(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if line.endswith(".") else f"{line}."
