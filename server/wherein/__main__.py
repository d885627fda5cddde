"""The entry: `wherein serve` is the language server, everything else the command line.

The process of the server claims its stdio here, before anything else is imported: from then on a
stray print, of ours or of a library, goes to stderr and not between two messages. Workers do not
import this module again: the process that runs it was started as `python -I -m wherein`.
"""

from __future__ import annotations

import contextlib
import os
import sys


def main() -> int:
    """Run what the arguments ask for and return the exit code."""
    arguments = sys.argv[1:]
    os.umask(0o077)  # whatever is written is for this person alone
    if not sys.flags.isolated and sys.executable:
        return _isolated(arguments)
    if arguments[:1] == ["serve"] and not {"-h", "--help"} & set(arguments):
        known = ("--stdio", "--clientProcessId")  # what editors' client libraries add
        for argument in arguments[1:]:
            if not argument.startswith(known):
                sys.stderr.write(f"wherein serve: {argument} is not known. Use: serve --stdio\n")
                return 2
        stdin, stdout = _claim_stdio()
        from wherein.lsp.server import serve

        return serve(stdin, os.fdopen(stdout, "wb"))
    try:
        from wherein.cli import main as command_line

        code = command_line(arguments)
    except KeyboardInterrupt:  # before the command line heeds signals itself
        code = 130
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        sys.stdout.flush()
    os._exit(code)  # nothing is left to do, and taking the modules down takes 20 ms


def _isolated(arguments: list[str]) -> int:
    """Start over so that neither PYTHONPATH nor the current directory is imported from."""
    command = [sys.executable, "-I", "-m", "wherein", *arguments]
    if sys.platform == "win32":
        import subprocess  # noqa: TID251 - this same program; Windows cannot replace a process

        return subprocess.run(command, check=False).returncode  # noqa: S603 - our own arguments
    return os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


def _claim_stdio() -> tuple[int, int]:
    """Return private copies of stdin and stdout; then 0 is the null device and 1 is stderr.

    The copies are not inherited by child processes (PEP 446).
    """
    stdin, stdout = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started without a stderr
        os.dup2(null, 1)
        os.dup2(null, 2)
    os.close(null)
    if sys.platform == "win32":
        import msvcrt

        for fd in (stdin, stdout):
            msvcrt.setmode(fd, os.O_BINARY)
    return stdin, stdout


if __name__ == "__main__":
    sys.exit(main())
