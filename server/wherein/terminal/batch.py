"""`wherein search --batch`: one question a line in, one answer a line out, one warm set of workers.

Each answer is flushed before the next line is read, so a program may ask and wait in turn. A line
that cannot be answered gets a line that says why; the exit code is 0 when the input ends.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from wherein.errors import UsageError, WhereinError
from wherein.terminal.render import hit_object
from wherein.terminal.streams import Json, say, write_json

if TYPE_CHECKING:
    from wherein.terminal.search import SearchOptions
    from wherein.terminal.session import Session

MAX_QUERY: Final = 4096  # characters
MAX_LINE: Final = 1 << 20  # bytes; a longer line is not a question


def check_query(text: str) -> str:
    """Return the question without blanks around it. Raises UsageError when it is none."""
    text = text.strip()
    if not text:
        raise UsageError('Ask something: wherein search "where do we retry failed uploads"')
    if len(text) > MAX_QUERY:
        raise UsageError(f"The question has {len(text):,} characters; {MAX_QUERY:,} is the most")
    return text


def answer_all(session: Session, options: SearchOptions) -> None:
    """Answer every line of the batch, in order."""
    told: set[str] = set()
    if options.batch in (None, "-"):
        _answer_lines(sys.stdin.buffer, session, options, told)
    else:
        with Path(options.batch or "").open("rb") as file:
            _answer_lines(file, session, options, told)


def _answer_lines(file: BinaryIO, session: Session, options: SearchOptions, told: set[str]) -> None:
    for line in _lines(file):
        number: object = None
        try:
            request = _read(line)
            number = request.get("id")
            reply = _answer(request, session, options, told)
        except WhereinError as error:
            reply = {"id": number, "error": str(error)}
        write_json(reply, flush=True)


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Read lines, None for one that is too long to be a question."""
    while line := file.readline(MAX_LINE):
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass
        yield None


def _read(line: bytes | None) -> Json:
    if line is None:
        raise UsageError("The line is longer than 1 MiB")
    try:
        request = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError('The line is not JSON. Write {"id": 1, "query": "…"}') from error
    if not isinstance(request, dict):
        raise UsageError('The line is not an object. Write {"id": 1, "query": "…"}')
    return request


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _answer(request: Json, session: Session, options: SearchOptions, told: set[str]) -> Json:
    text = request.get("query")
    if not isinstance(text, str):
        raise UsageError("query must be a text")
    question = options.question(check_query(text))
    began = time.perf_counter()
    response = session.wait(session.database.search(question).future)
    milliseconds = (time.perf_counter() - began) * 1000
    for note in response.notes:
        if response.hits and note not in told:
            told.add(note)
            say(note)
    return {
        "id": request.get("id"),
        "ms": round(milliseconds, 3),
        "results": [hit_object(hit) for hit in response.hits],
    }
