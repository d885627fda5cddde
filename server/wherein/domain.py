"""The values that every part of wherein speaks about: frozen, no I/O, no behaviour of their own.

They are msgspec structs, so the same value goes over a socket as msgpack and through Python as an
object. Paths are `bytes` relative to the workspace folder, separated by `/`, for a name on disk
need not be text. Lines are 1-based and inclusive. Byte offsets are half-open and count bytes of the
*source data* that `indexing.reader` returns: the file's own bytes for every encoding that contains
ASCII (a UTF-8 mark included), the text as UTF-8 for UTF-16 files and notebooks. For every process.
"""

from __future__ import annotations

import enum

import msgspec


class Kind(str, enum.Enum):
    """What a chunk or a symbol is, in words that a filter can use."""

    FUNCTION = "function"
    METHOD = "method"
    CLASS = "class"
    INTERFACE = "interface"  # traits and protocols too
    STRUCT = "struct"
    ENUM = "enum"
    TYPE = "type"  # aliases, typedefs, Haskell data types
    MODULE = "module"  # namespaces, Rust mod, Ruby module; and the rest of a file
    CONSTANT = "constant"
    MACRO = "macro"
    SECTION = "section"  # Markdown
    CELL = "cell"  # notebooks
    TEXT = "text"  # line windows


class Mode(str, enum.Enum):
    """Which retrievals a search uses."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    SEMANTIC = "semantic"


class Skip(str, enum.Enum):
    """Why a file is not in the index."""

    TOO_LARGE = "too_large"
    BINARY = "binary"
    UNREADABLE = "unreadable"
    NOT_REGULAR = "not_regular"
    SYMLINK = "symlink"
    VANISHED = "vanished"
    BUSY = "busy"  # kept changing while it was read
    EMPTY = "empty"
    SECRET = "secret"  # noqa: S105 - a word, not a password
    FAILED = "failed"  # reading or parsing it raised
    QUARANTINED = "quarantined"  # parsing it killed the worker, twice


class Signature(msgspec.Struct, frozen=True, array_like=True):
    """What `stat` says of a file; equal signatures mean unchanged content (racy edits aside)."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Symbol(msgspec.Struct, frozen=True, array_like=True):
    """One definition in a file.

    `qualified` is the dotted path inside the file (`Uploader.retry`), `name` its last part.
    `signature` is the first line of the definition, at most 200 characters.
    """

    name: str
    qualified: str
    kind: Kind
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    signature: str


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a file that is found as one.

    `symbol` is the qualified name of the definition it is (or lies in), "" for none. `definitions`
    are the bare names defined in it. `text` is the source between the offsets, as text.
    """

    ordinal: int
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    symbol: str
    kind: Kind
    definitions: tuple[str, ...]
    text: str


class ParsedFile(msgspec.Struct, frozen=True, array_like=True):
    """What the chunker makes of one file."""

    language: str
    chunks: tuple[Chunk, ...]
    symbols: tuple[Symbol, ...]


class FileUpdate(msgspec.Struct, frozen=True, array_like=True):
    """One file's new state, written in one transaction. `skip` set: kept out, with this reason.

    `content_hash` is xxh3_128 of the file's bytes (16 bytes, empty when it was not read).
    `request_id` makes a repeated write a no-op.
    """

    path: bytes
    signature: Signature
    content_hash: bytes
    language: str
    chunks: tuple[Chunk, ...]
    symbols: tuple[Symbol, ...]
    request_id: bytes
    skip: Skip | None = None


class KnownFile(msgspec.Struct, frozen=True, array_like=True):
    """A file as the index has it."""

    path: bytes
    signature: Signature
    content_hash: bytes
    skip: Skip | None = None


class FileList(msgspec.Struct, frozen=True, array_like=True):
    """All files that the index knows, and the commit that this list reflects."""

    files: list[KnownFile]
    commit: int


class FileQuery(msgspec.Struct, frozen=True, array_like=True):
    """One file to look up."""

    path: bytes


class FileState(msgspec.Struct, frozen=True, array_like=True):
    """What the index knows of one file; None for nothing."""

    file: KnownFile | None


class Overlay(msgspec.Struct, frozen=True, array_like=True):
    """A file's unsaved text, as UTF-8, for the connection it comes over; None: there is none.

    `version` grows with every change while the file is open.
    """

    path: bytes
    version: int
    text: bytes | None


class RemoveFiles(msgspec.Struct, frozen=True, array_like=True):
    """Files that are gone from the disk."""

    paths: list[bytes]
    request_id: bytes


class TouchFiles(msgspec.Struct, frozen=True, array_like=True):
    """Files whose content is unchanged but whose signature is new."""

    files: list[tuple[bytes, Signature]]
    request_id: bytes


class Written(msgspec.Struct, frozen=True, array_like=True):
    """The answer to a write: the commit number after it, and whether anything was written."""

    commit: int
    changed: bool


class Quality(str, enum.Enum):
    """When a second model is asked for its opinion of the best answers."""

    OFF = "off"
    ON = "on"
    IDLE = "idle"  # once every chunk has its vector


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One question with its filters. `budget_ms` bounds the wait for the query's vector.

    `embed_ms` is for vectors made for this question: of candidates, and by the second model.
    """

    text: str
    limit: int = 10
    paths: tuple[str, ...] = ()  # globs, any may match; a leading ! excludes
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    mode: Mode = Mode.HYBRID
    budget_ms: int = 150
    embed_ms: int = 400
    quality: Quality = Quality.OFF
    snippet_lines: int = 0  # how many lines of code to return with each hit, 0 for none


class SimilarQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a file, or a text, to which similar code is wanted.

    Lines as the index counts them, 0 and 0 for all; `around` widens them to the definition there.
    `text` is what stands there now, "" to read it; without a path it is all there is. Limit,
    filters, budget and snippets are those of `search`, whose own text and mode do not count.
    """

    search: SearchQuery
    path: bytes = b""
    start_line: int = 0
    end_line: int = 0
    around: bool = False
    text: str = ""


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `via` says why (`name`, `words`, `meaning`); `rules` are those that moved it."""

    path: bytes
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    symbol: str
    kind: Kind
    language: str
    score: float
    via: tuple[str, ...]
    rules: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()  # query words found in the chunk
    snippet: str = ""
    words: float = 0.0  # BM25
    cosine: float | None = None  # None: not compared
    stale: bool = False  # the file has other text there now
    last_line: bytes | None = None  # whole, where the protocol's lines are ours


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the workspace an answer saw; `made` counts the vectors made for this answer."""

    files: int
    chunks: int
    vectors: int
    made: int = 0


class SearchResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The hits, best first; `notes` are sentences: what was degraded, why nothing was found."""

    hits: list[SearchHit]
    coverage: Coverage
    commit: int
    notes: list[str]
    timings_us: dict[str, int]


class SymbolQuery(msgspec.Struct, frozen=True, array_like=True):
    """A name, or part of one, as typed into the editor's symbol box."""

    text: str
    limit: int = 100


class FoundSymbol(msgspec.Struct, frozen=True, array_like=True):
    """A symbol and the file it is in."""

    path: bytes
    symbol: Symbol


class SymbolList(msgspec.Struct, frozen=True, array_like=True):
    """Symbols, best match first."""

    symbols: list[FoundSymbol]


class BatchRequest(msgspec.Struct, frozen=True, array_like=True):
    """The vectorization worker asks for chunks without a vector; parked up to `wait_s` seconds."""

    fingerprint: str
    dim: int
    max_items: int
    wait_s: float
    near: tuple[bytes, ...] = ()  # files near the open editors come first


class EmbedItem(msgspec.Struct, frozen=True, array_like=True):
    """One model input. `key` is xxh3_128 of header, a newline, and text (16 bytes)."""

    key: bytes
    header: str
    text: str


class EmbedBatch(msgspec.Struct, frozen=True, array_like=True):
    """Work for the vectorization worker, leased for the life of its connection."""

    items: list[EmbedItem]
    pending: int  # chunks and symbols still without a vector, these included


class VectorBatch(msgspec.Struct, frozen=True, array_like=True):
    """Finished vectors: `vectors` is n x dim float32, little endian, unit length, in `keys` order.

    `failed` are keys the model could not embed; they are not asked for again.
    """

    fingerprint: str
    dim: int
    keys: list[bytes]
    vectors: bytes
    failed: list[bytes]


class EmbedNow(msgspec.Struct, frozen=True, array_like=True):
    """Inputs that somebody waits for: the answer has those that are done after `budget_ms`."""

    items: list[EmbedItem]
    budget_ms: int
    second: bool = False  # by the model that gives second opinions


class QueryText(msgspec.Struct, frozen=True, array_like=True):
    """A query on its way to the model, as typed."""

    text: str
    second: bool = False  # to the model that gives second opinions


class QueryVector(msgspec.Struct, frozen=True, array_like=True):
    """A query's vector: dim float32, little endian, unit length; zeros when no word is known."""

    fingerprint: str
    dim: int
    vector: bytes
    symbol_weight: float = 0.2  # of its model: see `Embedder`


class WaitFor(msgspec.Struct, frozen=True, array_like=True):
    """Park until nothing is pending for the current model, at most `wait_s` seconds."""

    wait_s: float


class IndexStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one index, kept in the same transactions as what they count."""

    files: int  # indexed, skipped ones not counted
    chunks: int
    vectors: int  # chunks that have a vector of the current model
    pending: int  # inputs still to come for this model: chunks first, then symbols
    failed_vectors: int
    skipped: dict[str, int]
    commit: int
    chunks_written: int  # since this process started; 0 after a restart with no change on disk
    vectors_written: int
    fingerprint: str  # of the model that asked last, "" for none yet
    generation: int
    index_bytes: int
    text_bytes: int
    recovered: str = ""  # a sentence, when a damaged index was put aside at start
    opened_at: int = 0  # unix time in ns at which this process opened it: another one, another list
    rebuilding: bool = False  # not the whole folder yet; `finish_rebuild` says that it is


class Generation(msgspec.Struct, frozen=True, array_like=True):
    """One of an index's databases, by its number."""

    number: int


class Purged(msgspec.Struct, frozen=True, array_like=True):
    """How many bytes the index takes on disk after a purge."""

    index_bytes: int


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """What a full check of an index found, as sentences; `checked` says what was looked at."""

    problems: list[str]
    checked: str


class Empty(msgspec.Struct, frozen=True, array_like=True):
    """No parameters, or no result."""
