"""The embedded model and models of a person's own, loaded for real through fastembed."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pytest
from tokenizers import Tokenizer

from model_folders import WORDS, table, write_safetensors, write_static, write_transformer
from wherein.domain import EmbedItem
from wherein.embedding import models
from wherein.embedding.fastembed_backend import load_embedder
from wherein.embedding.pooling import TokenTable, unit_rows
from wherein.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wherein.embedding.embedder import Embedder

EMBEDDED = models.resolve("").folder


@pytest.fixture(scope="module")
def embedded() -> Embedder:
    return load_embedder(models.resolve(""))


def load(folder: Path) -> Embedder:
    return load_embedder(models.resolve(str(folder)))


def item(header: str, text: str) -> EmbedItem:
    return EmbedItem(bytes(16), header, text)


def functions_of_the_standard_library() -> list[EmbedItem]:
    found = []
    for module in (ast, json, shutil, subprocess):
        path = Path(str(module.__file__))
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines(keepends=True)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                code = "".join(lines[node.lineno - 1 : node.end_lineno])
                found.append(item(f"{path.name} {node.name}", code))
    return found


def embedded_table() -> NDArray[np.float64]:
    data = (EMBEDDED / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])

    def tensor(name: str, kind: type) -> NDArray[Any]:
        start, end = (8 + size + offset for offset in header[name]["data_offsets"])
        return np.frombuffer(data[start:end], dtype=kind).reshape(header[name]["shape"])

    return tensor("embeddings", np.int8) * tensor("weights", np.float32).astype(float)[:, None]


def reference(item: EmbedItem, rows: NDArray[np.float64], tokenizer: Tokenizer) -> Any:
    """Follow the recipe word for word, one document at a time, in double precision."""
    counts: dict[int, float] = defaultdict(float)
    path, _, symbol = item.header.partition(" ")
    *owners, name = symbol.split(".")
    place = " ".join((path, *owners))
    for text, times in ((place, 4), (name, 10), (item.text, 0)):
        for at, token in enumerate(tokenizer.encode(text, add_special_tokens=False).ids[:512]):
            if token != tokenizer.token_to_id("[UNK]"):
                counts[token] += times or 0.2 + 0.8 / (1 + at / 30)
    total = sum((count**0.5 * rows[token] for token, count in counts.items()), np.zeros(256))
    return total / np.linalg.norm(total)


def test_documents_agree_with_the_recipe_followed_word_for_word(embedded: Embedder) -> None:
    documents = functions_of_the_standard_library()
    documents += [
        item("größe.py 测量", "x = '☃ naïve'\n" * 3),
        item("long.py f", "alpha beta " * 900),
    ]
    assert len(documents) > 150  # several blocks
    result = embedded.embed_documents(documents)
    assert (result.vectors.dtype, result.vectors.shape) == (np.float32, (len(documents), 256))
    assert result.failed == []
    rows = embedded_table()
    tokenizer = Tokenizer.from_file(str(EMBEDDED / "tokenizer.json"))
    expected = np.array([reference(document, rows, tokenizer) for document in documents])
    assert np.abs(result.vectors - expected).max() < 1e-5


def test_queries_count_each_token_as_typed(embedded: Embedder) -> None:
    query = "retry retry retry failed uploads"
    rows = embedded_table()
    ids = Tokenizer.from_file(str(EMBEDDED / "tokenizer.json")).encode(query).ids
    total = rows[ids].sum(axis=0)
    vector = embedded.embed_query(query)
    assert (vector.dtype, vector.shape) == (np.float32, (256,))
    assert np.abs(vector - total / np.linalg.norm(total)).max() < 1e-5


def test_the_meaning_of_a_query_is_nearest_to_the_function_that_does_it(embedded: Embedder) -> None:
    documents = [
        item(
            "transfer/queue.py TransferQueue.attempt_again",
            "def attempt_again(self):\n    for job in self.unsuccessful:\n"
            "        if job.tries < LIMIT:\n            self.send(job.file)\n",
        ),
        item("ui/theme.py parse_color", "def parse_color(text):\n    return int(text[1:], 16)\n"),
        item("db/schema.py create_tables", "def create_tables(db):\n    db.execute(DDL)\n"),
        item("util/text.py wrap", "def wrap(text, width):\n    return fill(text, width)\n"),
    ]
    vectors = embedded.embed_documents(documents).vectors
    for query, best in (("retry failed uploads", 0), ("convert hex string to rgb", 1)):
        assert int(np.argmax(vectors @ embedded.embed_query(query))) == best


def test_a_vector_does_not_depend_on_the_batch_it_is_in(embedded: Embedder) -> None:
    documents = functions_of_the_standard_library()[:130]
    together = embedded.embed_documents(documents).vectors
    alone = np.concatenate([embedded.embed_documents([document]).vectors for document in documents])
    assert np.abs(together - alone).max() < 1e-6


def test_what_the_model_does_not_know_fails_and_is_zeros(embedded: Embedder) -> None:
    result = embedded.embed_documents(
        [item("", ""), item("a.py f", "def f(): pass"), item("", " \n\t{}();"), item("", "\x00")]
    )
    assert result.failed == [0, 2, 3]
    assert not result.vectors[[0, 2, 3]].any()
    assert np.linalg.norm(result.vectors[1]) == pytest.approx(1.0, abs=1e-6)
    assert not embedded.embed_query("").any()
    assert not embedded.embed_query(" ?! ").any()
    assert embedded.embed_documents([]).vectors.shape == (0, 256)


def test_texts_that_are_not_quite_text_are_embedded(embedded: Embedder) -> None:
    # a file name that is not UTF-8 arrives with half surrogate pairs
    odd = [item("caf\udce9.py load", "def load(): pass"), item("h", "read " + "a" * 200_000)]
    assert embedded.embed_documents(odd).failed == []
    assert embedded.embed_query("load \ud83d file").any()


def test_an_own_table_of_another_dimension_works_alike(tmp_path: Path) -> None:
    embedder = load(write_static(tmp_path / "mine"))
    assert (embedder.name, embedder.dim) == ("mine", 6)
    rows = table(6)
    # the place counts 4, the unknown `zebra` nothing, and later tokens less
    parse = sum(0.2 + 0.8 / (1 + at / 30) for at in (0, 2, 3))
    total = 2 * rows[1] + parse**0.5 * rows[4]
    vector = embedder.embed_documents([item("retry", "parse zebra parse parse")]).vectors[0]
    assert np.allclose(vector, total / np.linalg.norm(total), atol=1e-6)


def test_shared_rows_and_token_weights_are_honoured(tmp_path: Path) -> None:
    rows = table(5, rows=4).astype(np.float16)
    mapping = np.arange(len(WORDS), dtype=np.int64) % 4
    weights = np.linspace(0.5, 2.0, len(WORDS), dtype=np.float32)
    tensors = {"embeddings": rows, "mapping": mapping, "weights": weights}
    embedder = load(write_static(tmp_path, tensors))
    # tokens 1 and 5 share row 1
    later = (0.2 + 0.8 / (1 + 1 / 30)) ** 0.5
    total = (2 * weights[1] + weights[5]) * rows[1].astype(float) + later * weights[6] * rows[2]
    vector = embedder.embed_documents([item("retry", "header line")]).vectors[0]
    assert np.allclose(vector, total / np.linalg.norm(total), atol=1e-3)
    plain = weights[1] * rows[1].astype(float) + weights[6] * rows[2]
    query = embedder.embed_query("retry line")
    assert np.allclose(query, plain / np.linalg.norm(plain), atol=1e-3)


def test_a_damaged_embedded_model_is_refused_by_its_hash(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(EMBEDDED, folder)
    spec = attrs.evolve(models.resolve(""), folder=folder)
    assert load_embedder(spec).fingerprint == load_embedder(models.resolve("")).fingerprint
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"?")
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged: its sha256 is .*must be"):
        load_embedder(spec)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read \(No such file"):
        load_embedder(spec)


def test_F64_damaged_own_models_are_refused_with_a_sentence(tmp_path: Path) -> None:
    short = write_static(tmp_path / "short")
    with (short / "model.safetensors").open("r+b") as file:
        file.truncate(120)
    with pytest.raises(
        ModelError, match=r"The model in .*short cannot be loaded: .* Copy it again"
    ):
        load(short)
    garbled = write_static(tmp_path / "garbled")
    (garbled / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(ModelError, match=r"The model in .*garbled cannot be loaded"):
        load(garbled)
    onnx = write_transformer(tmp_path / "onnx")
    (onnx / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"The model in .*onnx cannot be loaded"):
        load(onnx)


def test_F64_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    folder = write_static(tmp_path / "few", {"embeddings": table(6, rows=4)})
    with pytest.raises(ModelError, match="knows 10 tokens, and its table only 4"):
        load(folder)
    flat = write_static(tmp_path / "flat", {"embeddings": np.zeros(10, dtype=np.float32)})
    with pytest.raises(ModelError, match="wrong shape"):
        load(flat)
    declared = write_transformer(tmp_path / "declared", dim=6, declared=7)
    with pytest.raises(ModelError, match=r"vectors of 6 numbers, and its config\.json says 7"):
        load(declared)


def test_F64_a_table_with_a_value_that_is_no_number_is_refused(tmp_path: Path) -> None:
    for index, value in enumerate((np.nan, np.inf)):
        rows = table(6)
        rows[WORDS.index("color"), 3] = value
        folder = write_static(tmp_path / str(index), {"embeddings": rows})
        with pytest.raises(ModelError, match="not finite numbers"):
            load(folder)


def test_F64_a_model_that_computes_only_zeros_is_refused(tmp_path: Path) -> None:
    rows = np.zeros((len(WORDS), 6), dtype=np.float32)
    with pytest.raises(ModelError, match="does not give a usable vector"):
        load(write_static(tmp_path, {"embeddings": rows}))


def test_F64_a_vector_that_is_not_finite_fails_and_is_not_returned(tmp_path: Path) -> None:
    rows = table(6)
    rows[WORDS.index("color")] = np.nan
    embedder = load(write_transformer(tmp_path, rows=rows))
    result = embedder.embed_documents([item("retry", "x"), item("x", "color"), item("x", "line")])
    assert result.failed == [1]
    assert np.isfinite(result.vectors).all()
    assert not result.vectors[1].any()
    assert not embedder.embed_query("color").any()


def mean(rows: NDArray[np.float32], words: str) -> NDArray[np.float32]:
    states = rows[[WORDS.index(word) if word in WORDS else 0 for word in words.split()]]
    total = states.mean(axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def test_a_transformer_reads_the_header_line_and_then_the_text(tmp_path: Path) -> None:
    embedder = load(write_transformer(tmp_path, dim=8))
    assert (embedder.dim, embedder.slice_items) == (8, 1)
    documents = [item("retry upload", "parse line"), item("color", "screen " * 40)]
    result = embedder.embed_documents(documents)
    assert result.failed == []
    assert np.allclose(result.vectors[0], mean(table(8), "retry upload parse line"), atol=1e-6)
    cut = "color " + "screen " * 15  # model_max_length is 16
    assert np.allclose(result.vectors[1], mean(table(8), cut), atol=1e-6)
    assert np.allclose(embedder.embed_query("failed x"), mean(table(8), "failed x"), atol=1e-6)
    assert not embedder.embed_query("  ").any()


def test_a_transformers_own_pooling_and_prompts_are_honoured(tmp_path: Path) -> None:
    folder = write_transformer(tmp_path)
    plain = load(folder).fingerprint
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    prompts = {"prompts": {"query": "parse ", "passage": "line "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    embedder = load(folder)
    assert embedder.fingerprint != plain
    assert np.allclose(embedder.embed_query("retry"), mean(table(6), "parse"), atol=1e-6)
    vector = embedder.embed_documents([item("retry", "color")]).vectors[0]
    assert np.allclose(vector, mean(table(6), "line"), atol=1e-6)
    (folder / "1_Pooling" / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json cannot be read as JSON"):
        load(folder)


def test_loading_a_model_writes_nothing(tmp_path: Path) -> None:
    folders = [write_static(tmp_path / "s"), write_transformer(tmp_path / "t")]
    before = sorted(tmp_path.rglob("*"))
    for folder in folders:
        load(folder)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_same_transformer_may_be_loaded_twice(tmp_path: Path) -> None:
    first, second = (load(write_transformer(tmp_path / name)) for name in ("a", "b"))
    assert first.fingerprint == second.fingerprint
    assert np.array_equal(first.embed_query("retry"), second.embed_query("retry"))


def test_the_catalogue_and_the_protocol_import_nothing_heavy() -> None:
    script = (
        "import sys, wherein.embedding.models, wherein.embedding.embedder; "
        "print(sorted({'numpy', 'fastembed', 'onnxruntime', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "[]"


def pooled(places: Sequence[list[int]], texts: Sequence[list[int]]) -> NDArray[np.float32]:
    return TokenTable(table(3), None, None, 0).pool(places, [[] for _ in texts], texts)


def test_pooling_of_empty_and_unknown_tokens_is_zero() -> None:
    assert not pooled([[], []], [[], []]).any()
    assert not pooled([[0], []], [[0, 0], [0]]).any()
    mixed = pooled([[], [0]], [[3, 0], [0]])
    assert np.allclose(mixed[0], table(3)[3])
    assert not mixed[1].any()


def test_unit_rows_fails_what_has_no_direction() -> None:
    huge = np.array([[3.0, 4.0], [np.inf, 0.0], [0.0, 0.0], [np.nan, 1.0], [1e-9, 0.0]])
    result = unit_rows(huge)
    assert result.failed == [1, 2, 3, 4]
    assert np.allclose(result.vectors[0], [0.6, 0.8])
    assert not result.vectors[1:].any()


def test_a_table_written_as_integers_is_read_as_such(tmp_path: Path) -> None:
    rows = np.round(table(6) * 30).astype(np.int8)
    folder = write_static(tmp_path)
    write_safetensors(folder / "model.safetensors", {"embeddings": rows})
    vector = load(folder).embed_documents([item("", "parse")]).vectors[0]
    assert np.allclose(vector, rows[4] / np.linalg.norm(rows[4].astype(float)), atol=1e-6)


def test_a_question_is_embedded_alike_before_and_after_fastembed_is_there() -> None:
    questions = ["where do we retry failed uploads", "größe 测量 x", "a a a b", "", "parse " * 600]
    embedder = load_embedder(models.resolve(""))
    before = [embedder.embed_query(question) for question in questions]
    embedder.prepare()
    after = [embedder.embed_query(question) for question in questions]
    assert np.abs(np.array(before) - np.array(after)).max() < 1e-6
    assert np.linalg.norm(before[0]) == pytest.approx(1.0, abs=1e-6)


def test_a_question_does_not_wait_for_fastembed() -> None:
    code = (
        "import sys; from wherein.domain import EmbedItem; "
        "from wherein.embedding.fastembed_backend import load_embedder; "
        "from wherein.embedding.models import resolve; model = load_embedder(resolve('')); "
        "known = model.embed_query('retry').any(); print(known, 'fastembed' in sys.modules); "
        "model.embed_documents([EmbedItem(b'', 'h', 't')]); print('fastembed' in sys.modules)"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "False", "True"]


def test_a_process_that_loads_a_model_keeps_off_the_hub() -> None:
    code = (
        "from wherein.embedding.fastembed_backend import load_embedder; "
        "from wherein.embedding.models import resolve; load_embedder(resolve('')).prepare(); "
        "from huggingface_hub import constants; print(constants.HF_HUB_OFFLINE)"
    )
    surroundings = {name: value for name, value in os.environ.items() if name[:3] != "HF_"}
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(
        command, env=surroundings, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True\n"
